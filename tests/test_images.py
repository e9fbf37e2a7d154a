import io
import struct
import subprocess
import sys
import warnings
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from lpsr.errors import InputError
from lpsr.images import at_width, bounding_crop, crop_to_multiple, encode_png, luma, open_picture, save_png, viridis


def picture(height=12, width=20, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, kind, **options)
    return file.getvalue()


def sentence(error):
    text = str(error.value)
    assert text.endswith(".") and "\n" not in text and "Traceback" not in text
    return text


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_give_the_same_pixels(kind, tmp_path):
    path = tmp_path / "plate.bin"
    path.write_bytes(encoded(picture(), kind))
    for source in (path, str(path), path.read_bytes()):
        found = open_picture(source)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, picture())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_are_read(kind):
    flat = np.full((16, 24, 3), (200, 60, 30), np.uint8)
    assert np.abs(open_picture(encoded(flat, kind, quality=95)).astype(int) - flat).max() <= 8


@pytest.mark.parametrize(
    "content",
    [
        b"hello, this is text",
        b"\x00" * 1000,
        b"%PDF-1.4",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(InputError) as error:
        open_picture(content, "upload.png")
    assert sentence(error).startswith("upload.png is not a picture")


def test_an_empty_file_a_folder_and_a_missing_file_are_refused(tmp_path):
    (tmp_path / "empty.png").touch()
    for path, words in ((tmp_path / "empty.png", "0 bytes"), (tmp_path, "folder"), (tmp_path / "no.png", "no file")):
        with pytest.raises(InputError, match=words) as error:
            open_picture(path)
        sentence(error)
    with pytest.raises(InputError, match="0 bytes"):
        open_picture(b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(kind, share):
    content = encoded(picture(64, 96), kind)
    with pytest.raises(InputError) as error:
        open_picture(content[: int(len(content) * share)], "cut.bin")
    sentence(error)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_bytes_never_raise_anything_but_input_error():
    draw = np.random.default_rng(1)
    for kind in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM"):
        content = np.frombuffer(encoded(picture(24, 32), kind), np.uint8)
        for _ in range(60):
            damaged = content.copy()
            damaged[draw.integers(0, len(damaged), 6)] = draw.integers(0, 256, 6)
            try:
                found = open_picture(damaged.tobytes())
            except InputError:
                continue
            assert found.dtype == np.uint8 and found.ndim == 3 and found.shape[2] == 3


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
def test_a_picture_of_one_pixel_is_refused(size):
    with pytest.raises(InputError, match="pixels") as error:
        open_picture(encoded(picture(*size)))
    sentence(error)


def one_bit_png(width, height):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_000, 30_000, 2**31 - 1])
def test_a_decompression_bomb_is_refused_by_its_header(side):
    with pytest.raises(InputError, match="50 megapixels") as error:
        open_picture(one_bit_png(side, side), "bomb.png")
    assert "bomb.png" in sentence(error)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_large_picture_is_told_its_size():
    with pytest.raises(InputError, match="10000 × 10000 pixels; the limit is 50 megapixels"):
        open_picture(one_bit_png(10_000, 10_000))


def test_the_filters_of_warnings_which_threads_share_stay_as_they_are(monkeypatch):
    during, opened = [], Image.open

    def watched(*args, **kwargs):
        during.append(list(warnings.filters))
        return opened(*args, **kwargs)

    monkeypatch.setattr(Image, "open", watched)
    before = list(warnings.filters)
    open_picture(encoded(picture()))
    assert during == [before]


def test_pillows_warning_about_large_pictures_is_not_heard():
    script = "import sys; from lpsr.images import open_picture; open_picture(sys.stdin.buffer.read())"
    done = subprocess.run([sys.executable, "-c", script], input=one_bit_png(10_000, 10_000), capture_output=True)
    assert b"InputError" in done.stderr and b"DecompressionBombWarning" not in done.stderr


def test_too_many_bytes_are_refused(tmp_path):
    path = tmp_path / "large.png"
    with open(path, "wb") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(InputError, match="65 MB"):
        open_picture(path)


def test_a_huge_text_chunk_is_refused_or_ignored():
    notes = PngImagePlugin.PngInfo()
    notes.add_text("note", "x" * (8 * 2**20), zip=True)
    try:
        np.testing.assert_array_equal(open_picture(encoded(picture(), pnginfo=notes)), picture())
    except InputError as error:
        assert str(error).endswith(".")


def test_the_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "blue", "lime")]
    found = open_picture(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert found.shape == (10, 20, 3)
    assert (found == (255, 0, 0)).all()


def test_cmyk_becomes_rgb():
    found = open_picture(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95))
    assert found.shape == (16, 16, 3)
    assert found[..., 0].min() > 240 and found[..., 1:].max() < 15


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_become_eight(kind):
    values = np.linspace(0, 65535, 12 * 20).reshape(12, 20).astype(np.uint16)
    found = open_picture(encoded(values, kind))
    np.testing.assert_allclose(found[..., 1], values / 257, atol=0.51)
    assert (found[..., 0] == found[..., 2]).all()


def test_sixteen_bits_in_colour_become_eight():
    values = np.random.default_rng(0).integers(0, 65536, (12, 20, 3), dtype=np.uint16)
    found = open_picture(cv2.imencode(".png", values)[1].tobytes())
    np.testing.assert_allclose(found[..., ::-1], values / 257, atol=1.01)


@pytest.mark.parametrize("top", [1.0, 255.0])
def test_float_pictures_are_scaled(top):
    values = (np.linspace(0, top, 12 * 20).reshape(12, 20)).astype(np.float32)
    np.testing.assert_allclose(open_picture(encoded(values, "TIFF"))[..., 0], values * (255 / top), atol=0.51)


def test_float_pictures_that_are_not_numbers_stay_pictures():
    values = np.full((8, 8), np.nan, np.float32)
    values[0] = np.inf
    values[1] = 1
    found = open_picture(encoded(values, "TIFF"))
    assert found.shape == (8, 8, 3)
    assert (found[1] == 255).all() and not found[[0, 2, 7]].any()


def test_the_stereo_jpeg_of_phones_is_opened():
    flat = Image.new("RGB", (20, 10), (200, 60, 30))
    found = open_picture(encoded(flat, "MPO", save_all=True, append_images=[flat], quality=95))
    assert found.shape == (10, 20, 3)


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, lambda p: p),
        (2, np.fliplr),
        (3, lambda p: np.rot90(p, 2)),
        (4, np.flipud),
        (5, lambda p: p.transpose(1, 0, 2)),
        (6, lambda p: np.rot90(p, -1)),
        (7, lambda p: np.rot90(p, 2).transpose(1, 0, 2)),
        (8, np.rot90),
    ],
)
def test_exif_rotation_is_applied(orientation, turned):
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(open_picture(encoded(picture(), "PNG", exif=exif)), turned(picture()))


def test_transparency_is_laid_on_white():
    rgba = np.dstack([picture(), np.full((12, 20), 255, np.uint8)])
    rgba[:6, :, 3] = 0
    found = open_picture(encoded(rgba))
    assert (found[:6] == 255).all()
    np.testing.assert_array_equal(found[6:], picture()[6:])
    half = open_picture(encoded(Image.new("LA", (8, 8), (0, 128))))
    assert abs(int(half[0, 0, 0]) - 127) <= 1


def test_palettes_with_and_without_transparency():
    image = Image.new("P", (10, 10), 1)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((0, 0), 0)
    plain = open_picture(encoded(image))
    assert tuple(plain[0, 0]) == (10, 20, 30) and tuple(plain[5, 5]) == (200, 100, 50)
    transparent = open_picture(encoded(image, transparency=0))
    assert tuple(transparent[0, 0]) == (255, 255, 255) and tuple(transparent[5, 5]) == (200, 100, 50)


def test_one_bit_pictures_are_read():
    image = Image.new("1", (10, 10), 1)
    image.putpixel((0, 0), 0)
    found = open_picture(encoded(image))
    assert found[0, 0].max() == 0 and found[5, 5].min() == 255


def test_png_round_trip(tmp_path):
    save_png(tmp_path / "new" / "plate.png", picture())
    np.testing.assert_array_equal(open_picture(tmp_path / "new" / "plate.png"), picture())
    np.testing.assert_array_equal(open_picture(encode_png(picture())), picture())


def test_luma_is_full_range_bt601():
    values = picture().astype(float)
    np.testing.assert_allclose(luma(picture()), values @ [0.299, 0.587, 0.114], atol=1)
    assert luma(np.full((2, 2, 3), 255, np.uint8)).min() == 255 and luma(np.zeros((2, 2, 3), np.uint8)).max() == 0


@pytest.mark.parametrize(("size", "expected"), [((56, 160), (56, 160)), ((63, 167), (56, 160)), ((8, 9), (8, 8))])
def test_crop_to_multiple_cuts_right_and_bottom(size, expected):
    whole = picture(*size)
    np.testing.assert_array_equal(crop_to_multiple(whole), whole[: expected[0], : expected[1]])


def test_crop_to_multiple_needs_one_whole_block():
    with pytest.raises(InputError, match="20 × 7 pixels; at least 8 × 8") as error:
        crop_to_multiple(picture(7, 20))
    sentence(error)


def test_the_bounding_crop_holds_the_pixels_of_its_corners():
    whole = picture(20, 40)
    corners = np.array([[5, 4], [30, 2], [31, 11], [6, 13]])
    np.testing.assert_array_equal(bounding_crop(whole, corners), whole[2:14, 5:32])
    # Pixel i covers [i, i + 1).
    for between in (0.4, 0.9):
        np.testing.assert_array_equal(bounding_crop(whole, corners + between), whole[2:14, 5:32])


def test_the_bounding_crop_is_cut_to_the_picture():
    whole = picture(20, 40)
    np.testing.assert_array_equal(bounding_crop(whole, [[-5, -3], [90, -3], [90, 9], [-5, 9]]), whole[:10])
    for outside in ([[50, 2], [60, 2], [60, 9], [50, 9]], [[-9, -9], [-2, -9], [-2, -3], [-9, -3]]):
        with pytest.raises(InputError, match="no part"):
            bounding_crop(whole, outside)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_corners_that_are_no_numbers_are_refused(value):
    with pytest.raises(InputError, match="finite"):
        bounding_crop(picture(), [[0, 0], [5, 0], [5, value], [0, 5]])


def test_viridis_runs_from_dark_purple_to_yellow_and_is_clipped():
    colours = viridis(np.array([[-9.0, 2.0, 3.0, 4.0, 99.0]], np.float32), 2, 4)
    assert colours.shape == (1, 5, 3) and colours.dtype == np.uint8
    # The ends and the middle of matplotlib's table.
    np.testing.assert_allclose(colours[0, [1, 2, 3]], [(68, 1, 84), (33, 145, 140), (253, 231, 37)], atol=3)
    np.testing.assert_array_equal(colours[0, [0, 4]], colours[0, [1, 3]])


def test_a_width_keeps_the_proportions():
    assert at_width(picture(12, 20), 10).shape == (6, 10, 3)
    assert at_width(picture(2, 40), 10).shape == (1, 10, 3)
    np.testing.assert_array_equal(at_width(picture(), 20), picture())
    expected = Image.fromarray(picture()).resize((30, 18), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(at_width(picture(), 30), expected)
