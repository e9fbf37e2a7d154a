"""What a picture is: reading files safely, luma, crops, numbers as colours.

A picture is an ``(H, W, 3)`` uint8 RGB array.
"""

import io
import struct
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lpsr.errors import InputError
from lpsr.files import write_bytes

MAX_PIXELS = 50_000_000
MAX_BYTES = 64 * 1024 * 1024
MIN_SIDE = 2
# MPO, the stereo JPEG of some phones, is opened as JPEG.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm"}

# Our own limit speaks first; Pillow's warning about large pictures would only repeat it. Once for the process, since
# to change the filters for the time of a call is not safe with several threads.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def open_picture(source: str | Path | bytes, name: str | None = None) -> np.ndarray:
    """Read an image file, or its bytes, into an ``(H, W, 3)`` uint8 RGB picture.

    EXIF rotation is applied, transparency is laid on white, CMYK, palette, 16-bit and float pictures become 8-bit
    RGB, and of an animation the first frame is taken. ``name`` is what error sentences call the file.

    Raises InputError for what is no picture, is truncated, has more than 50 million pixels or 64 MB, or a side
    below 2 pixels.
    """
    name = name or ("the picture" if isinstance(source, bytes) else Path(source).name)
    try:
        size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
        if size == 0:
            raise InputError(f"{name} is empty (0 bytes); choose another file.")
        if size > MAX_BYTES:
            raise InputError(
                f"{name} has {size / 2**20:.0f} MB; the limit is {MAX_BYTES // 2**20} MB, make it smaller first."
            )
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise InputError(
                    f"{name} has {width} × {height} pixels; the limit is {MAX_PIXELS // 10**6} megapixels, "
                    "crop it to the plate first."
                )
            if min(width, height) < MIN_SIDE:
                raise InputError(f"{name} is {width} × {height} pixels; there is no plate in so few.")
            image.load()
            return _to_rgb8(ImageOps.exif_transpose(image))
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{name} has more than {MAX_PIXELS // 10**6} megapixels, which is the limit; crop it to the plate first."
        ) from error
    except UnidentifiedImageError as error:
        raise InputError(
            f"{name} is not a picture, or of a kind that cannot be read; use PNG, JPEG, WebP, BMP, TIFF or GIF."
        ) from error
    except IsADirectoryError as error:
        raise InputError(f"{name} is a folder, not a picture.") from error
    except FileNotFoundError as error:
        raise InputError(f"There is no file {source}.") from error
    except PermissionError as error:
        raise InputError(f"{name} may not be read; change its permissions.") from error
    except (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, MemoryError, struct.error) as error:
        # Pillow's decoders raise all of these on damaged files.
        raise InputError(
            f"{name} is damaged or incomplete and cannot be opened; save it again or choose another."
        ) from error


def _to_rgb8(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":
        values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0, neginf=0)
        # 16-bit pictures use 0..65535, float pictures 0..1; anything else is scaled by its own maximum.
        if image.mode == "F":
            top = 1.0 if values.max(initial=0) <= 1 else 255.0 if values.max() <= 255 else values.max()
        else:
            small = image.mode == "I" and 0 < values.max(initial=0) <= 255
            top = 255.0 if small else max(65535.0, values.max(initial=0))
        grey = np.clip(values / top * 255 + 0.5, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.asarray(image.convert("RGB"))


def save_png(path: str | Path, picture: np.ndarray) -> None:
    """Write a picture as PNG, in one step."""
    write_bytes(path, encode_png(picture))


def encode_png(picture: np.ndarray) -> bytes:
    """The PNG file of a picture, as bytes."""
    buffer = io.BytesIO()
    # Half the time of Pillow's own level 6, for a tenth more bytes.
    Image.fromarray(picture).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def luma(picture: np.ndarray) -> np.ndarray:
    """Full-range BT.601 luma, ``(H, W)`` uint8 in 0..255: channel 0 of Pillow's "YCbCr"."""
    return np.asarray(Image.fromarray(picture).convert("YCbCr"))[..., 0]


def crop_to_multiple(picture: np.ndarray, multiple: int = 8) -> np.ndarray:
    """Crop at right and bottom so that both sides are multiples of ``multiple``.

    Raises InputError where a side is shorter than that.
    """
    height, width = picture.shape[0] // multiple * multiple, picture.shape[1] // multiple * multiple
    if not height or not width:
        raise InputError(
            f"The picture is {picture.shape[1]} × {picture.shape[0]} pixels; "
            f"at least {multiple} × {multiple} are needed."
        )
    return picture[:height, :width]


def reduced(picture: np.ndarray, side: int) -> np.ndarray:
    """The picture, by averaging made no longer than ``side`` pixels; itself where it is not."""
    factor = side / max(picture.shape[:2])
    if factor >= 1:
        return picture
    size = max(round(picture.shape[1] * factor), 1), max(round(picture.shape[0] * factor), 1)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def at_width(picture: np.ndarray, width: int) -> np.ndarray:
    """The picture ``width`` pixels wide, by Pillow bicubic, and as high as fits that; at least one pixel."""
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def outline(width: float, height: float) -> np.ndarray:
    """The corners of a picture of this size, ``(4, 2)`` float32, clockwise from top left."""
    return np.float32([[0, 0], [width, 0], [width, height], [0, height]])


def bounding_crop(picture: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """The axis-aligned bounding box of ``corners`` (``(4, 2)``, x and y in pixels), cut to the picture.

    The pixels that hold the outermost corners belong to the box. Pixel i covers [i, i + 1), so both CCPD's corners,
    which are pixel indices, and the generator's, which lie between pixels, are held by pixel ``floor``. Raises
    InputError where the box lies outside the picture or a corner is not a finite number.
    """
    corners = np.asarray(corners, dtype=float)
    if not np.isfinite(corners).all():
        raise InputError("The four corners must be finite numbers.")
    x0, y0 = bounding_origin(corners)
    x1, y1 = np.maximum(np.floor(corners.max(0)) + 1, 0).astype(int)
    crop = picture[y0:y1, x0:x1]
    if not crop.size:
        raise InputError("The four corners enclose no part of the picture.")
    return crop


def bounding_origin(corners: np.ndarray) -> np.ndarray:
    """Where ``bounding_crop`` begins: its first column and row, ``(2,)`` int."""
    return np.maximum(np.floor(np.min(corners, axis=0)), 0).astype(int)


def viridis(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """``(H, W)`` numbers as an ``(H, W, 3)`` uint8 RGB picture: viridis from ``low`` to ``high``, clipped to it."""
    levels = np.clip((values - low) / (high - low) * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)[..., ::-1])
