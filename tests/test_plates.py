import pytest

from lpsr.plates import ALPHABET, DIGITS, LETTERS, PROVINCES, SERIAL, alphabet_at, is_plate, matches, normalise


def test_the_alphabets():
    assert len(PROVINCES) == len(set(PROVINCES)) == 31
    assert len(LETTERS) == 24 and not set("IO") & set(LETTERS)
    assert len(SERIAL) == 34 and set(SERIAL) == set(LETTERS) | set(DIGITS)
    assert len(ALPHABET) == len(set(ALPHABET)) == 65


def test_the_alphabet_of_each_position():
    assert alphabet_at(0) == PROVINCES and alphabet_at(1) == LETTERS
    assert all(alphabet_at(position) == SERIAL for position in range(2, 8))
    for position in (-1, 8):
        with pytest.raises(ValueError):
            alphabet_at(position)


@pytest.mark.parametrize("text", ["皖A12345", "京AG8592", "粤BD12345", "新Z99999", "藏AAAAAA"])
def test_plates(text):
    assert is_plate(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "皖A1234",
        "皖A1234567",
        "A皖12345",
        "A123456",
        "皖112345",
        "皖O12345",
        "皖AI2345",
        "皖A1234O",
        "警A12345",
        "皖a12345",
    ],
)
def test_what_is_no_plate(text):
    assert not is_plate(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("皖A·12345", "皖A12345"),
        ("皖a 12345", "皖A12345"),
        ("皖A•12-345", "皖A12345"),
        ("皖Ａ１２３４５", "皖A12345"),
        ("  皖A.12345\n", "皖A12345"),
        ("皖A・12345", "皖A12345"),
        ("皖A･12345", "皖A12345"),
        ("皖A∙12345", "皖A12345"),
        ("", ""),
    ],
)
def test_normalise(text, expected):
    assert normalise(text) == expected
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ("皖A12345", "1111111"),
        ("皖A12346", "1111110"),
        ("京A12345", "0111111"),
        ("A12345", "0111111"),
        ("皖A1234", "1111110"),
        ("皖A123456", "1111111"),
        ("", "0000000"),
        ("12345", "0000000"),
        ("皖B00000", "1000000"),
    ],
)
def test_matches(reading, expected):
    assert matches("皖A12345", reading) == [mark == "1" for mark in expected]
