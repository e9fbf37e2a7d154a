"""The plate itself, seen straight on: sheet, frame line, characters, bolts, wear and dirt."""

import cv2
import numpy as np

from lpsr.data.generator.glyphs import character_mask
from lpsr.data.layout import Layout

CORNER_MM = 9.0
# Mid-light colours of a plate, RGB: of the sheet and of the ink (GA 36-2018); green sheets run from top to bottom.
SHEETS = {
    "blue": ((18, 72, 178), (232, 236, 240)),
    "yellow": ((240, 182, 20), (20, 20, 22)),
    "white": ((230, 232, 234), (18, 18, 20)),
    "black": ((22, 23, 26), (232, 236, 240)),
}
GREEN_TOP, GREEN_BOTTOM, GREEN_INK = (214, 232, 222), (52, 178, 98), (18, 22, 22)


def cloud(rng: np.random.Generator, width: int, height: int, cells_x: int, cells_y: int) -> np.ndarray:
    """Smooth random field, ``(height, width)`` float32, about 0 to 1, with so many cells across and down."""
    return cv2.resize(rng.random((cells_y, cells_x), np.float32), (width, height), interpolation=cv2.INTER_CUBIC)


def draw_face(
    text: str,
    layout: Layout,
    scale: float,
    rng: np.random.Generator,
    dirt: float,
    wear: float,
    fittings: float,
    kind: str | None = None,
) -> np.ndarray:
    """The plate at ``scale`` pixels per mm, ``(H, W, 3)`` uint8 RGB in even light, edge to edge of the layout.

    ``dirt`` and ``wear`` in [0, 1]; ``fittings`` is the probability of each bolt. ``kind`` gives another colour of
    ``SHEETS`` to a plate of 7 characters.
    """
    width, height = round(layout.width_mm * scale), round(layout.height_mm * scale)
    face = np.empty((height, width, 3), np.float32)
    if layout.kind == "blue":
        sheet, ink = np.float32(SHEETS[kind or "blue"])
        face[:] = sheet + rng.normal(0, (4, 7, 9))
    else:
        down = np.clip(np.linspace(-0.15, 1.1, height), 0, 1)[:, None, None]
        top, bottom = np.float32(GREEN_TOP), np.float32(GREEN_BOTTOM) + rng.normal(0, 8, 3)
        face[:] = top + down * (bottom - top)
        ink = np.float32(GREEN_INK)
    _fade(face, rng)
    strokes = _strokes(text, layout, scale, width, height)
    if layout.kind == "green":
        _hologram(face, layout, scale)
    coverage = strokes.astype(np.float32) / 255
    if wear > 0.05:
        gone = cloud(rng, width, height, 40, 13) * 0.6 + cloud(rng, width, height, 11, 4) * 0.4
        coverage *= np.clip((gone - wear * 0.9) * 8 + 0.6, 0.25, 1)
    _emboss(face, strokes, scale)
    face += (ink - face) * coverage[..., None]
    if dirt > 0.05:
        _soil(face, rng, dirt)
    face = np.clip(face, 0, 255).astype(np.uint8)
    _bolts(face, layout, scale, rng, fittings)
    return face


def rounded_box(x0: float, y0: float, x1: float, y1: float, radius: float) -> np.ndarray:
    """A box with round corners as a polygon, ``(28, 2)`` float64."""
    angle = np.linspace(0, np.pi / 2, 7)
    quarter = np.stack([np.cos(angle), np.sin(angle)], 1) * radius
    centres = [
        (x1 - radius, y1 - radius),
        (x0 + radius, y1 - radius),
        (x0 + radius, y0 + radius),
        (x1 - radius, y0 + radius),
    ]
    turns = [quarter, quarter[::-1] * (-1, 1), -quarter, quarter[::-1] * (1, -1)]
    return np.concatenate([centre + turn for centre, turn in zip(centres, turns, strict=True)])


def _strokes(text: str, layout: Layout, scale: float, width: int, height: int) -> np.ndarray:
    """Everything printed in ink: characters, the dot and the frame line, ``(H, W)`` uint8 coverage."""
    line = 2.2 if layout.kind == "blue" else 2.8
    ink = np.zeros((height, width), np.uint8)
    for inset, value in ((3.5, 255), (3.5 + line, 0)):
        border = rounded_box(inset, inset, layout.width_mm - inset, layout.height_mm - inset, CORNER_MM - inset)
        cv2.fillPoly(ink, [np.rint((border * scale - 0.5) * 16).astype(np.int32)], value, cv2.LINE_AA, 4)
    for character, (left, top, right, bottom) in zip(text, layout.boxes, strict=True):
        x0, y0, x1, y1 = (round(value * scale) for value in (left, top, right, bottom))
        area = ink[y0:y1, x0:x1]
        np.maximum(area, character_mask(character, x1 - x0, y1 - y0), out=area)
    if layout.dot is not None:
        x, y, diameter = (value * scale for value in layout.dot)
        cv2.circle(ink, (round(x), round(y)), round(diameter / 2), 255, -1, cv2.LINE_AA)
    return ink


def _fade(face: np.ndarray, rng: np.random.Generator) -> None:
    """Uneven bleaching of the sheet."""
    height, width = face.shape[:2]
    face *= (0.94 + 0.12 * cloud(rng, width, height, 6, 3))[..., None]


def _emboss(face: np.ndarray, strokes: np.ndarray, scale: float) -> None:
    """Raised characters catch light above and throw a narrow shadow below."""
    reach = max(1, round(1.6 * scale))
    soft = cv2.blur(strokes, (reach, reach))
    slope = cv2.subtract(soft[reach:], soft[:-reach], dtype=cv2.CV_32F)
    face[reach // 2 : reach // 2 + len(slope)] += (slope * 0.13)[..., None]


def _hologram(face: np.ndarray, layout: Layout, scale: float) -> None:
    """The round silvery mark between the second and the third character of a green plate."""
    x = (layout.boxes[1][2] + layout.boxes[2][0]) / 2 * scale
    centre = round(x), round(layout.height_mm / 2 * scale)
    cv2.ellipse(face, centre, (round(10 * scale), round(12 * scale)), 0, 0, 360, (188, 205, 196), -1, cv2.LINE_AA)
    cv2.ellipse(face, centre, (round(6 * scale), round(8 * scale)), 0, 0, 360, (150, 182, 165), -1, cv2.LINE_AA)


def _soil(face: np.ndarray, rng: np.random.Generator, dirt: float) -> None:
    """Road dust, thicker towards the lower edge, with streaks and splashes."""
    height, width = face.shape[:2]
    dust = cloud(rng, width, height, 16, 6) * 0.7 + cloud(rng, width, height, 60, 5) * 0.3
    dust += np.linspace(-0.25, 0.25, height, dtype=np.float32)[:, None]
    opacity = np.clip((dust - 0.7 + dirt * 0.7) * 1.2, 0, 0.8) * min(1.0, 0.25 + dirt)
    colour = np.float32((112, 104, 92)) * rng.uniform(0.5, 1.25)
    face += (colour - face) * opacity[..., None]
    for _ in range(rng.poisson(dirt * 7)):
        centre = int(rng.integers(width)), int(rng.integers(height))
        radius = rng.uniform(0.004, 0.02) * width
        axes = max(1, int(radius)), max(1, int(radius * rng.uniform(0.5, 1)))
        cv2.ellipse(face, centre, axes, 0, 0, 360, (colour * rng.uniform(0.6, 1.2)).tolist(), -1, cv2.LINE_AA)


def _bolts(face: np.ndarray, layout: Layout, scale: float, rng: np.random.Generator, fittings: float) -> None:
    chances = np.array([0.9, 0.9, 0.45, 0.45]) * fittings
    metal = rng.uniform(70, 225)
    radius = rng.uniform(5, 8)
    places = [(x, y) for y in (13.5, 126.5) for x in (0.257, 0.743)]
    for chance, (x, y) in zip(chances, places, strict=True):
        if rng.random() >= chance:
            continue
        centre = round((x * layout.width_mm + rng.normal(0, 2)) * scale), round(y * scale)
        lower = centre[0] + round(scale), centre[1] + round(1.5 * scale)
        cv2.circle(face, lower, round(radius * scale), (25, 28, 34), -1, cv2.LINE_AA)
        cv2.circle(face, centre, round(radius * scale), (metal, metal, metal * 0.97), -1, cv2.LINE_AA)
        shine = centre[0] - round(1.5 * scale), centre[1] - round(2 * scale)
        cv2.circle(face, shine, max(1, round(radius * 0.4 * scale)), (min(255, metal * 1.35),) * 3, -1, cv2.LINE_AA)
