"""The camera's view of the plate on a car: perspective, and procedural bodywork around it."""

from itertools import pairwise

import numpy as np

from lpsr.data.generator.face import cloud
from lpsr.data.generator.painter import Painter
from lpsr.data.generator.style import Values
from lpsr.data.layout import Layout

# From the camera to the plate, in plate widths.
DISTANCE = 8
# Car paints as sold in China, RGB in mid light, white and black most often.
_PAINTS = (
    [(214, 216, 217)] * 9
    + [(24, 25, 28)] * 5
    + [(128, 131, 135)] * 3
    + [(78, 82, 88)] * 3
    + [(120, 22, 26), (140, 34, 30), (28, 48, 92), (98, 78, 58), (152, 138, 112), (60, 34, 30), (176, 170, 158)]
)


def rotation(values: Values) -> np.ndarray:
    """The ``(3, 3)`` turn of the car before the camera: x to the right, y down, z away from it."""
    turn, pitch, tilt = np.deg2rad([values.turn, values.pitch, values.tilt])
    cos, sin = np.cos, np.sin
    about_y = np.array([[cos(turn), 0, sin(turn)], [0, 1, 0], [-sin(turn), 0, cos(turn)]])
    about_x = np.array([[1, 0, 0], [0, cos(pitch), -sin(pitch)], [0, sin(pitch), cos(pitch)]])
    about_z = np.array([[cos(tilt), -sin(tilt), 0], [sin(tilt), cos(tilt), 0], [0, 0, 1]])
    return about_z @ about_x @ about_y


def plate_corners(layout: Layout, values: Values) -> tuple[np.ndarray, int, int]:
    """Where the plate's corners fall in the picture, ``(4, 2)`` float32 clockwise from top left, and the picture's
    width and height in pixels. A pinhole camera 8 plate widths away sees the plate turned, pitched and tilted."""
    half_width, half_height = layout.width_mm / 2, layout.height_mm / 2
    corners = np.array(
        [
            [-half_width, -half_height, 0],
            [half_width, -half_height, 0],
            [half_width, half_height, 0],
            [-half_width, half_height, 0],
        ]
    )
    seen = corners @ rotation(values).T
    points = seen[:, :2] / (1 + seen[:, 2:] / (DISTANCE * layout.width_mm))
    points *= values.width / np.ptp(points[:, 0])
    span = np.ptp(points, axis=0)
    width = round(span[0] / (1 - 2 * values.margin_x))
    height = round(span[1] / (1 - 2 * values.margin_y))
    points += (np.array([width, height]) - span) / 2 - points.min(0)
    return points.astype(np.float32), width, height


def draw_paint(rng: np.random.Generator) -> np.ndarray:
    """A car's colour, RGB."""
    return np.array(_PAINTS[rng.integers(len(_PAINTS))], float) * rng.uniform(0.8, 1.15) + rng.normal(0, 3, 3)


def draw_surroundings(painter: Painter, layout: Layout, rng: np.random.Generator, fittings: float) -> None:
    """Bodywork, trim and plate mounting behind and around the plate."""
    paint = draw_paint(rng)
    rear = rng.random() < 0.6
    _bodywork(painter, rng, paint)
    painter.soften(4)
    (recess if rear else grille)(painter, layout, rng, paint)
    if rng.random() < 0.3 * fittings:
        badge(painter, layout, rng)
    if rng.random() < 0.15 * fittings:
        _lamp(painter, layout, rng)
    if rng.random() < 0.25 * fittings:
        side = rng.choice([-1, 1])
        x = layout.width_mm / 2 + side * (layout.width_mm / 2 + rng.uniform(25, 70))
        y, radius = rng.uniform(-60, 200), rng.uniform(6, 11)
        painter.ellipse(x, y, radius + 2, radius + 2, paint * 0.7)
        painter.ellipse(x, y, radius, radius, np.full(3, rng.uniform(10, 40)))
    painter.soften(1)
    mounting(painter, layout, rng, fittings)


def _curve(painter: Painter, y: float, bow: float, slope: float) -> np.ndarray:
    """A shallow curve across the view at height ``y``, 11 points in mm; ``bow`` lifts (+) its ends."""
    x = np.linspace(painter.left, painter.right, 11)
    u = (x - (painter.left + painter.right) / 2) / (painter.right - painter.left) * 2
    return np.stack([x, y - bow * u * u + slope * u], 1)


def _lower(curve: np.ndarray, distance: float) -> np.ndarray:
    """The same curve further down the plate's plane, mm."""
    return curve + np.array([0, distance])


def _strip(curve: np.ndarray, thickness: float) -> np.ndarray:
    """The polygon below a curve, so thick, mm."""
    return np.concatenate([curve, _lower(curve, thickness)[::-1]])


def _bodywork(painter: Painter, rng: np.random.Generator, paint: np.ndarray) -> None:
    """Panels with creases: each catches the sky at its upper edge and darkens towards its lower one."""
    bow, slope = rng.uniform(-8, 22), rng.normal(0, 3)
    edges = [painter.top - 60, *np.sort(rng.uniform(painter.top, painter.bottom, rng.integers(1, 4)))]
    edges.append(painter.bottom + 60)
    for upper, lower in pairwise(edges):
        sky = rng.uniform(1.0, 1.35)
        first, last = paint * sky + rng.uniform(0, 22), paint * rng.uniform(0.5, 0.95)
        painter.band(_curve(painter, upper, bow, slope), _curve(painter, lower, bow, slope), first, last, 12)
        crease = _curve(painter, upper, bow, slope)
        painter.polygon(_strip(crease, rng.uniform(2, 6)), paint * rng.uniform(0.25, 0.6))
    if rng.random() < 0.5:
        # The sharp reflection of the horizon that glossy paint shows.
        y = rng.uniform(painter.top, painter.bottom)
        thickness = rng.uniform(4, 26)
        upper = _curve(painter, y, bow * 1.5, slope)
        glow = np.minimum(paint * 1.25 + rng.uniform(25, 70), 245)
        painter.band(upper, _lower(upper, thickness), glow, paint * 1.05, 4)


def recess(painter: Painter, layout: Layout, rng: np.random.Generator, paint: np.ndarray) -> None:
    """The tray of a boot lid: darker above where the lid overhangs, lighter where it slopes back out."""
    left, right = -rng.uniform(8, 75), layout.width_mm + rng.uniform(8, 75)
    top, bottom = -rng.uniform(10, 50), layout.height_mm + rng.uniform(8, 50)
    cut = rng.uniform(0, 45)
    shade = rng.uniform(0.3, 0.75) if rng.random() < 0.75 else rng.uniform(0.08, 0.2)
    upper = np.array([[left + cut, top], [right - cut, top]])
    lower = np.array([[left - cut * 0.3, bottom], [right + cut * 0.3, bottom]])
    rim = rng.uniform(2, 6)
    widen, spread = np.array([[-rim, -rim], [rim, -rim]]), np.array([[-rim, rim], [rim, rim]])
    painter.polygon(np.concatenate([upper + widen, (lower + spread)[::-1]]), paint * 1.12 + 8)
    painter.band(upper, lower, paint * shade * 0.55, paint * min(1.0, shade * 1.35), 12)
    painter.soften(rng.uniform(1.5, 4))
    if rng.random() < 0.45:
        thickness = rng.uniform(8, 24)
        y = top - thickness - rng.uniform(-6, 16)
        bright = rng.uniform(170, 245)
        strip = np.array([[left - 30, y], [right + 30, y]])
        middle, low = _lower(strip, thickness * 0.4), _lower(strip, thickness)
        painter.band(strip, middle, np.full(3, bright * 0.8), np.full(3, bright), 4)
        painter.band(middle, low, np.full(3, bright * 0.35), np.full(3, bright * 0.7), 4)


def grille(painter: Painter, layout: Layout, rng: np.random.Generator, paint: np.ndarray) -> None:
    """A front bumper: black intake with slats, or a plain bar that carries the plate."""
    bow = rng.uniform(5, 28)
    top, bottom = -rng.uniform(-40, 75), layout.height_mm + rng.uniform(-30, 90)
    black = rng.uniform(8, 34) * np.array([1, 1.01, 1.05])
    upper, lower = _curve(painter, top, bow, 0), _curve(painter, bottom, bow * 0.6, 0)
    painter.polygon(np.concatenate([upper, lower[::-1]]), black)
    pitch = rng.uniform(13, 34)
    slat = black * 1.5 + rng.uniform(4, 50) if rng.random() < 0.75 else np.full(3, rng.uniform(120, 210))
    steps = int((bottom - top) / pitch)
    if rng.random() < 0.75:
        for step in range(1, steps):
            line = upper + (lower - upper) * (step / steps)
            painter.polygon(_strip(line, pitch * 0.32), slat)
    if rng.random() < 0.3:
        for x in np.arange(painter.left, painter.right, rng.uniform(18, 40)):
            painter.box(x, max(top, painter.top) + bow, x + 3, bottom - bow, slat * 0.8)
    for edge, share in ((upper, 0.5), (lower, 0.4)):
        if rng.random() < share:
            bright = rng.uniform(110, 235)
            painter.band(edge, _lower(edge, rng.uniform(5, 14)), np.full(3, bright), np.full(3, bright * 0.45), 3)
    if rng.random() < 0.4:
        painter.box(-14, -12, layout.width_mm + 14, layout.height_mm + 12, black * 1.3 + 6, 8)


def badge(painter: Painter, layout: Layout, rng: np.random.Generator) -> None:
    """A maker's emblem above the plate."""
    metal = rng.uniform(140, 235)
    chrome, dark = np.full(3, metal), np.full(3, metal * 0.3)
    x, y = layout.width_mm / 2 + rng.normal(0, 10), -rng.uniform(48, 95)
    radius_x = rng.uniform(28, 48)
    radius_y = radius_x * rng.uniform(0.55, 1)
    painter.ellipse(x, y, radius_x, radius_y, chrome)
    painter.ellipse(x, y + 1, radius_x * 0.82, radius_y * 0.78, dark)
    wings = [[x - radius_x * 0.6, y], [x, y - radius_y * 0.7], [x + radius_x * 0.6, y], [x, y + 9]]
    painter.polygon(np.array(wings), chrome * 0.9)


def _lamp(painter: Painter, layout: Layout, rng: np.random.Generator) -> None:
    """The edge of a tail lamp at one side."""
    red = np.array([rng.uniform(120, 200), rng.uniform(10, 30), rng.uniform(15, 35)])
    y0, y1 = rng.uniform(-120, -20), rng.uniform(30, 180)
    inner = layout.width_mm + rng.uniform(40, 80) if rng.random() < 0.5 else -rng.uniform(40, 80)
    outer = painter.right + 60 if inner > 0 else painter.left - 60
    far = np.array([[outer, y0 - 10], [inner, y0]]), np.array([[outer, y1 + 10], [inner + np.sign(inner) * 12, y1]])
    painter.band(far[0], far[1], red * 1.3, red * 0.6, 5)


def mounting(painter: Painter, layout: Layout, rng: np.random.Generator, fittings: float) -> None:
    """The plate's shadow, its holder frame, and the dealer's strip below."""
    width, height = layout.width_mm, layout.height_mm
    drop, side = rng.uniform(4, 13), rng.normal(0, 4)
    painter.box(side - 3, 3, width + side + 3, height + drop, np.full(3, rng.uniform(6, 32)), 9)
    if rng.random() < 0.35 * fittings:
        rim = rng.uniform(4, 11)
        colour = np.full(3, rng.uniform(165, 235) if rng.random() < 0.45 else rng.uniform(15, 50))
        strip = rng.uniform(12, 22) if rng.random() < 0.5 else rim
        painter.box(-rim, -rim, width + rim, height + strip, colour, rim)
        painter.box(-1.5, -1.5, width + 1.5, height + 1.5, colour * 0.45, 4)
        if strip > rim:
            ink = np.full(3, 225.0) if colour[0] < 100 else np.full(3, 40.0)
            x = rng.uniform(60, 140)
            for _ in range(rng.integers(6, 14)):
                painter.box(x, height + 5, x + rng.uniform(6, 11), height + strip - 4, colour * 0.4 + ink * 0.6)
                x += rng.uniform(13, 22)


def body_texture(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Uneven reflections over everything that is not the plate, ``(H, W)`` float32 factor about 1."""
    return 0.88 + 0.24 * cloud(rng, width, height, 5, 4)
