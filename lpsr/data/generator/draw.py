"""One generated plate from a seed and an index."""

from dataclasses import dataclass

import cv2
import numpy as np

from lpsr.data.generator.camera import light, photograph
from lpsr.data.generator.face import draw_face
from lpsr.data.generator.painter import Painter
from lpsr.data.generator.scene import body_texture, draw_surroundings, plate_corners
from lpsr.data.generator.style import Style, Values
from lpsr.data.layout import Layout, character_quads, layout_of, plate_homography
from lpsr.errors import InputError
from lpsr.plates import DIGITS, LETTERS, PROVINCES, is_plate

# The scene is drawn this much finer than the picture, then reduced by area: edges fall between pixels as in a photo.
DETAIL = 2
# Third character of small new-energy cars (GA 36-2018): battery electric, then the others.
_NEW_ENERGY = "DABCEFGHJK"


@dataclass(frozen=True)
class GeneratedPlate:
    """A rendered plate and everything that is known about it.

    Attributes:
        picture: ``(H, W, 3)`` uint8 RGB, a crop around the plate with some car.
        text: the plate text. kind: "blue" or "green".
        corners: ``(4, 2)`` float32 pixels, clockwise from top left; pixel i covers [i, i + 1), so a corner lies
            within pixel ``floor``, as ``lpsr.images.bounding_crop`` takes it.
        character_quads: ``(n, 4, 2)`` float32 pixels, each character's box, clockwise from top left.
    """

    picture: np.ndarray
    text: str
    kind: str
    corners: np.ndarray
    character_quads: np.ndarray


def generate(seed: int, index: int, *, text: str | None = None, style: Style | None = None) -> GeneratedPlate:
    """Render plate number ``index`` of the series ``seed``; the same arguments give the same bytes, in any order.

    ``text`` fixes what the plate says (7 characters: blue, 8: green, whatever the style's kind). Raises InputError
    for a text that is no plate text, or a negative seed or index.
    """
    if seed < 0 or index < 0:
        raise InputError("The seed and the index of a generated plate must not be negative.")
    if text is not None and not is_plate(text):
        raise InputError(
            f"{text!r} is not a plate text: a province, a letter, then 5 or 6 letters and digits (no I, no O)."
        )
    style = style or Style()
    rng = np.random.default_rng([seed, index])
    drawn_text = draw_text(rng, style, index)
    text = text or drawn_text
    values = style.draw(rng)
    layout = layout_of(text)
    corners, width, height = plate_corners(layout, values)

    canvas = np.zeros((height * DETAIL, width * DETAIL, 3), np.uint8)
    painter = Painter(canvas, plate_homography(layout, corners * DETAIL))
    draw_surroundings(painter, layout, rng, style.fittings)
    scale = face_scale(layout, values)
    face = draw_face(text, layout, scale, rng, values.dirt, values.wear, style.fittings)
    inside = painter.paste_face(face, scale, layout)
    picture = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    coverage = cv2.resize(inside, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    # The sheet throws light back towards the camera, more or less than the car does.
    texture = body_texture(rng, width, height) if style.fittings else np.float32(1)
    picture *= (texture + (np.float32(values.plate_light) - texture) * coverage)[..., None]
    picture = photograph(light(picture, values, rng), values, rng)
    return GeneratedPlate(picture, text, layout.kind, corners, character_quads(text, corners))


def face_scale(layout: Layout, values: Values) -> float:
    """Pixels per mm to draw a plate's face with; quarter steps keep the cache of character shapes small."""
    return max(0.5, np.ceil(values.width * DETAIL / layout.width_mm * 4) / 4)


def draw_text(rng: np.random.Generator, style: Style, index: int) -> str:
    """A text as registration offices give them out: at most two letters after the first two characters."""
    green = rng.random() < {"blue": 0.0, "green": 1.0, "mixed": style.green_share}[style.kind]
    # Provinces take turns, so every run of 31 plates has them all.
    province = style.province or PROVINCES[index % len(PROVINCES)]
    city = LETTERS[rng.integers(len(LETTERS))]
    serial = [DIGITS[digit] for digit in rng.integers(len(DIGITS), size=5)]
    letters = rng.choice(3, p=(0.2, 0.4, 0.4))
    for place in rng.permutation(5)[:letters]:
        serial[place] = LETTERS[rng.integers(len(LETTERS))]
    head = _NEW_ENERGY[rng.integers(len(_NEW_ENERGY))]
    if green:
        second = serial[0]
        digits = [DIGITS[digit] for digit in rng.integers(len(DIGITS), size=4)]
        serial = [head, second, *digits]
    return province + city + "".join(serial)
