"""The file-name code of CCPD (Xu et al., ECCV 2018), which carries a photo's whole annotation.

``area-tiltH_tiltV-x1&y1_x2&y2-BRx&BRy_BLx&BLy_TLx&TLy_TRx&TRy-p_a_c_c_c_c_c-brightness-blurriness.jpg``
"""

import re
from dataclasses import dataclass

from lpsr.errors import InputError
from lpsr.plates import DIGITS, LETTERS, PROVINCES

# The data set's own order, with the entries that no ordinary plate uses.
CCPD_PROVINCES = PROVINCES + "警学O"
CCPD_LETTERS = LETTERS + "O"
CCPD_SERIAL = LETTERS + DIGITS + "O"

_NAME = re.compile(
    r"(?P<area>\d+)-(?P<tilt>-?\d+_-?\d+)-(?P<box>\d+&\d+_\d+&\d+)-(?P<corners>\d+&\d+(?:_\d+&\d+){3})"
    r"-(?P<text>\d+(?:_\d+){6,7})-(?P<brightness>\d+)-(?P<blurriness>\d+)(?P<suffix>\.\w+)?"
)


@dataclass(frozen=True)
class CcpdName:
    """What a CCPD file name says. Corners run clockwise from top left, x and y in pixels of the photo."""

    area: str
    tilt: tuple[int, int]
    box: tuple[tuple[int, int], tuple[int, int]]
    corners: tuple[tuple[int, int], ...]
    text: str
    brightness: int
    blurriness: int


def parse_name(name: str) -> CcpdName:
    """Read a CCPD file name. Raises InputError where it does not follow the code."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError(f"{name!r} is not a CCPD file name (area-tilt-box-corners-text-brightness-blurriness.jpg).")
    bottom_right, bottom_left, top_left, top_right = _points(match["corners"])
    box = _points(match["box"])
    return CcpdName(
        area=match["area"],
        tilt=tuple(int(value) for value in match["tilt"].split("_")),
        box=(box[0], box[1]),
        corners=(top_left, top_right, bottom_right, bottom_left),
        text=_decode(name, [int(value) for value in match["text"].split("_")]),
        brightness=int(match["brightness"]),
        blurriness=int(match["blurriness"]),
    )


def format_name(name: CcpdName, suffix: str = ".jpg") -> str:
    """The file name that ``parse_name`` reads back. Raises InputError for a text that CCPD cannot write."""
    top_left, top_right, bottom_right, bottom_left = name.corners
    return (
        "-".join(
            [
                name.area,
                "_".join(map(str, name.tilt)),
                _join(name.box),
                _join((bottom_right, bottom_left, top_left, top_right)),
                "_".join(map(str, _encode(name.text))),
                str(name.brightness),
                str(name.blurriness),
            ]
        )
        + suffix
    )


def _alphabet(position: int) -> str:
    return CCPD_PROVINCES if position == 0 else CCPD_LETTERS if position == 1 else CCPD_SERIAL


def _decode(name: str, indices: list[int]) -> str:
    try:
        return "".join(_alphabet(position)[index] for position, index in enumerate(indices))
    except IndexError as error:
        raise InputError(f"{name!r} has a character index outside CCPD's alphabets.") from error


def _encode(text: str) -> list[int]:
    indices = [_alphabet(position).find(character) for position, character in enumerate(text)]
    if len(text) not in (7, 8) or min(indices) < 0:
        raise InputError(f"{text!r} is not a plate text that a CCPD file name can carry.")
    return indices


def _points(code: str) -> list[tuple[int, int]]:
    return [tuple(int(value) for value in point.split("&")) for point in code.split("_")]


def _join(points) -> str:
    return "_".join(f"{x}&{y}" for x, y in points)
