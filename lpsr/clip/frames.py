"""The frames of a clip: of a video by OpenCV's FFmpeg, of an animation by Pillow, or the pictures of a burst."""

import os
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lpsr.errors import InputError
from lpsr.images import MAX_PIXELS, MIN_SIDE, SUFFIXES, open_picture

MOST = 24
MAX_BYTES = 200 * 1024 * 1024
MAX_SECONDS = 600
# An animation's frames build on one another: up to the last one all are decoded.
MAX_ANIMATED_PIXELS = 4_000_000_000
# Up to so many frames are decoded and passed over; a seek, which starts at a key frame, takes about as many.
_WALK = 16
_DAMAGED = "it is damaged, incomplete or sound alone; save it again as MP4 (H.264)"

# The messages of FFmpeg and OpenCV would only surround ours; and no clip may name an address to be fetched.
cv2.setLogLevel(1)
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "protocol_whitelist;file")


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a clip.

    Attributes:
        index: its number in the clip, from 0.
        seconds: since the clip began; None for pictures of a burst, which do not say.
        picture: ``(H, W, 3)`` uint8 RGB, turned as the file's rotation says.
    """

    index: int
    seconds: float | None
    picture: np.ndarray


@dataclass(frozen=True, eq=False)
class Clip:
    """Frames spread evenly over a clip, in its order; iterating reads them anew, one at a time.

    ``len`` is how many are asked for; those that are damaged are left out. Iterating raises InputError for a frame that
    breaks the bounds, and where none can be read.
    """

    indices: tuple[int, ...]
    _read: Callable[[tuple[int, ...]], Iterator[Frame]]

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[Frame]:
        return self._read(self.indices)


def read_frames(source: str | Path | Sequence[str | Path], most: int = MOST) -> Clip:
    """At most ``most`` frames, spread evenly over a video, an animated GIF, WebP or PNG, or a burst of pictures.

    ``source``: a file, a folder of pictures (in the order of their names and of the numbers in them), or picture files
    in order. Videos may have 200 MB and 10 minutes, animations 200 MB and 4 gigapixels in all their frames, a frame
    50 megapixels, a burst's picture what ``open_picture`` takes.

    Raises InputError for what cannot be read, is damaged or breaks a bound.
    """
    if not isinstance(source, str | Path):
        return _burst(list(map(Path, source)), most, "The burst")
    path = Path(source)
    if path.is_dir():
        return _burst(pictures_in(path), most, f"The folder {path.name}")
    if _is_video(_head(path)):
        return _video(path, most)
    return _animation(path, most)


def pictures_in(folder: Path) -> list[Path]:
    """The picture files in a folder, in the order of their names and of the numbers in them; hidden ones left out.

    Raises InputError for a folder that may not be read.
    """
    try:
        inside = [file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.name[0] != "."]
    except OSError as error:
        raise InputError(f"The folder {folder.name} may not be read; change its permissions.") from error
    return sorted(inside, key=_in_order)


def is_clip(path: str | Path) -> bool:
    """Whether the file is a video or an animation, and no still picture. Raises InputError as ``read_frames``."""
    return _is_video(_head(Path(path))) or _count(Path(path)) > 1


def _head(path: Path) -> bytes:
    """The file's first bytes, after a look at its size."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(400)
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}.") from error
    except IsADirectoryError as error:
        raise InputError(f"{path.name} is a folder, not a clip.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} may not be read; change its permissions or its name.") from error
    if size == 0:
        raise InputError(f"{path.name} is empty (0 bytes); choose another file.")
    if size > MAX_BYTES:
        raise InputError(
            f"{path.name} has {size / 2**20:.0f} MB; the limit is {MAX_BYTES // 2**20} MB, cut it to the seconds that "
            "show the plate."
        )
    return head


def _is_video(head: bytes) -> bool:
    """Known by its first bytes alone, since FFmpeg would follow a playlist, which is text, to other files."""
    return (
        # MP4, MOV, 3GP: a box of less than 16 MB
        (head[:1] == b"\0" and head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"))
        or head[:4] in (b"\x1a\x45\xdf\xa3", b"\x00\x00\x01\xba", b"\x30\x26\xb2\x75", b"FLV\x01")
        or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
        # MPEG transport streams, of television (188 bytes a packet) and of cameras (192)
        or (len(head) > 376 and head[0] == head[188] == head[376] == 0x47)
        or (len(head) > 388 and head[4] == head[196] == head[388] == 0x47)
    )


def _spread(count: int, most: int) -> tuple[int, ...]:
    """At most ``most`` of the numbers below ``count``, with the first and the last."""
    return tuple(np.rint(np.linspace(0, count - 1, min(count, most))).astype(int).tolist())


def _check_size(name: str, width: float, height: float) -> None:
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name} has frames of {width:.0f} × {height:.0f} pixels; the limit is {MAX_PIXELS // 10**6} megapixels, "
            "make them smaller first."
        )
    if min(width, height) < MIN_SIDE:
        raise InputError(f"{name} has frames of {width:.0f} × {height:.0f} pixels; there is no plate in so few.")


# Videos


@contextmanager
def _capture(path: Path, *options: int) -> Iterator[cv2.VideoCapture]:
    # An absolute path cannot be taken for an address. Each thread keeps frames of its own.
    options = (cv2.CAP_PROP_N_THREADS, 2, *options)
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG, options)
    try:
        if not capture.isOpened():
            raise InputError(f"{path.name} holds no pictures that can be read: {_DAMAGED}.")
        yield capture
    except cv2.error as error:
        raise InputError(f"{path.name} cannot be read: {_DAMAGED}.") from error
    finally:
        capture.release()


def _video(path: Path, most: int) -> Clip:
    with _capture(path) as capture:
        count, rate = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
        _check_size(path.name, capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    # Browsers and interrupted cameras write neither length nor index.
    known = count > 0 and rate > 0
    count, seconds = (count, count / rate) if known else _counted(path)
    if seconds > MAX_SECONDS:
        raise InputError(
            f"{path.name} is longer than {MAX_SECONDS // 60} minutes; cut it to the seconds that show the plate."
        )
    return Clip(_spread(int(count), most), partial(_video_frames, path, known))


def _counted(path: Path) -> tuple[int, float]:
    """How many frames there are, and seconds, by the packets, none of which is decoded."""
    count, seconds = 0, 0.0
    with _capture(path, cv2.CAP_PROP_FORMAT, -1) as capture:
        while seconds <= MAX_SECONDS and capture.grab():
            count += 1
            seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
    return count, seconds


def _video_frames(path: Path, indexed: bool, indices: tuple[int, ...]) -> Iterator[Frame]:
    none = True
    with _capture(path) as capture:
        # The number of the next frame; None after a damaged one.
        at: int | None = 0
        for index in indices:
            if indexed and (at is None or index - at > _WALK):
                capture.set(cv2.CAP_PROP_POS_FRAMES, index)
                at = index
            if at is None or not all(capture.grab() for _ in range(at, index + 1)):
                at = None
                continue
            at = index + 1
            seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            whole, picture = capture.retrieve()
            if not whole:
                continue
            # It may change on the way.
            _check_size(path.name, picture.shape[1], picture.shape[0])
            none = False
            yield Frame(index, seconds, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
    if none:
        raise InputError(f"No frame of {path.name} can be read: {_DAMAGED}.")


# Animations and bursts


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path, formats=("GIF", "WEBP", "PNG")) as image:
            yield image
    except (InputError, UnidentifiedImageError):
        raise
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{path.name} has frames of more than {MAX_PIXELS // 10**6} megapixels, which is the limit; make them "
            "smaller first."
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, MemoryError, struct.error) as error:
        raise InputError(f"{path.name} is damaged or incomplete; save it again or choose another.") from error


def _count(path: Path) -> int:
    """How many frames a picture file has; 1 for what only shows still pictures, or none."""
    try:
        with _opened(path) as image:
            return getattr(image, "n_frames", 1)
    except UnidentifiedImageError:
        return 1


def _animation(path: Path, most: int) -> Clip:
    count = _count(path)
    if count == 1:
        raise InputError(
            f"{path.name} is no video or animation that can be read; use MP4, MOV, WebM, AVI or an animated GIF, WebP "
            "or PNG."
        )
    with _opened(path) as image:
        _check_size(path.name, *image.size)
        if count * image.width * image.height > MAX_ANIMATED_PIXELS:
            raise InputError(
                f"{path.name} has {count} frames of {image.width} × {image.height} pixels; cut it to the seconds that "
                "show the plate."
            )
    return Clip(_spread(count, most), partial(_animation_frames, path))


def _animation_frames(path: Path, indices: tuple[int, ...]) -> Iterator[Frame]:
    seconds = 0.0
    with _opened(path) as image:
        for index in range(indices[-1] + 1):
            image.seek(index)
            # WebP tells how long a frame lasts only once it is decoded.
            image.load()
            if index in indices:
                frame = ImageOps.exif_transpose(image).convert("RGBA")
                white = Image.new("RGBA", frame.size, "white")
                yield Frame(index, seconds, np.asarray(Image.alpha_composite(white, frame).convert("RGB")))
            seconds += image.info.get("duration", 0) / 1000


def _burst(files: Sequence[Path], most: int, name: str) -> Clip:
    if not files:
        raise InputError(f"{name} holds no pictures; it takes {', '.join(sorted(SUFFIXES))}.")
    return Clip(_spread(len(files), most), partial(_pictures, files))


def _pictures(files: Sequence[Path], indices: tuple[int, ...]) -> Iterator[Frame]:
    for index in indices:
        yield Frame(index, None, open_picture(files[index]))


def _in_order(file: Path) -> list[tuple[int, str]]:
    """So that picture 9 comes before picture 10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split("([0-9]+)", file.name)]
