"""The plates that a visitor can choose: those that ship, and a folder of real ones."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

import cv2
import numpy as np

from lpsr.app.language import Words, label, texts
from lpsr.data.plates import Plate, open_plates
from lpsr.errors import InputError
from lpsr.images import encode_png

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "gallery"
# Real folders hold thousands of plates; so many, spread evenly, fill the shelf.
MOST = 60
THUMB_HEIGHT, THUMB_WIDTH = 48, 128


@dataclass(frozen=True)
class Entry:
    """A plate on a shelf.

    Attributes:
        key: what the page and its links call it, such as "rendered-3".
        caption: what the folder says of it, in English; empty where it says nothing.
    """

    key: str
    caption: str
    plate: Plate


class Shelf:
    """The plates of one folder.

    Args:
        name: first half of the entries' keys.
    """

    def __init__(self, name: str, plates: list[Plate]) -> None:
        self.name = name
        step = max(len(plates) / MOST, 1)
        chosen = [plates[int(i * step)] for i in range(min(len(plates), MOST))]
        self.entries = [
            Entry(f"{name}-{number}", plate.extra.get("caption") or "", plate) for number, plate in enumerate(chosen, 1)
        ]

    @cached_property
    def html(self) -> str:
        """A button for each plate; a plate whose file cannot be read is left out."""
        return (
            '<div class="shelf" role="group" aria-label="'
            + label("page.shelves")
            + '">'
            + "".join(self._buttons())
            + "</div>"
        )

    def _buttons(self) -> Iterator[str]:
        for entry in self.entries:
            try:
                thumb = thumbnail(entry.plate.hr())
            except InputError:
                continue
            name = escape(", ".join(filter(None, (entry.plate.text, entry.caption))) or entry.key)
            size = f'width="{thumb.shape[1]}" height="{thumb.shape[0]}"'
            yield (
                f'<button type="button" data-plate="{entry.key}" aria-pressed="false" title="{name}">'
                f'<img src="{data_uri(thumb)}" alt="{name}" {size}></button>'
            )


def shelves(ccpd: str | Path | None = None) -> list[Shelf]:
    """The shelf that ships, then the folder of real plates where one is given (its split "test" where it has one).

    Raises InputError for a folder that holds no plates.
    """
    found = [Shelf("rendered", open_plates(FOLDER))]
    if ccpd:
        plates = open_plates(ccpd)
        found.append(Shelf("real", [one for one in plates if one.split == "test"] or plates))
    return found


def caption(entry_caption: str, words: Words) -> str:
    """A caption of the shelf that ships in the visitor's language; one of another folder as it is."""
    parts = entry_caption.split(", ")
    return ", ".join(words(f"gallery.{one}") if f"gallery.{one}" in texts() else one for one in parts)


def data_uri(picture: np.ndarray) -> str:
    """``(H, W, 3)`` uint8 as a PNG inside a URI: lossless, and on no disk."""
    return "data:image/png;base64," + base64.b64encode(encode_png(picture)).decode()


def thumbnail(picture: np.ndarray) -> np.ndarray:
    """A picture ``(H, W, 3)`` uint8, made so small that many fit on a page."""
    height, width = picture.shape[:2]
    factor = min(THUMB_HEIGHT / height, THUMB_WIDTH / width, 1)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
