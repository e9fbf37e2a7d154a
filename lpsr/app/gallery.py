"""The plates that a visitor can choose: those that ship, and a folder of real ones."""

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

import cv2
import numpy as np

from lpsr.data.plates import Plate, open_plates
from lpsr.errors import InputError
from lpsr.images import encode_png

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "gallery"
# Real folders hold thousands of plates; so many, spread evenly, fill the shelf.
MOST = 60
THUMB_HEIGHT, THUMB_WIDTH = 48, 128


@dataclass(frozen=True)
class Entry:
    """A plate on a shelf; ``key`` is what the page and its links call it, such as "rendered-3"."""

    key: str
    caption: str
    plate: Plate


class Shelf:
    """The plates of one folder.

    Args:
        name: first half of the entries' keys, and of captions where the folder has none.
        title: for people.
    """

    def __init__(self, name: str, title: str, plates: list[Plate]) -> None:
        self.name = name
        self.title = title
        step = max(len(plates) / MOST, 1)
        chosen = [plates[int(i * step)] for i in range(min(len(plates), MOST))]
        self.entries = [
            Entry(f"{name}-{number}", plate.extra.get("caption") or f"{name.capitalize()} plate {number}", plate)
            for number, plate in enumerate(chosen, 1)
        ]

    @cached_property
    def html(self) -> str:
        """A button for each plate; a plate whose file cannot be read is left out."""
        return (
            '<div class="shelf" role="group" aria-label="Plates to choose from">' + "".join(self._buttons()) + "</div>"
        )

    def _buttons(self) -> Iterator[str]:
        for entry in self.entries:
            try:
                thumb = _thumb(entry.plate.hr())
            except InputError:
                continue
            name = escape(", ".join(filter(None, (entry.plate.text, entry.caption))))
            size = f'width="{thumb.shape[1]}" height="{thumb.shape[0]}"'
            yield (
                f'<button type="button" data-plate="{entry.key}" aria-pressed="false" title="{name}">'
                f'<img src="{data_uri(thumb)}" alt="{name}" {size}></button>'
            )


def shelves(ccpd: str | Path | None = None) -> list[Shelf]:
    """The shelf that ships, then the folder of real plates where one is given (its split "test" where it has one).

    Raises InputError for a folder that holds no plates.
    """
    found = [Shelf("rendered", "Rendered plates", open_plates(FOLDER))]
    ccpd = ccpd or os.environ.get("CCPD_ROOT")
    if ccpd:
        plates = open_plates(ccpd)
        found.append(Shelf("real", "Real plates", [one for one in plates if one.split == "test"] or plates))
    return found


def data_uri(picture: np.ndarray) -> str:
    """``(H, W, 3)`` uint8 as a PNG inside a URI: lossless, and on no disk."""
    return "data:image/png;base64," + base64.b64encode(encode_png(picture)).decode()


def _thumb(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    factor = min(THUMB_HEIGHT / height, THUMB_WIDTH / width, 1)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
