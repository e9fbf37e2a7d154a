"""The gallery that ships with the project: 28 plates in chosen light, angle and focus."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lpsr.data.generator.draw import GeneratedPlate, generate
from lpsr.data.generator.folder import Progress, write_plates
from lpsr.data.generator.style import CLEAN, Range, just

SPLIT = "gallery"

# A well-kept plate in front of a decent camera; each entry below departs from it.
_STYLE = replace(
    CLEAN,
    width=Range(165, 205),
    fittings=1.0,
    turn=Range(-6, 6),
    pitch=Range(0, 6),
    tilt=Range(-1.5, 1.5),
    margin_x=just(0.11),
    margin_y=just(0.21),
    light_slope=just(0.12),
    saturation=just(0.95),
    warmth=Range(-0.1, 0.15),
    wear=just(0.03),
    defocus=just(0.45),
    sharpening=just(0.25),
    noise=just(0.7),
)
_DAY: dict[str, Range] = {}
_EVENING = {"exposure": just(0.72), "warmth": just(0.75), "light_slope": just(0.4), "plate_light": just(1.1)}
_NIGHT = {"exposure": just(0.42), "plate_light": just(2.1), "noise": just(2.0), "warmth": just(-0.2)}
_GARAGE = {"exposure": just(0.6), "green_cast": just(0.4), "noise": just(1.5)}
_SUN = {"exposure": just(1.35), "plate_light": just(1.2), "light_slope": just(0.3)}
_SHADE = {"exposure": just(1.05), "shadow": just(0.5)}
_OVERCAST = {"exposure": just(0.95), "warmth": just(-0.35), "haze": just(0.1)}
_LEFT = {"turn": just(-30), "pitch": just(8)}
_RIGHT = {"turn": just(30), "pitch": just(8)}
_TILTED = {"tilt": just(6)}
_TILTED_BACK = {"tilt": just(-6)}
_ABOVE = {"pitch": just(24)}
_SOFT = {"defocus": just(1.1), "sharpening": just(0.0)}
_MOVING = {"motion": just(3.6)}
_DUSTY = {"dirt": just(0.45)}
_WORN = {"wear": just(0.3), "dirt": just(0.15)}
_JPEG = {"jpeg": just(40)}
_SMALL = {"width": just(152)}
_LARGE = {"width": just(220)}

# Text, caption, which drawing of the scene, departures from the style.
_PLATES: list[tuple[str, str, int, list[dict[str, Range]]]] = [
    ("京A86P20", "daylight, straight on", 2, [_DAY, _LARGE]),
    ("沪B7K391", "evening light, tilted", 0, [_EVENING, _TILTED]),
    ("粤BD12864", "new energy, daylight", 0, [_DAY, _LARGE]),
    ("苏E920LX", "direct sun", 0, [_SUN]),
    ("浙C3T785", "seen from the left", 0, [_DAY, _LEFT]),
    ("川AF50937", "new energy, overcast", 3, [_OVERCAST]),
    ("皖K64Z02", "night, lit plate", 1, [_NIGHT]),
    ("鲁Q518RM", "dusty", 2, [_DUSTY]),
    ("津N2V946", "half in shadow", 3, [_SHADE]),
    ("甘G75H01", "daylight, from above", 1, [_DAY, _ABOVE, _LARGE]),
    ("冀R30C67", "seen from above, JPEG", 0, [_ABOVE, _JPEG]),
    ("晋L8915E", "soft focus", 3, [_SOFT]),
    ("蒙G47X13", "overcast, small", 0, [_OVERCAST, _SMALL]),
    ("辽BD60428", "new energy, evening light", 0, [_EVENING]),
    ("吉J6H280", "garage camera, JPEG", 0, [_GARAGE, _JPEG]),
    ("黑M93U51", "worn paint", 0, [_WORN]),
    ("闽D0Q762", "seen from the right", 0, [_RIGHT]),
    ("赣F14SW8", "moving", 2, [_MOVING]),
    ("豫AD83915", "new energy, tilted", 0, [_TILTED_BACK]),
    ("鄂S5Y047", "sun, from the left", 0, [_SUN, _LEFT]),
    ("湘U726B9", "evening light, soft focus", 0, [_EVENING, _SOFT]),
    ("桂P81A34", "daylight, tilted", 1, [_TILTED_BACK]),
    ("琼BF29706", "new energy, from the right, JPEG", 0, [_RIGHT, _JPEG]),
    ("贵H4N650", "night camera, tilted, JPEG", 0, [_NIGHT, _TILTED, _JPEG]),
    ("云V95D18", "half in shadow, small", 0, [_SHADE, _SMALL]),
    ("藏A0J723", "dusty, evening light", 0, [_DUSTY, _EVENING]),
    ("陕T63K80", "sun, from above", 0, [_SUN, _ABOVE]),
    ("新CD47129", "new energy, half in shadow", 0, [_SHADE]),
]


def gallery_plates() -> Iterator[tuple[GeneratedPlate, dict[str, str]]]:
    """The plates of the gallery, each with its caption and split."""
    for number, (text, caption, scene, departures) in enumerate(_PLATES):
        style = _STYLE
        for departure in departures:
            style = replace(style, **departure)
        yield generate(scene, number, text=text, style=style), {"split": SPLIT, "caption": caption}


def write_gallery(folder: str | Path, progress: Progress | None = None) -> Path:
    """Write the gallery as a plate folder of lossless PNG files with a further column ``caption``.

    Raises InputError for a folder that exists and is not empty.
    """
    return write_plates(
        folder, gallery_plates(), len(_PLATES), suffix=".png", extra_columns=("caption",), progress=progress
    )
