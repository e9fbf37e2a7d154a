"""What is behind and below the cars of a photo: walls, shops and their signs, trees, the road and what lies on it."""

import cv2
import numpy as np

from lpsr.data.generator.car import Light
from lpsr.data.generator.painter import Painter
from lpsr.plates import DIGITS, LETTERS, PROVINCES

PLACES = ("street", "park", "wall", "garage")
# Boards of shops and road signs: some have the colours of plates.
_BOARDS = [
    ((22, 74, 176), (236, 238, 240)),
    ((24, 120, 62), (238, 240, 238)),
    ((190, 28, 30), (250, 226, 90)),
    ((236, 184, 24), (24, 24, 24)),
    ((238, 238, 236), (190, 24, 28)),
    ((28, 28, 32), (236, 236, 236)),
    ((150, 208, 170), (20, 24, 22)),
    ((120, 70, 36), (240, 214, 150)),
]


def draw_street(painter: Painter, horizon: float, unit: float, rng: np.random.Generator) -> list[Light]:
    """Fill the picture: what stands above the height ``horizon``, and the ground below; returns what shines at night.

    ``unit`` is the picture's width; both in the painter's own units.
    """
    place = PLACES[rng.choice(len(PLACES), p=(0.45, 0.25, 0.15, 0.15))]
    sky = np.array([(150, 190, 235), (205, 214, 222), (235, 238, 240)][rng.integers(3)], float)
    lights: list[Light] = []
    _fill(painter, painter.top, horizon, sky, sky * 0.4 + 150)
    if place in ("street", "park"):
        lights += _buildings(painter, horizon, unit, rng)
    if place in ("wall", "garage"):
        _wall(painter, horizon, unit, rng, place == "garage")
    for _ in range({"street": 2, "park": 4, "wall": 1, "garage": 0}[place]):
        _tree(painter, horizon, unit, rng)
    _road(painter, horizon, unit, rng)
    _grain(painter, rng)
    if place in ("street", "park") and rng.random() < 0.6:
        _fill(painter, horizon - unit * rng.uniform(0.02, 0.1), horizon, np.array([40.0, 76, 34]), np.full(3, 30.0))
    for _ in range(rng.integers(0, 4)):
        _post(painter, horizon, unit, rng)
    return lights


def _fill(painter: Painter, top: float, bottom: float, first: np.ndarray, last: np.ndarray) -> None:
    """A level band across the whole picture."""
    ends = np.array([painter.left, painter.right])
    upper, lower = (np.stack([ends, np.full(2, y)], 1) for y in (top, bottom))
    painter.band(upper, lower, first, last, 8)


def _words(rng: np.random.Generator) -> str:
    """Something that a sign may say and no plate does: characters, letters or digits alone."""
    alphabet = [PROVINCES, LETTERS, DIGITS][rng.integers(3)]
    return "".join(rng.choice(list(alphabet), rng.integers(2, 6 if alphabet == PROVINCES else 9)))


def _board(painter: Painter, left: float, top: float, width: float, height: float, rng: np.random.Generator) -> None:
    """A sign with words as large as fit."""
    ground, ink = (np.array(colour, float) for colour in _BOARDS[rng.integers(len(_BOARDS))])
    painter.box(left, top, left + width, top + height, ground * rng.uniform(0.75, 1.1), height * 0.06)
    if rng.random() < 0.3:
        rim = height * 0.06
        painter.box(left + rim, top + rim, left + width - rim, top + height - rim, ink)
        painter.box(left + 2 * rim, top + 2 * rim, left + width - 2 * rim, top + height - 2 * rim, ground)
    text = _words(rng)
    size = min(height * 0.64, width * 0.86 / (0.62 * len(text)))
    painter.letters(text, left + (width - 0.62 * size * len(text)) / 2, top + (height - size) / 2, size, ink)


def _buildings(painter: Painter, horizon: float, unit: float, rng: np.random.Generator) -> list[Light]:
    """A row of houses with windows, shops with boards on the ground floor."""
    lights, x = [], painter.left
    while x < painter.right:
        width = unit * rng.uniform(0.22, 0.6)
        colour = np.array([(168, 160, 150), (190, 178, 158), (140, 142, 146), (176, 128, 104)][rng.integers(4)], float)
        colour *= rng.uniform(0.6, 1.2)
        top = horizon - unit * rng.uniform(0.25, 1.1)
        painter.box(x, top, x + width, horizon, colour)
        painter.box(x, top, x + width * 0.06, horizon, colour * 0.8)
        columns, storey = rng.integers(2, 6), unit * rng.uniform(0.07, 0.12)
        shop = unit * rng.uniform(0.1, 0.2)
        pane = np.array([0.8, 0.95, 1.05]) * rng.uniform(35, 110)
        for y in np.arange(horizon - shop - unit * 0.07 - storey, max(top, painter.top - storey), -storey)[:8]:
            for column in range(columns):
                left = x + width * (0.12 + 0.82 * column / columns)
                right = left + width * 0.55 / columns
                painter.box(left, y, right, y + storey * 0.6, pane * rng.uniform(0.7, 1.4))
                if rng.random() < 0.25:
                    place = painter.pixels(np.array([((left + right) / 2, y + storey * 0.3)]))[0]
                    scale = np.sqrt(abs(np.linalg.det(painter.homography[:2, :2])))
                    lights.append(Light(*place, storey * 0.12 * scale, (230.0, 190.0, 120.0)))
        painter.box(x + width * 0.08, horizon - shop, x + width * 0.95, horizon, pane * 0.7)
        for share in np.arange(0.1, 0.95, 0.14):
            painter.box(x + width * share, horizon - shop, x + width * (share + 0.012), horizon, colour * 0.6)
        height = unit * rng.uniform(0.045, 0.085)
        _board(painter, x + width * 0.08, horizon - shop - height, width * 0.86, height, rng)
        x += width
    return lights


def _wall(painter: Painter, horizon: float, unit: float, rng: np.random.Generator, garage: bool) -> None:
    """A wall of bricks or plaster with a poster, or a garage with pillars."""
    colour = np.array([(150, 146, 138), (164, 112, 92), (196, 194, 186)][rng.integers(3)], float) * (0.6 + 0.4 * garage)
    _fill(painter, painter.top, horizon, colour * (0.5 if garage else 1.1), colour)
    if garage:
        for x in np.arange(painter.left, painter.right, unit * rng.uniform(0.4, 0.7)) + rng.uniform(0, unit * 0.3):
            painter.box(x, painter.top, x + unit * 0.11, horizon + unit * 0.03, colour * 1.25)
            for stripe in range(6):
                y = horizon - unit * 0.03 * stripe
                ink = np.array([(20.0, 20, 20), (235, 190, 30)][stripe % 2])
                painter.box(x, y, x + unit * 0.11, y + unit * 0.03, ink)
            _board(painter, x + unit * 0.01, horizon - unit * 0.4, unit * 0.09, unit * 0.06, rng)
    else:
        step = unit * rng.uniform(0.03, 0.09)
        for number, y in enumerate(np.arange(horizon, painter.top, -step)[:60]):
            painter.box(painter.left, y - unit * 0.003, painter.right, y, colour * 0.75)
            for x in np.arange(painter.left + step * (number % 2), painter.right, step * 2)[:40]:
                painter.box(x, y - step, x + unit * 0.003, y, colour * 0.75)
    for _ in range(rng.integers(0, 4)):
        width = unit * rng.uniform(0.12, 0.35)
        x, y = rng.uniform(painter.left, painter.right), horizon - unit * rng.uniform(0.15, 0.5)
        _board(painter, x, y, width, width * rng.uniform(0.28, 0.6), rng)


def _tree(painter: Painter, horizon: float, unit: float, rng: np.random.Generator) -> None:
    x, crown = rng.uniform(painter.left, painter.right), horizon - unit * rng.uniform(0.35, 0.8)
    thick = unit * rng.uniform(0.012, 0.035)
    painter.box(x - thick, crown, x + thick, horizon + unit * 0.03, np.array([74.0, 62, 52]))
    size = unit * rng.uniform(0.15, 0.32)
    leaf = np.array([52.0, 92, 40]) * rng.uniform(0.6, 1.2)
    for _ in range(70):
        reach, angle = size * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
        at = x + reach * np.cos(angle) * 1.2, crown + reach * np.sin(angle) * 0.8
        painter.ellipse(
            *at, size * rng.uniform(0.05, 0.2), size * rng.uniform(0.04, 0.13), leaf * rng.uniform(0.4, 1.6)
        )


def _road(painter: Painter, horizon: float, unit: float, rng: np.random.Generator) -> None:
    """Asphalt, concrete or paving; lines that run to the horizon; leaves, covers and numbers of parking bays."""
    colour = np.array([(92, 94, 97), (132, 130, 126), (164, 160, 152)][rng.integers(3)], float) * rng.uniform(0.7, 1.2)
    _fill(painter, horizon, painter.bottom, colour * rng.uniform(0.9, 1.25), colour)
    depth, vanishing = painter.bottom - horizon, rng.uniform(-0.2, 1.2) * unit

    def along(x: float, width: float, shade: np.ndarray, start: float = 0.0, end: float = 1.0) -> None:
        """A stripe to the vanishing point from ``x`` at the lower edge; start and end as shares of the way down."""
        points = [(x, start), (x + width, start), (x + width, end), (x, end)]
        way = [(vanishing + (a - vanishing) * share, horizon + depth * share) for a, share in points]
        painter.polygon(np.array(way), shade)

    if rng.random() < 0.35:
        for x in np.arange(painter.left - unit, painter.right + unit, unit * rng.uniform(0.12, 0.3)):
            along(x, unit * 0.006, colour * 0.75)
        for share in 1 / np.linspace(1, 12, 24):
            y = horizon + depth * share
            painter.box(painter.left, y, painter.right, y + depth * 0.006 * share, colour * 0.75)
    if rng.random() < 0.6:
        kerb = rng.choice([-1, 1]) * unit * rng.uniform(0.4, 1.2) + unit / 2
        along(kerb, unit * 0.1, colour * 1.3 + 10)
        along(kerb + unit * 0.1, unit * 0.03, colour * 0.6)
    white = np.full(3, rng.uniform(170, 235)) * ((1, 1, 1) if rng.random() < 0.75 else (1, 0.8, 0.3))
    for _ in range(rng.integers(0, 4)):
        x, width = rng.uniform(-0.6, 1.6) * unit, unit * rng.uniform(0.04, 0.1)
        pieces = rng.integers(1, 5)
        for piece in range(pieces):
            along(x, width, white, piece / pieces, (piece + (1 if pieces == 1 else 0.5)) / pieces)
    if rng.random() < 0.4:
        share = rng.uniform(0.3, 0.9)
        y = horizon + depth * share
        painter.box(painter.left, y, painter.right, y + depth * 0.05 * share, white)
    if rng.random() < 0.3:
        text = "".join(rng.choice(list(DIGITS), 3))
        painter.letters(text, rng.uniform(0, 0.8) * unit, horizon + depth * rng.uniform(0.3, 0.85), unit * 0.07, white)
    if rng.random() < 0.3:
        x, y = rng.uniform(0, unit), horizon + depth * rng.uniform(0.3, 0.9)
        painter.ellipse(x, y, unit * 0.09, unit * 0.035, colour * 0.5)
        painter.ellipse(x, y, unit * 0.08, unit * 0.03, colour * 0.75)
    for _ in range(rng.integers(0, 40)):
        share = np.sqrt(rng.random())
        x, y = rng.uniform(painter.left, painter.right), horizon + depth * share
        size = unit * 0.016 * share * rng.uniform(0.4, 1)
        painter.ellipse(x, y, size, size * rng.uniform(0.3, 0.8), np.array([150.0, 108, 50]) * rng.uniform(0.4, 1.3))


def _grain(painter: Painter, rng: np.random.Generator) -> None:
    """The roughness of walls and road."""
    height, width = painter.canvas.shape[:2]
    noise = np.zeros((height, width), np.uint8)
    for cell, depth in ((4, 44), (24, 22)):
        rough = rng.integers(0, depth, (height // cell + 1, width // cell + 1), dtype=np.uint8)
        noise = cv2.add(noise, cv2.resize(rough, (width, height), interpolation=cv2.INTER_LINEAR))
    cv2.multiply(painter.canvas, cv2.merge([cv2.add(noise, 95)] * 3), painter.canvas, 1 / 128)


def _post(painter: Painter, horizon: float, unit: float, rng: np.random.Generator) -> None:
    """A sign on a post: a parking sign, a direction, a house number."""
    x, top = rng.uniform(painter.left, painter.right), horizon - unit * rng.uniform(0.15, 0.5)
    painter.box(x - unit * 0.008, top, x + unit * 0.008, horizon + unit * 0.1, np.full(3, rng.uniform(90, 170)))
    if rng.random() < 0.4:
        side = unit * rng.uniform(0.06, 0.12)
        painter.box(x - side / 2, top, x + side / 2, top + side * 1.3, np.array([24.0, 84, 190]), side * 0.1)
        painter.letters("P", x - side * 0.26, top + side * 0.2, side * 0.85, np.full(3, 240.0))
        return
    width = unit * rng.uniform(0.1, 0.24)
    _board(painter, x - width / 2, top, width, width * rng.uniform(0.28, 0.5), rng)
