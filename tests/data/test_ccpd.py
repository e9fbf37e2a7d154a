import dataclasses

import pytest

from lpsr.data.ccpd import CCPD_LETTERS, CCPD_PROVINCES, CCPD_SERIAL, CcpdName, format_name, parse_name
from lpsr.errors import InputError
from lpsr.plates import is_plate

PAPERS_EXAMPLE = "025-95_113-154&383_386&473-386&473_177&454_154&383_363&402-0_0_22_27_27_33_16-37-15.jpg"


def test_the_data_sets_own_example():
    name = parse_name(PAPERS_EXAMPLE)
    assert name == CcpdName(
        area="025",
        tilt=(95, 113),
        box=((154, 383), (386, 473)),
        corners=((154, 383), (363, 402), (386, 473), (177, 454)),
        text="皖AY339S",
        brightness=37,
        blurriness=15,
    )
    assert format_name(name) == PAPERS_EXAMPLE


def test_a_green_plate_has_eight_characters():
    code = "0014128352490421455-90_90-241&489_345&525-345&524_242&525_241&489_344&489-0_0_3_25_30_24_24_32-96-27.jpg"
    name = parse_name(code)
    assert name.text == "皖AD16008" and is_plate(name.text)
    assert format_name(name) == code


def test_the_alphabets_have_the_data_sets_order_and_size():
    assert len(CCPD_PROVINCES) == 34 and CCPD_PROVINCES[0] == "皖" and CCPD_PROVINCES.endswith("新警学O")
    assert len(CCPD_LETTERS) == 25 and CCPD_LETTERS.endswith("ZO")
    assert len(CCPD_SERIAL) == 35 and CCPD_SERIAL.endswith("9O")


def test_every_character_survives_the_round_trip():
    name = parse_name(PAPERS_EXAMPLE)
    texts = [province + "A12345" for province in CCPD_PROVINCES]
    texts += ["皖" + letter + "12345" for letter in CCPD_LETTERS]
    texts += ["皖A" + character * 5 for character in CCPD_SERIAL] + ["皖A" + character * 6 for character in CCPD_SERIAL]
    for text in texts:
        other = dataclasses.replace(name, text=text)
        assert parse_name(format_name(other)) == other


def test_negative_tilt_and_other_suffixes():
    name = parse_name(PAPERS_EXAMPLE.replace("95_113", "-5_-12").replace(".jpg", ""))
    assert name.tilt == (-5, -12)
    assert parse_name(format_name(name, ".png")) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "plate.jpg",
        PAPERS_EXAMPLE + ".part.jpg",
        PAPERS_EXAMPLE.replace("-37-15", "-37"),
        PAPERS_EXAMPLE.replace("&", "x"),
        PAPERS_EXAMPLE.replace("_363&402", ""),
        PAPERS_EXAMPLE.replace("0_0_22_27_27_33_16", "0_0_22_27_27_33"),
        PAPERS_EXAMPLE.replace("0_0_22_27_27_33_16", "34_0_22_27_27_33_16"),
        PAPERS_EXAMPLE.replace("0_0_22_27_27_33_16", "0_25_22_27_27_33_16"),
        PAPERS_EXAMPLE.replace("0_0_22_27_27_33_16", "0_0_22_27_27_33_35"),
        PAPERS_EXAMPLE.replace("0_0_22_27_27_33_16", "0_0_22_27_27_33_16_1_1"),
        "../" + PAPERS_EXAMPLE,
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(InputError) as error:
        parse_name(name)
    assert str(error.value).endswith(".")


@pytest.mark.parametrize("text", ["", "皖", "皖A1234", "皖A1234567", "皖AI2345", "XA12345", "皖a12345"])
def test_texts_that_the_code_lacks_are_refused(text):
    with pytest.raises(InputError, match="plate text"):
        format_name(dataclasses.replace(parse_name(PAPERS_EXAMPLE), text=text))


def test_all_real_scene_names_survive_the_round_trip(ccpd_root):
    names = sorted(path.name for path in (ccpd_root / "scenes").iterdir())
    assert len(names) == 80
    for name in names:
        parsed = parse_name(name)
        assert format_name(parsed) == name
        assert is_plate(parsed.text)
        (left, top), (right, bottom) = parsed.box
        columns, rows = zip(*parsed.corners, strict=True)
        top_left, top_right, bottom_right, bottom_left = parsed.corners
        assert top_left[0] < top_right[0] and bottom_left[0] < bottom_right[0]
        assert top_left[1] < bottom_left[1] and top_right[1] < bottom_right[1]
        # Box and corners were annotated apart: they agree only roughly.
        assert abs(min(columns) - left) < 30 > abs(max(columns) - right)
        assert abs(min(rows) - top) < 30 > abs(max(rows) - bottom)
