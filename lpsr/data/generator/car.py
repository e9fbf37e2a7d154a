"""A car around a plate, front or rear, simple but in depth: body, glass, lamps, grille, bumper and wheels."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from lpsr.data.generator.painter import Painter
from lpsr.data.generator.scene import DISTANCE, badge, draw_paint, grille, mounting, recess, rotation
from lpsr.data.generator.style import Values
from lpsr.data.layout import Layout, plate_homography
from lpsr.plates import LETTERS, PROVINCES

# Behind the bumper the body bends back by this much at its sides, mm.
_ROUNDING = 150
_LENGTH = 4300


@dataclass(frozen=True)
class Light:
    """Something that shines at night: place and radius in pixels of the canvas, colour RGB, 0 to 255."""

    x: float
    y: float
    radius: float
    colour: tuple[float, float, float]


@dataclass(frozen=True)
class Car:
    """The measures of a car in mm from its plate's top left corner: x to the right, y down, z behind the plate.

    Attributes:
        rear: whether its rear is seen. paint: RGB. middle: x of its middle. half: half its width.
        ground: y of the road. edge: y of the upper edge of the front face, where bonnet or boot lid begin.
        stations: (y, z, half width) of the body's outline from the lower edge of the bumper to the end of the roof.
        glass: number of the panel between two stations that is the windscreen.
    """

    rear: bool
    paint: np.ndarray
    middle: float
    half: float
    ground: float
    edge: float
    stations: tuple[tuple[float, float, float], ...]
    glass: int

    @staticmethod
    def draw(layout: Layout, rng: np.random.Generator) -> "Car":
        """Some saloon, hatchback or van."""
        rear = rng.random() < 0.55
        half, below = rng.uniform(830, 930), layout.height_mm
        ground = below + (rng.uniform(300, 620) if rear else rng.uniform(260, 400))
        edge = min(ground - rng.uniform(780, 960), -170)
        roof = ground - rng.uniform(1420, 1720)
        stations = [(ground - rng.uniform(120, 190), 40, half * 0.93), (below * 0.5, 0, half), (edge, 25, half * 0.97)]
        if rear and rng.random() < 0.5:
            # No boot: the window begins at the edge.
            stations += [(roof, rng.uniform(150, 350), half * 0.74)]
        else:
            deck = rng.uniform(230, 420) if rear else rng.uniform(750, 1000)
            stations += [(edge - deck * 0.14, deck, half * 0.88), (roof, deck + rng.uniform(430, 680), half * 0.68)]
        stations += [(roof - 15, stations[-1][1] + 1300, half * 0.66)]
        return Car(rear, draw_paint(rng), layout.width_mm / 2, half, ground, edge, tuple(stations), len(stations) - 3)

    def outline(self) -> np.ndarray:
        """Points, ``(n, 3)``, whose hull is the whole car."""
        roof, far = self.stations[-1][0] - 40, _LENGTH
        box = [(y, z) for y in (self.ground, self.edge) for z in (0, far)] + [(roof, self.stations[-2][1]), (roof, far)]
        return np.array([(self.middle + side * self.half * 1.12, y, z) for side in (-1, 1) for y, z in box])


class SolidPainter(Painter):
    """Draws also shapes in space, ``(n, 3)`` in mm from the plate's top left corner; z is behind the plate.

    ``corners`` are the plate's in pixels, ``values`` the angles that they are seen at. ``soften`` blurs only around it.
    """

    def __init__(self, canvas: np.ndarray, layout: Layout, corners: np.ndarray, values: Values) -> None:
        super().__init__(canvas, plate_homography(layout, corners))
        turn = rotation(values)
        self.space = np.vstack([turn[:2], turn[2] / (DISTANCE * layout.width_mm)])
        self.space = np.hstack([self.space, self.space @ [[-layout.width_mm / 2], [-layout.height_mm / 2], [0]]])
        self.space[2, 3] += 1
        # The same view of the plate, moved and scaled to where the corners are.
        width, height = layout.width_mm, layout.height_mm
        first, last, centre = self.pixels(np.array([(0, 0, 0), (width, height, 0), (width / 2, height / 2, 0)]))
        size = np.hypot(*(corners[2] - corners[0])) / np.hypot(*(last - first))
        place = super().pixels(np.array([(width / 2, height / 2)]))[0] - size * centre
        self.scale = size
        self.space = np.array([[size, 0, place[0]], [0, size, place[1]], [0, 0, 1]]) @ self.space
        around = self._around(super().pixels(np.array([(x, y) for x in (-150, width + 150) for y in (-150, 290)])))
        self.window = around if self.canvas[around].size else np.s_[:1, :1]

    def pixels(self, points: np.ndarray) -> np.ndarray:
        if np.shape(points)[1] == 2:
            return super().pixels(points)
        seen = np.asarray(points) @ self.space[:, :3].T + self.space[:, 3]
        return seen[:, :2] / seen[:, 2:]

    def faces_camera(self, quad: np.ndarray) -> bool:
        """Whether the corners of a flat face, clockwise seen from outside, ``(n, 3)``, are so in the picture."""
        return cv2.contourArea(np.float32(self.pixels(quad)), oriented=True) > 0

    def shade(self, points: np.ndarray, factor: float) -> None:
        """Darken the inside of a polygon, with soft edges."""
        small = self.canvas.shape[1] // 8, self.canvas.shape[0] // 8
        mask = np.full(small[::-1], 255, np.uint8)
        cv2.fillPoly(mask, [np.rint(self.pixels(points) / 8).astype(np.int32)], 255 * factor)
        radius = max(1, round(60 * self.scale / 8))
        mask = cv2.resize(cv2.blur(mask, (2 * radius + 1, 2 * radius + 1)), self.canvas.shape[1::-1])
        cv2.multiply(self.canvas, cv2.merge([mask] * 3), self.canvas, 1 / 255)


def draw_car(painter: SolidPainter, car: Car, layout: Layout, rng: np.random.Generator, fittings: float) -> list[Light]:
    """The car with all that is around its plate; returns its lamps."""
    half, paint = car.half, car.paint
    low, far = car.ground, _LENGTH
    shadow = [(-1.1, -150), (1.1, -150), (1.1, far), (-1.1, far)]
    painter.shade(np.array([(car.middle + half * u, low, z) for u, z in shadow]), 0.35)
    for side in (-1, 1):
        x = car.middle + side * (half - 200)
        tyre = [(x - 95, low - 300), (x + 95, low - 300), (x + 95, low - 20), (x + 70, low), (x - 70, low)]
        painter.polygon(np.array([(a, b, 350) for a, b in tyre]), np.full(3, rng.uniform(14, 30)))
        _side(painter, car, side, rng.uniform(0.55, 0.85))
    panels = list(pairwise(car.stations))
    for number in reversed(range(len(panels))):
        lower, upper = (_across(car, *station) for station in panels[number])
        if not painter.faces_camera(np.concatenate([upper[[0, -1]], lower[[-1, 0]]])):
            continue
        if number == car.glass:
            _glass(painter, upper, lower, paint, rng, marks=not car.rear)
        else:
            sky = 1.3 if number > 1 else rng.uniform(1.0, 1.15)
            first, last = paint * sky + rng.uniform(0, 18), paint * rng.uniform(0.55, 0.95)
            painter.band(upper, lower, first, last, 10)
            painter.polygon(np.concatenate([lower + np.array([0, -8, 0]), lower[::-1]]), paint * rng.uniform(0.3, 0.7))
    skirt = _across(car, low - 250, 15, half), _across(car, low - 110, 45, half * 0.92)
    painter.band(*skirt, np.full(3, rng.uniform(20, 60)), np.full(3, 14.0), 4)
    # What surrounds the plate may reach this far.
    painter.left, painter.right = car.middle - half * 0.6, car.middle + half * 0.6
    painter.top, painter.bottom = car.edge, low - 200
    if car.rear:
        recess(painter, layout, rng, paint)
        _boot(painter, car, layout, rng)
    else:
        _front(painter, car, rng)
        if rng.random() < 0.6:
            grille(painter, layout, rng, paint)
    if rng.random() < 0.6 * fittings:
        badge(painter, layout, rng)
    lights = _lamps(painter, car, rng)
    painter.soften(1)
    mounting(painter, layout, rng, fittings)
    return lights


def _across(car: Car, y: float, z: float, half: float) -> np.ndarray:
    """A line across the body, 15 points from left to right; its ends bend back and down."""
    u = np.linspace(-1, 1, 15)
    return np.stack([car.middle + half * u, y + 30 * u**2, z + _ROUNDING * u**4], 1)


def _on_face(car: Car, points: list[tuple[float, float]]) -> np.ndarray:
    """Points (u, y) of the front face, u from −1 to 1 across the car, in space."""
    u, y = np.array(points).T
    return np.stack([car.middle + car.half * u, y, _ROUNDING * u**4], 1)


def _side(painter: SolidPainter, car: Car, side: int, shade: float) -> None:
    """Doors, windows and wheels of one side, where the camera sees it."""
    far, low, half = _LENGTH, car.ground, car.half

    def wall(points: list[tuple[float, float]] | np.ndarray, colour: np.ndarray) -> None:
        painter.polygon(np.array([(car.middle + side * half, y, z) for z, y in points]), colour)

    sill, start = low - 190, _ROUNDING * 0.2
    body = [(start, car.edge + 40), (far, car.edge), (far, sill), (start, sill)]
    corners = np.array([(car.middle + side * half, y, z) for z, y in body])
    if not painter.faces_camera(corners[::side]):
        return
    (cowl, cowl_z, waist), (roof, roof_z, narrow) = car.stations[-3:-1]

    def between(z: float, up: float) -> tuple[float, float, float]:
        """A point of the windows' wall, ``up`` from 0 at the waist to 1 at the roof."""
        return car.middle + side * (waist + (narrow - waist) * up), cowl + (roof - cowl) * up, z

    upper, rear = far - 1000, far - 150
    house = [between(cowl_z, 0), between(roof_z, 1), between(upper, 1), between(rear, 0)]
    glass = [between(z, up) for z, up in ((cowl_z + 200, 0.1), (roof_z + 90, 0.85), (upper, 0.85), (rear - 350, 0.1))]
    post = [between(z, up) for z, up in ((2000, 0.1), (2000, 0.85), (2100, 0.85), (2100, 0.1))]
    wall(body, car.paint * shade)
    shoulder = [between(0, 0), between(rear, 0), *corners[1::-1]]
    painter.polygon(np.array(shoulder), car.paint * shade * 1.1)
    for shape, colour in ((house, car.paint * shade), (glass, np.array([38.0, 44, 48])), (post, car.paint * shade)):
        painter.polygon(np.array(shape), colour)
    wall([(start, low - 480), (far, low - 480), (far, low - 440), (start, low - 440)], car.paint * shade * 0.6)
    for z in (850, far - 900):
        for radius, grey in ((390, 12), (330, 26), (215, 130), (60, 60)):
            angle = np.linspace(0, 2 * np.pi, 28)
            rim = np.stack([z + radius * np.cos(angle), np.minimum(low - 320 + radius * np.sin(angle), low)], 1)
            wall(rim, np.full(3, float(grey)))


def _glass(
    painter: SolidPainter,
    upper: np.ndarray,
    lower: np.ndarray,
    paint: np.ndarray,
    rng: np.random.Generator,
    *,
    marks: bool,
) -> None:
    """A windscreen between its pillars, dark with the reflection of what is opposite."""
    painter.polygon(np.concatenate([upper, lower[::-1]]), paint * 0.9)
    middle = (upper + lower) / 2
    upper, lower = ((line - middle.mean(0)) * 0.91 + middle.mean(0) for line in (upper, lower))
    dark, bright = rng.uniform(18, 50), rng.uniform(50, 130)
    painter.band(upper, lower, np.array([dark, dark * 1.05, dark * 1.1]), np.full(3, bright), 16)
    for _ in range(rng.integers(1, 5)):
        # Patches of sky between dark trees or walls.
        share, first = rng.uniform(0.1, 0.9, 2), rng.integers(0, 11)
        chosen = np.s_[first : first + rng.integers(2, 5)]
        top, bottom = (upper[chosen] + (lower[chosen] - upper[chosen]) * value for value in np.sort(share))
        painter.polygon(np.concatenate([top, bottom[::-1]]), np.array([0.9, 0.97, 1.0]) * rng.uniform(30, 170))
    if marks:
        # Inspection marks in an upper corner.
        for place in (2, 3):
            spot = upper[place] + (lower[place] - upper[place]) * 0.12
            mark = np.array([(-24, -20, 0), (24, -20, 0), (24, 20, 0), (-24, 20, 0)]) + spot
            painter.polygon(mark, np.array([(60.0, 150, 90), (225, 200, 60)][place - 2]))


def _front(painter: SolidPainter, car: Car, rng: np.random.Generator) -> None:
    """The grille between the lamps and the lower air intake."""
    black, chrome = np.full(3, rng.uniform(10, 34)), np.full(3, rng.uniform(120, 235))
    top, bottom = car.edge + rng.uniform(25, 70), -rng.uniform(35, 70)
    wide, narrow = rng.uniform(0.4, 0.52), rng.uniform(0.25, 0.4)
    shape = np.array([(-wide, top), (wide, top), (wide, (top + bottom) / 2), (narrow, bottom), (-narrow, bottom)])
    shape = np.vstack([shape, (-wide, (top + bottom) / 2)])
    centre = shape.mean(0)
    for scale, colour in ((1.08, chrome if rng.random() < 0.6 else car.paint * 0.5), (1.0, black)):
        painter.polygon(_on_face(car, (shape - centre) * scale + centre), colour)
    slat = chrome if rng.random() < 0.4 else black * 1.8 + 15
    for y in np.arange(top + 25, bottom - 15, rng.uniform(24, 60)):
        painter.polygon(_on_face(car, [(-narrow, y), (narrow, y), (narrow, y + 9), (-narrow, y + 9)]), slat)
    intake = car.ground - rng.uniform(300, 340), car.ground - rng.uniform(200, 240)
    painter.polygon(_on_face(car, [(-0.7, intake[0]), (0.7, intake[0]), (0.6, intake[1]), (-0.6, intake[1])]), black)


def _boot(painter: SolidPainter, car: Car, layout: Layout, rng: np.random.Generator) -> None:
    """The lid's seam, and the maker's and the model's name in letters of chrome."""
    seam = car.ground - rng.uniform(330, 400)
    if seam > layout.height_mm + 40:
        line = _across(car, seam, 0, car.half * 0.95)
        painter.polygon(np.concatenate([line, line[::-1] + np.array([0, 9, 0])]), car.paint * 0.3)
    chrome = np.full(3, rng.uniform(150, 240) if car.paint.mean() < 170 else rng.uniform(50, 110))
    y = (car.edge + min(-50, car.edge + 120)) / 2
    for left in (-0.62, 0.4):
        if rng.random() < 0.7:
            alphabet = PROVINCES if rng.random() < 0.3 else LETTERS
            name = "".join(rng.choice(list(alphabet), rng.integers(3, 7)))
            painter.letters(name, car.middle + left * car.half, y, rng.uniform(30, 46), chrome)


def _lamps(painter: SolidPainter, car: Car, rng: np.random.Generator) -> list[Light]:
    """Head or tail lamps, a pair; as they are, and as what shines at night."""
    top, height = car.edge + rng.uniform(20, 80), rng.uniform(90, 190)
    inner, slant = rng.uniform(0.52, 0.66), rng.uniform(-20, 60)
    grey = np.full(3, rng.uniform(95, 190))
    red = np.array([rng.uniform(130, 200), rng.uniform(12, 35), rng.uniform(15, 40)])
    lights = []
    for side in (-1, 1):
        shape = [(inner, top + slant), (0.97, top - 10), (0.97, top + height * 0.8), (inner + 0.06, top + height)]
        for scale, colour in ((1.08, car.paint * 0.35), (1.0, red if car.rear else grey)):
            centre = np.mean(shape, 0)
            points = (np.array(shape) - centre) * scale + centre
            painter.polygon(_on_face(car, points * (side, 1)), colour)
        u, y = side * (inner + 0.17), top + height * 0.5
        radius = height * 0.3
        for share, colour in ((1.0, red * 1.3 if car.rear else grey * 0.45), (0.7, grey * 1.3)):
            ring = np.linspace(0, 2 * np.pi, 20)
            spot = np.stack([u + np.cos(ring) * radius * share / car.half, y + np.sin(ring) * radius * share], 1)
            painter.polygon(_on_face(car, spot), np.minimum(colour, 255))
        place, end = painter.pixels(_on_face(car, [(u, y), (u, y + radius)]))
        shine = (255.0, 60.0, 40.0) if car.rear else (255.0, 246.0, 220.0)
        lights.append(Light(*place, float(np.hypot(*(end - place))), shine))
    return lights
