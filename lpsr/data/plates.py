"""Folders of plates: a plate folder (``index.csv``) or a CCPD folder (annotation in the file names)."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from lpsr.data.ccpd import parse_name
from lpsr.errors import InputError
from lpsr.files import write_csv
from lpsr.images import SUFFIXES, bounding_crop, bounding_origin, crop_to_multiple, open_picture
from lpsr.rectify import rectify

CORNER_COLUMNS = ("tl_x", "tl_y", "tr_x", "tr_y", "br_x", "br_y", "bl_x", "bl_y")
COLUMNS = (
    "file",
    "text",
    "split",
    "crop_width",
    "crop_height",
    *CORNER_COLUMNS,
    "plate_width",
    "plate_height",
    "brightness",
    "blurriness",
    "kind",
)
MAX_COLUMNS = 200

Crop = Literal["box", "straight"]
# How plates are cut, in the passport's words.
CROPS: dict[Crop, str] = {
    "box": "bounding box of the corners (the whole file where unknown), right and bottom to multiples of 8",
    "straight": "straightened by the corners (the whole file where unknown), right and bottom to multiples of 8",
}


@dataclass(frozen=True)
class Plate:
    """One labelled plate on disk.

    Attributes:
        path: the picture file: a crop around the plate, or a whole photo.
        text: the true text, or None where unknown.
        corners: ``(4, 2)`` float32, x and y in pixels of the file, clockwise from top left, each within pixel
            ``floor``: CCPD names whole pixels, the generator places between them; None where unknown.
        split: "train", "val", "test" or another name the folder uses.
        extra: the remaining columns of ``index.csv`` as text.
    """

    path: Path
    text: str | None
    corners: np.ndarray | None = field(compare=False)
    split: str
    extra: dict[str, str] = field(default_factory=dict, compare=False)

    def picture(self) -> np.ndarray:
        """The whole file, ``(H, W, 3)`` uint8 RGB."""
        return open_picture(self.path)

    def hr(self, multiple: int = 8) -> np.ndarray:
        """The protocol's HR plate: bounding box of the corners (the whole file where there are none), native
        resolution, cropped at right and bottom to multiples of ``multiple``."""
        picture = self.picture()
        if self.corners is not None:
            picture = bounding_crop(picture, self.corners)
        return crop_to_multiple(picture, multiple)

    def straight(self, multiple: int = 8) -> np.ndarray:
        """The plate straightened by its corners (the whole file where there are none), cropped as ``hr`` is. Raises
        InputError for corners that no plate has."""
        picture = self.picture()
        if self.corners is not None:
            picture = rectify(picture, self.corners)
        return crop_to_multiple(picture, multiple)

    def cut(self, crop: Crop, multiple: int = 8) -> np.ndarray:
        """The HR plate by a rule of ``CROPS``: ``hr`` or ``straight``. Raises InputError that names the file where it
        cannot be cut."""
        try:
            return self.straight(multiple) if crop == "straight" else self.hr(multiple)
        except InputError as error:
            raise InputError(f"{self.path.name}: {error}") from error

    def hr_corners(self) -> np.ndarray | None:
        """``corners`` in pixels of ``hr()``; None where unknown."""
        return None if self.corners is None else self.corners - bounding_origin(self.corners)


def open_plates(folder: str | Path, split: str | None = None) -> list[Plate]:
    """The plates of a plate folder or of a CCPD folder, in the order of the index or of the file names.

    ``split`` keeps one split; in a CCPD folder it is the name of a text file in ``splits/`` (or beside the pictures)
    that lists file names, or of a subfolder.

    Raises InputError for a folder that is neither, an index that lacks columns, an index or a split's list that
    cannot be read, or a split that is empty.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.")
    indexed = (folder / "index.csv").is_file()
    plates = _from_index(folder) if indexed else _from_names(folder, split)
    if not plates:
        raise InputError(f"{folder} holds no plates: it has neither an index.csv nor pictures with CCPD file names.")
    if split is None:
        return plates
    chosen = [plate for plate in plates if plate.split == split]
    if not chosen:
        found = ", ".join(sorted({plate.split for plate in plates} - {""}))
        if found:
            hint = f"it has: {found}"
        elif indexed:
            hint = "its index.csv names no split"
        else:
            hint = f"list their file names in {folder / 'splits' / f'{split}.txt'}"
        raise InputError(f"{folder} has no plates in split {split!r}; {hint}.")
    return chosen


def write_index(folder: str | Path, rows: Iterable[dict], extra_columns: Iterable[str] = ()) -> None:
    """Write the ``index.csv`` of a plate folder; a row holds ``COLUMNS`` (empty where missing) and the extra ones."""
    write_csv(Path(folder) / "index.csv", (*COLUMNS, *extra_columns), rows)


def read_index(lines: Iterable[str], name: str | Path) -> list[dict[str, str]]:
    """The rows of an ``index.csv``; ``name`` is what error sentences call it.

    Raises InputError for what is not CSV or lacks the columns ``file`` or ``text``; the others may be missing.
    """
    try:
        reader = csv.DictReader(lines)
        missing = {"file", "text"} - set(reader.fieldnames or ())
        if missing:
            raise InputError(f"{name} lacks the columns {', '.join(sorted(missing))}.")
        # Every row would hold each of them.
        if len(reader.fieldnames) > MAX_COLUMNS:
            raise InputError(f"{name} has more than {MAX_COLUMNS} columns.")
        return list(reader)
    except csv.Error as error:
        raise InputError(f"Cannot read {name}: {error}.") from error


def read_label(row: dict[str, str], where: str) -> tuple[str | None, np.ndarray | None]:
    """Text and corners of a row of the index, as in ``Plate``; ``where`` begins the error's sentence.

    Raises InputError for corners that are not finite numbers.
    """
    values = [row.get(column) or "" for column in CORNER_COLUMNS]
    try:
        corners = np.array([float(value) for value in values], np.float32).reshape(4, 2) if all(values) else None
        if corners is not None and not np.isfinite(corners).all():
            raise ValueError("a corner is infinite or NaN")
    except ValueError as error:
        raise InputError(f"{where}: the corners are not numbers.") from error
    return row["text"] or None, corners


def _from_index(folder: Path) -> list[Plate]:
    index = folder / "index.csv"
    try:
        with open(index, encoding="utf-8-sig", newline="") as file:
            rows = read_index(file, index)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Cannot read {index}: {error}.") from error
    root = folder.resolve()
    return [_from_row(folder, root, number, row) for number, row in enumerate(rows, 2)]


def _from_row(folder: Path, root: Path, number: int, row: dict[str, str]) -> Plate:
    """The plate of one line of the index; ``root`` is ``folder`` with links resolved."""
    path = folder / (row["file"] or "")
    where = f"{folder / 'index.csv'}, line {number}"
    try:
        # An index is data: it must not be able to point outside its folder.
        inside = "\0" not in str(path) and root in path.resolve().parents
    except (OSError, RuntimeError):
        # A link that leads to itself.
        inside = False
    if not inside:
        raise InputError(f"{where}: {row['file']!r} is not a file of this folder.")
    text, corners = read_label(row, where)
    known = {"file", "text", "split", *CORNER_COLUMNS}
    extra = {key: value for key, value in row.items() if key is not None and key not in known and value}
    return Plate(path, text, corners, row.get("split") or "", extra)


def _from_names(folder: Path, split: str | None) -> list[Plate]:
    """A CCPD folder: every picture below it whose name follows the code; split = its list or its subfolder."""
    listed = None
    for candidate in (folder / "splits" / f"{split}.txt", folder / f"{split}.txt"):
        # A split is a name, never a path out of the folder.
        if split is not None and Path(split).name == split and candidate.is_file():
            try:
                lines = candidate.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(f"Cannot read {candidate}: {error}.") from error
            listed = {Path(line.strip()).name for line in lines if line.strip()}
    plates = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES:
            continue
        try:
            name = parse_name(path.name)
        except InputError:
            continue
        if listed is None:
            parts = path.relative_to(folder).parts
            own_split = parts[0] if len(parts) > 1 else ""
        elif path.name in listed:
            own_split = split
        else:
            continue
        extra = {"brightness": str(name.brightness), "blurriness": str(name.blurriness)}
        plates.append(Plate(path, name.text, np.float32(name.corners), own_split, extra))
    if listed is not None and not plates:
        raise InputError(f"The list of split {split!r} names no plate of {folder}.")
    return plates
