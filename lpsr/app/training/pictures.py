"""Reading the pictures of a run, which its process may be writing at this moment."""

import base64
import math
import os
import re
import struct
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import cv2

from lpsr.app.gallery import data_uri
from lpsr.errors import InputError
from lpsr.images import MAX_BYTES, open_picture

# Pictures of more bytes are made to fit into so many pixels: they are shown smaller than that.
_LARGE, _WIDTH, _HEIGHT = 65_536, 320, 160
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_FILM = re.compile(r"(\d{8})-(\d)\.png")


def iterations(folder: Path) -> list[int]:
    """Those of a filmstrip of which every plate's picture is there, in order."""
    with suppress(OSError):
        found = Counter(int(match[1]) for name in os.listdir(folder) if (match := _FILM.fullmatch(name)))
        plates = max(found.values(), default=0)
        return sorted(one for one, count in found.items() if count == plates)
    return []


def spaced(values: Sequence[int], most: int) -> list[int]:
    """At most ``most`` of increasing values, evenly on a log axis, the first and the last among them."""
    if len(values) <= most:
        return list(values)
    low, high = math.log(max(values[0], 1)), math.log(values[-1])
    wanted = [math.exp(low + (high - low) * i / (most - 1)) for i in range(1, most - 1)]
    return sorted({values[0], values[-1], *(min(values, key=lambda one: abs(one - at)) for at in wanted)})


def read(path: Path) -> tuple[str, int, int] | None:
    """URI, width and height of a PNG; None for what is missing, half written or no picture."""
    try:
        content = path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
    except OSError:
        return None
    if not (content.startswith(_PNG) and content[12:16] == b"IHDR" and content.endswith(_PNG_END)):
        return None
    width, height = struct.unpack(">II", content[16:24])
    if len(content) <= _LARGE:
        return "data:image/png;base64," + base64.b64encode(content).decode(), width, height
    try:
        picture = open_picture(content)
    except InputError:
        return None
    factor = min(_WIDTH / width, _HEIGHT / height, 1)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    return data_uri(cv2.resize(picture, size, interpolation=cv2.INTER_AREA)), width, height
