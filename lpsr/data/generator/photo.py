"""Whole photos of cars in a street: where every plate is, and what it says, is known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from lpsr.data.generator.camera import light, photograph
from lpsr.data.generator.car import Car, Light, SolidPainter, draw_car
from lpsr.data.generator.draw import DETAIL, draw_text, face_scale
from lpsr.data.generator.face import SHEETS, cloud, draw_face
from lpsr.data.generator.painter import Painter
from lpsr.data.generator.scene import plate_corners
from lpsr.data.generator.street import draw_street
from lpsr.data.generator.style import Range, Style, Values
from lpsr.data.layout import BLUE, GREEN, Layout
from lpsr.errors import InputError

COLOURS = (*SHEETS, "green")
MOST_PLATES = 6
# A person with a phone in the street.
PHOTO = Style(tilt=Range(-15, 15, 0), turn=Range(-35, 35, 0))
WIDTH = Range(0.08, 0.45, 0.2)


@dataclass(frozen=True)
class PhotoPlate:
    """A plate in a photo.

    Attributes:
        text: what it says. kind: "blue", "green", "yellow", "white" or "black".
        corners: ``(4, 2)`` float32 pixels, clockwise from its own top left; pixel i covers [i, i + 1).
    """

    text: str
    kind: str
    corners: np.ndarray


@dataclass(frozen=True)
class GeneratedPhoto:
    """``picture``: ``(H, W, 3)`` uint8 RGB. ``plates``: those in it, the widest first."""

    picture: np.ndarray
    plates: tuple[PhotoPlate, ...]


@dataclass(frozen=True)
class _Placed:
    """A car in the photo, and the plate it carries (no text: none)."""

    layout: Layout
    values: Values
    corners: np.ndarray
    car: Car
    text: str
    kind: str


def generate_photo(
    seed: int,
    index: int,
    *,
    plates: int = 1,
    size: tuple[int, int] = (720, 1160),
    night: bool = False,
    colours: Sequence[str] = ("blue", "green"),
    cropped: bool = False,
    width: Range = WIDTH,
    style: Style | None = None,
) -> GeneratedPhoto:
    """Render photo number ``index`` of the series ``seed``; the same arguments give the same bytes, in any order.

    ``plates``: how many cars with a plate, 0 to 6; with 0 a street, or a car without a plate. ``size``: width and
    height in pixels. ``colours``: each plate takes one of them. ``cropped``: the widest plate reaches beyond the
    border by up to 40 % of itself. ``width``: of a plate's bounding box as a share of the photo's, less where several
    plates need their place. ``style``: light, camera, angles, dirt, province; its kind, width and margins are not used.

    Raises InputError for a negative seed or index and for numbers, sizes or colours that cannot be drawn.
    """
    style = style or PHOTO
    _check(seed, index, plates, size, colours, cropped, width)
    rng = np.random.default_rng([seed, index, plates])
    values = _night(style.draw(rng), rng) if night else style.draw(rng)
    kinds = [str(colours[rng.integers(len(colours))]) for _ in range(plates)]
    numbers = range(index * MOST_PLATES, index * MOST_PLATES + plates)
    fixed = [replace(style, kind="green" if kind == "green" else "blue") for kind in kinds]
    texts = [draw_text(rng, one, number) for one, number in zip(fixed, numbers, strict=True)]
    cars = list(zip(texts, kinds, strict=True)) or [("", "blue")] * int(rng.random() < 0.6)
    placed = _place(rng, cars, size, style, width, cropped)

    canvas = np.zeros((size[1] * DETAIL, size[0] * DETAIL, 3), np.uint8)
    lights = _draw_background(canvas, placed, rng)
    for one in reversed(placed):
        painter = SolidPainter(canvas, one.layout, one.corners * DETAIL, one.values)
        lights += draw_car(painter, one.car, one.layout, rng, style.fittings)
    inside = np.zeros(canvas.shape[:2], np.uint8)
    for one in placed:
        if one.text:
            np.maximum(inside, _paste(canvas, one, rng, style.fittings), out=inside)
    picture = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    coverage = cv2.resize(inside, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    texture = 0.88 + 0.24 * cloud(rng, *size, 7, 9)
    picture *= (texture + (np.float32(values.plate_light) - texture) * coverage)[..., None]
    if night:
        picture += _glow(lights, size, rng)
    picture = photograph(light(picture, values, rng), values, rng)
    known = tuple(PhotoPlate(one.text, one.kind, one.corners) for one in placed if one.text)
    return GeneratedPhoto(picture, known)


def _check(
    seed: int, index: int, plates: int, size: tuple[int, int], colours: Sequence[str], cropped: bool, width: Range
) -> None:
    if seed < 0 or index < 0:
        raise InputError("The seed and the index of a generated photo must not be negative.")
    if not 0 <= plates <= MOST_PLATES:
        raise InputError(f"A photo takes 0 to {MOST_PLATES} plates, not {plates}.")
    if cropped and not plates:
        raise InputError("A photo without plates has none to cut; ask for a plate or leave out cropped.")
    if not all(96 <= side <= 4096 for side in size):
        raise InputError("A photo's sides must be 96 to 4096 pixels.")
    unknown = [colour for colour in colours if colour not in COLOURS]
    if unknown or not colours:
        named = f"There is no plate colour {unknown[0]!r}" if unknown else "No plate colour is given"
        raise InputError(f"{named}; choose among {', '.join(COLOURS)}.")
    if not 0.03 <= width.low <= width.high <= 0.8:
        raise InputError("A plate's width must stay between 0.03 and 0.8 of the photo's.")


def _night(values: Values, rng: np.random.Generator) -> Values:
    """The same after dark: little light, much of it thrown back by the sheet; the camera raises its gain."""
    return replace(
        values,
        exposure=rng.uniform(0.12, 0.32),
        plate_light=rng.uniform(1.6, 3.6),
        warmth=values.warmth + rng.uniform(-0.1, 0.5),
        haze=values.haze * 0.3,
        noise=values.noise + rng.uniform(2, 6),
        defocus=values.defocus + rng.uniform(0, 0.4),
    )


def _place(
    rng: np.random.Generator,
    cars: list[tuple[str, str]],
    size: tuple[int, int],
    style: Style,
    width: Range,
    cropped: bool,
) -> list[_Placed]:
    """Places for the cars, the nearest first, such that none hides another's plate."""
    drawn = [(Car.draw(_layout(kind), rng), style.draw(rng), width.draw(rng)) for _, kind in cars]
    order = sorted(range(len(cars)), key=lambda number: -drawn[number][2])
    roll = style.tilt.draw(rng)
    for attempt in range(40):
        # Quarter size: what the nearer cars hide.
        taken = np.zeros((size[1] // 4 + 1, size[0] // 4 + 1), np.uint8)
        placed: list[_Placed] = []
        for rank, number in enumerate(order):
            text, kind = cars[number]
            car, values, share = drawn[number]
            # The photo is tilted as a whole, each car on its road a little more.
            tilt = values.tilt if len(cars) == 1 else roll + values.tilt * 0.15
            wide = min(share * size[0] * 0.92**attempt, size[1])
            values = replace(values, tilt=tilt, width=wide, margin_x=0.0, margin_y=0.0)
            layout, beyond = _layout(kind), cropped and rank == 0
            tries = (_corners(rng, layout, values, rank, len(cars), size, beyond) for _ in range(8))
            corners = next((corners for corners in tries if _fits(corners, taken, size, beyond)), None)
            if corners is None:
                break
            placed.append(_Placed(layout, values, corners, car, text, kind))
            painter = SolidPainter(np.zeros((2, 2, 3), np.uint8), layout, corners, values)
            cv2.fillConvexPoly(taken, cv2.convexHull(np.rint(painter.pixels(car.outline()) / 4).astype(np.int32)), 1)
        if len(placed) == len(cars):
            return placed
    raise InputError(f"{len(cars)} plates have no place in a photo of {size[0]} × {size[1]} pixels; ask for fewer.")


def _fits(corners: np.ndarray, taken: np.ndarray, size: tuple[int, int], cropped: bool) -> bool:
    """Whether a plate is wholly in the photo (or, cropped, is not), and clear of what is taken."""
    outside = (corners < 1).any() or (corners > np.subtract(size, 1)).any()
    spot = cv2.fillConvexPoly(np.zeros_like(taken), np.rint(corners / 4).astype(np.int32), 1)
    return outside == cropped and not (cv2.dilate(spot, np.ones((5, 5), np.uint8)) & taken).any()


def _layout(kind: str) -> Layout:
    return GREEN if kind == "green" else BLUE


def _corners(
    rng: np.random.Generator,
    layout: Layout,
    values: Values,
    rank: int,
    count: int,
    size: tuple[int, int],
    cropped: bool,
) -> np.ndarray:
    """Corners of a plate somewhere in the photo, ``(4, 2)`` float32; ``rank`` of ``count`` are nearer, and lower."""
    corners, *_ = plate_corners(layout, values)
    corners = corners - corners.min(0)
    span = corners.max(0)
    free = np.maximum(np.subtract(size, span), 0)
    level = rng.uniform(0.28, 0.7) if count == 1 else rng.uniform(0.75, 0.95) - 0.7 * rank / (count - 1)
    place = free * (rng.uniform(0.05, 0.95), np.clip(level, 0.03, 0.97))
    if cropped:
        axis, far = rng.choice(2, p=(0.7, 0.3)), rng.random() < 0.5
        beyond = span[axis] * rng.uniform(0.1, 0.4)
        place[axis] = free[axis] + beyond if far else -beyond
    return (corners + place).astype(np.float32)


def _draw_background(canvas: np.ndarray, placed: list[_Placed], rng: np.random.Generator) -> list[Light]:
    """The street as the camera's tilt shows it, its horizon above the farthest plate."""
    height, width = canvas.shape[0] / DETAIL, canvas.shape[1] / DETAIL
    tilt = np.deg2rad(placed[0].values.tilt) if placed else rng.normal(0, 0.05)
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    homography = np.eye(3)
    middle = np.array([width, height]) / 2
    homography[:2, :2] = turn * DETAIL
    homography[:2, 2] = DETAIL * (middle - turn @ middle)
    highest = [one.corners[:, 1].mean() - one.values.width * rng.uniform(1.2, 2.2) for one in placed]
    horizon = np.clip(min(highest, default=height * rng.uniform(0.3, 0.7)), 0.05 * height, 0.7 * height)
    return draw_street(Painter(canvas, homography), float(horizon), width, rng)


def _paste(canvas: np.ndarray, one: _Placed, rng: np.random.Generator, fittings: float) -> np.ndarray:
    """Put the plate on its car; returns where it is, ``(H, W)`` uint8 of the canvas."""
    scale = face_scale(one.layout, one.values)
    face = draw_face(one.text, one.layout, scale, rng, one.values.dirt, one.values.wear, fittings, one.kind)
    if one.values.width * DETAIL / one.layout.width_mm < 0.3:
        # Far smaller than it was drawn.
        face = cv2.resize(face, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        scale /= 2
    painter = SolidPainter(canvas, one.layout, one.corners * DETAIL, one.values)
    return painter.paste_face(face, scale, one.layout)


def _glow(lights: list[Light], size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """What lamps and lit windows add to a dark picture, ``(H, W, 3)`` float32."""
    small = np.zeros((size[1] // 4 + 1, size[0] // 4 + 1, 3), np.float32)
    for one in lights:
        if rng.random() < 0.75:
            centre = int(one.x / DETAIL / 4), int(one.y / DETAIL / 4)
            strength = rng.uniform(3, 20)
            colour = [value * strength for value in one.colour]
            cv2.circle(small, centre, max(1, round(one.radius / DETAIL / 4)), colour, -1, cv2.LINE_AA)
    near, far = (cv2.GaussianBlur(small, (0, 0), size[0] / 4 * share) for share in (0.008, 0.05))
    return cv2.resize(small * 0.5 + near + far * 4, size, interpolation=cv2.INTER_LINEAR)
