from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lpsr.data.ccpd import parse_name
from lpsr.data.plates import COLUMNS, CORNER_COLUMNS, CROPS, open_plates, write_index
from lpsr.errors import InputError
from lpsr.images import save_png
from lpsr.plates import is_plate
from lpsr.rectify import rectify

CORNERS = [[10, 5], [49, 6], [50, 20], [9, 19]]
SCENE = "025-95_113-10&5_50&20-50&20_9&19_10&5_49&6-0_0_22_27_27_33_16-37-15.png"


def picture(seed=0, height=30, width=70):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "plates"
    rows = []
    for i, split in enumerate(("train", "train", "val", "test")):
        save_png(root / split / f"{i}.png", picture(i))
        rows.append({"file": f"{split}/{i}.png", "text": f"皖A1234{i}", "split": split, "kind": "drawn"})
        if i != 1:
            rows[i] |= dict(zip(CORNER_COLUMNS, np.ravel(CORNERS).tolist(), strict=True))
    write_index(root, rows)
    return root


def replace_in_index(folder, old, new):
    index = folder / "index.csv"
    text = index.read_text(encoding="utf-8")
    assert old in text
    index.write_text(text.replace(old, new), encoding="utf-8")


def test_what_write_index_wrote_is_read_back(folder):
    plates = open_plates(folder)
    assert [plate.text for plate in plates] == ["皖A12340", "皖A12341", "皖A12342", "皖A12343"]
    assert [plate.split for plate in plates] == ["train", "train", "val", "test"]
    assert plates[0].path == folder / "train" / "0.png"
    assert plates[0].corners.dtype == np.float32
    np.testing.assert_array_equal(plates[0].corners, CORNERS)
    assert plates[1].corners is None
    assert plates[0].extra == {"kind": "drawn"}
    assert (folder / "index.csv").read_text(encoding="utf-8").splitlines()[0] == ",".join(COLUMNS)


def test_straight_is_the_plate_by_its_corners(folder):
    with_corners, without_corners = open_plates(folder, "train")
    straight = rectify(picture(0), np.float32(CORNERS))
    assert straight.shape == (14, 40, 3)
    np.testing.assert_array_equal(with_corners.straight(), straight[:8, :40])
    np.testing.assert_array_equal(with_corners.straight(multiple=1), straight)
    np.testing.assert_array_equal(without_corners.straight(), picture(1)[:24, :64])
    for plate in (with_corners, without_corners):
        np.testing.assert_array_equal(plate.cut("box"), plate.hr())
        np.testing.assert_array_equal(plate.cut("straight", 2), plate.straight(2))
    assert set(CROPS) == {"box", "straight"}


def test_corners_of_no_plate_are_said(folder):
    replace_in_index(folder, "10,5,49,6,50,20,9,19", "10,5,9,19,50,20,49,6")
    with pytest.raises(InputError, match="counter-clockwise"):
        open_plates(folder, "train")[0].straight()


def test_hr_is_the_bounding_box_in_multiples_of_eight(folder):
    with_corners, without_corners = open_plates(folder, "train")
    np.testing.assert_array_equal(with_corners.picture(), picture(0))
    # Pixels 9 to 50 and 5 to 20: 42 × 16, cut to 40 × 16.
    np.testing.assert_array_equal(with_corners.hr(), picture(0)[5:21, 9:49])
    np.testing.assert_array_equal(with_corners.hr(multiple=1), picture(0)[5:21, 9:51])
    np.testing.assert_array_equal(without_corners.hr(), picture(1)[:24, :64])


def test_splits(folder):
    assert [plate.path.name for plate in open_plates(folder, "val")] == ["2.png"]
    with pytest.raises(InputError, match="no plates in split 'dev'; it has: test, train, val"):
        open_plates(folder, "dev")


def test_extra_columns_and_a_byte_order_mark(folder):
    write_index(folder, [{"file": "val/2.png", "text": "", "split": "val", "seed": 7}], ["seed"])
    index = folder / "index.csv"
    index.write_bytes(b"\xef\xbb\xbf" + index.read_bytes())
    (plate,) = open_plates(folder)
    assert plate.extra == {"seed": "7"} and plate.text is None


def test_a_missing_picture_is_a_sentence_when_it_is_opened(folder):
    (folder / "val" / "2.png").unlink()
    with pytest.raises(InputError, match="no file"):
        open_plates(folder, "val")[0].picture()


@pytest.mark.parametrize("path", ["../outside.png", "/etc/passwd", "train/../../outside.png", "", "."])
def test_an_index_cannot_point_outside_its_folder(folder, path):
    save_png(folder.parent / "outside.png", picture())
    replace_in_index(folder, "val/2.png", path)
    with pytest.raises(InputError, match=r"line 4.*not a file of this folder"):
        open_plates(folder)


def test_a_link_cannot_lead_outside_either(folder):
    save_png(folder.parent / "outside.png", picture())
    (folder / "val" / "link.png").symlink_to(folder.parent / "outside.png")
    replace_in_index(folder, "val/2.png", "val/link.png")
    with pytest.raises(InputError, match="not a file of this folder"):
        open_plates(folder)


def test_a_link_to_itself_is_a_sentence(folder):
    (folder / "val" / "loop.png").symlink_to("loop.png")
    replace_in_index(folder, "val/2.png", "val/loop.png")
    with pytest.raises(InputError, match=r"line 4.*not a file of this folder"):
        open_plates(folder)


@pytest.mark.parametrize("column", ["file", "text"])
def test_missing_columns_are_named(folder, column):
    replace_in_index(folder, column, "other")
    with pytest.raises(InputError, match=f"lacks the columns {column}"):
        open_plates(folder)


@pytest.mark.parametrize("value", ["left", "nan", "inf"])
def test_corners_that_are_no_numbers_name_their_line(folder, value):
    replace_in_index(folder, ",10,5,49", f",{value},5,49")
    with pytest.raises(InputError, match="line 2: the corners are not numbers"):
        open_plates(folder)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\x01", b"file,text,split\n", b"file,text,split\n\x00,a,b\n"])
def test_an_index_without_plates_is_a_sentence(folder, content):
    (folder / "index.csv").write_bytes(content)
    with pytest.raises(InputError) as error:
        open_plates(folder)
    assert str(error.value).endswith(".")


def test_an_index_of_files_and_texts_is_enough_and_has_no_split(folder):
    (folder / "index.csv").write_text("file,text\nval/2.png,皖A12342\n", "utf-8")
    (plate,) = open_plates(folder)
    assert (plate.text, plate.split, plate.corners, plate.extra) == ("皖A12342", "", None, {})
    with pytest.raises(InputError, match=r"no plates in split 'val'; its index\.csv names no split\."):
        open_plates(folder, "val")


def test_a_short_line_is_a_plate_without_the_rest(folder):
    (folder / "index.csv").write_text("file,text,split\nval/2.png\n")
    (plate,) = open_plates(folder)
    assert plate.text is None and plate.split == "" and plate.corners is None


def test_missing_and_empty_folders_are_sentences(tmp_path):
    for path, words in ((tmp_path / "no", "no folder"), (tmp_path, "holds no plates")):
        with pytest.raises(InputError, match=words):
            open_plates(path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="no folder"):
        open_plates(tmp_path / "file")


def test_a_ccpd_folder_by_its_file_names(tmp_path):
    save_png(tmp_path / "ccpd_base" / SCENE, picture())
    save_png(tmp_path / "ccpd_blur" / SCENE.replace("025-", "026-"), picture())
    save_png(tmp_path / "ccpd_blur" / "other.png", picture())
    (tmp_path / "readme.txt").write_text("no plate")
    assert [plate.split for plate in open_plates(tmp_path)] == ["ccpd_base", "ccpd_blur"]
    (plate,) = open_plates(tmp_path, "ccpd_base")
    assert plate.text == "皖AY339S" and plate.extra == {"brightness": "37", "blurriness": "15"}
    np.testing.assert_array_equal(plate.corners, CORNERS)
    assert plate.hr().shape == (16, 40, 3)
    with pytest.raises(InputError, match="it has: ccpd_base, ccpd_blur"):
        open_plates(tmp_path, "train")


@pytest.mark.parametrize("place", ["splits/val.txt", "val.txt"])
def test_a_ccpd_folder_with_split_lists(tmp_path, place):
    for number in range(3):
        save_png(tmp_path / "ccpd_base" / SCENE.replace("025-", f"{number:03}-"), picture())
    chosen = SCENE.replace("025-", "001-")
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text(f"ccpd_base/{chosen}\n\n")
    (plate,) = open_plates(tmp_path, "val")
    assert plate.path.name == chosen and plate.split == "val"


def test_a_split_list_without_any_plate_of_the_folder_is_a_sentence(tmp_path):
    save_png(tmp_path / "ccpd_base" / SCENE, picture())
    (tmp_path / "val.txt").write_text("gone.jpg\n")
    with pytest.raises(InputError, match="val"):
        open_plates(tmp_path, "val")


def test_a_split_list_that_cannot_be_read_is_a_sentence(tmp_path, monkeypatch):
    save_png(tmp_path / "ccpd_base" / SCENE, picture())
    (tmp_path / "val.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"Cannot read .*val\.txt"):
        open_plates(tmp_path, "val")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    # The mode of the file would not stop the superuser.
    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(InputError, match=r"Cannot read .*val\.txt.*Permission denied"):
        open_plates(tmp_path, "val")


@pytest.mark.parametrize("split", ["../secret", "/etc/hostname", "a\0b"])
def test_a_split_name_is_no_path(tmp_path, split):
    root = tmp_path / "root"
    save_png(root / "ccpd_base" / SCENE, picture())
    (tmp_path / "secret.txt").write_text(SCENE + "\n")
    with pytest.raises(InputError, match="no plates in split"):
        open_plates(root, split)


def test_the_real_folder(ccpd_root):
    plates = open_plates(ccpd_root)
    assert Counter(plate.split for plate in plates) == {"train": 7847, "val": 207, "test": 520, "reader_extra": 1441}
    assert all(is_plate(plate.text) for plate in plates)
    assert (
        len({plate.text for plate in plates if plate.split == "test"} & {p.text for p in plates if p.split == "train"})
        == 0
    )
    for plate in plates[::400]:
        height, width = plate.hr().shape[:2]
        assert height % 8 == width % 8 == 0 and height >= 8 < width


def test_the_real_scenes_by_their_file_names(ccpd_root):
    plates = open_plates(ccpd_root / "scenes")
    assert len(plates) == 80
    for plate in plates[::20]:
        assert plate.picture().shape == (1160, 720, 3)
        np.testing.assert_array_equal(plate.corners, parse_name(plate.path.name).corners)


def test_a_ccpd_folder_without_splits_says_where_to_list_them(tmp_path):
    save_png(tmp_path / SCENE, picture())
    with pytest.raises(InputError, match=r"list their file names in .*splits.test\.txt") as error:
        open_plates(tmp_path, "test")
    assert "it has" not in str(error.value)
