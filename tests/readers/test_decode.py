"""The CTC decodes against enumeration and simple references."""

import itertools

import numpy as np
import pytest

from lpsr.plates import ALPHABET, LENGTHS, LETTERS, is_plate
from lpsr.readers.decode import PlateDecoder, greedy

CHARACTERS = ["blank", *ALPHABET, "·", "a", "Ａ", "O", "I", "好", " "]
COLUMN = {character: i for i, character in enumerate(CHARACTERS)}


@pytest.fixture(scope="module")
def decoder() -> PlateDecoder:
    return PlateDecoder(CHARACTERS)


def frames(*symbols: str | dict[str, float], rest: str = "blank") -> np.ndarray:
    """One row a symbol: a character with probability 0.9, or a dictionary; ``rest`` takes what is left."""
    rows = np.zeros((len(symbols), len(CHARACTERS)), np.float32)
    for row, symbol in zip(rows, symbols, strict=True):
        for character, probability in ({symbol: 0.9} if isinstance(symbol, str) else symbol).items():
            row[COLUMN[character]] += probability
        row[COLUMN[rest]] += 1 - row.sum()
    return rows


def spelled(text: str) -> list[str]:
    return [symbol for character in text for symbol in (character, "blank")]


def merged(path: tuple[int, ...]) -> str:
    """The text of a path over blank + ALPHABET, straight from the definition of CTC."""
    return "".join(ALPHABET[symbol - 1] for symbol, _ in itertools.groupby(path) if symbol)


def best_plate_by_enumeration(probabilities: np.ndarray, symbols: list[int]) -> tuple[float, str]:
    best = (0.0, "")
    for path in itertools.product(symbols, repeat=len(probabilities)):
        text = merged(path)
        if is_plate(text):
            best = max(best, (float(np.prod(probabilities[np.arange(len(path)), path])), text))
    return best


def random_rows(seed: int, count: int, symbols: list[int]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = np.zeros((count, len(CHARACTERS)))
    # Cubed, so that some frames are sure and some are not.
    rows[:, symbols] = rng.random((count, len(symbols))) ** 3
    return rows / rows.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [7, 8, 9])
def test_decode_equals_enumeration(decoder: PlateDecoder, seed: int, count: int) -> None:
    # "A" is both a letter and part of the serial, so that repeats occur; 4 symbols to the 9th are 262 144 paths.
    symbols = [COLUMN[c] for c in ("blank", "皖", "A", "7")]
    probabilities = random_rows(seed, count, symbols)
    expected_probability, expected = best_plate_by_enumeration(probabilities, symbols)
    decoding = decoder.decode(probabilities)
    path = decoder._best_path(np.log(np.maximum(decoder.fold(probabilities), 1e-30)))
    reached = np.prod([decoder.fold(probabilities)[t, symbol] for t, (_, symbol) in enumerate(path)])
    assert reached == pytest.approx(expected_probability, rel=1e-9)
    assert decoding.text == expected


def test_the_two_lengths_compete_as_they_are(decoder: PlateDecoder) -> None:
    for text in ("皖A12345", "粤BD12345"):
        assert decoder.decode(frames(*spelled(text))).text == text
    last = {"6": 0.4}
    assert decoder.decode(frames(*spelled("皖A12345"), last)).text == "皖A12345"
    last = {"6": 0.6}
    assert decoder.decode(frames(*spelled("皖A12345"), last)).text == "皖A123456"


@pytest.mark.parametrize("separator", ["·", " "])
def test_separators_are_blank(decoder: PlateDecoder, separator: str) -> None:
    symbols = ["皖", "A", separator, *spelled("12345")]
    decoding = decoder.decode(frames(*symbols))
    assert decoding.text == "皖A12345"
    assert min(decoding.confidences) == pytest.approx(0.9)
    # As blank, a separator also parts two equal characters.
    assert decoder.decode(frames("皖", "A", "1", separator, "1", *spelled("234"))).text == "皖A11234"


def test_other_forms_fold(decoder: PlateDecoder) -> None:
    decoding = decoder.decode(frames("皖", {"Ａ": 0.4, "a": 0.3, "A": 0.2}, "O", "I", "2", "3", "4"))
    assert decoding.text == "皖A01234"
    assert decoding.confidences[1] == pytest.approx(0.9)
    assert decoder.fold(frames("O"))[0, 1 + ALPHABET.index("0")] == pytest.approx(0.9)


def test_missing_province_is_put_in_and_weak(decoder: PlateDecoder) -> None:
    symbols = [{"blank": 0.6, "好": 0.37, "苏": 0.02, "皖": 0.01}, *spelled("A12345")]
    decoding = decoder.decode(frames(*symbols))
    assert decoding.text == "苏A12345"
    assert decoding.confidences[0] == pytest.approx(0.02)
    assert min(decoding.confidences[1:]) == pytest.approx(0.9)


def test_confidence_is_not_renormalised(decoder: PlateDecoder) -> None:
    # Nearly everything goes to a character outside the grammar; the plate is forced, every character is weak.
    decoding = decoder.decode(frames(*[{c: 0.01} for c in "皖A12345"], rest="好"))
    assert decoding.text == "皖A12345"
    assert max(decoding.confidences) == pytest.approx(0.01)


def test_confidence_is_the_peak_of_its_run(decoder: PlateDecoder) -> None:
    decoding = decoder.decode(frames("皖", {"A": 0.5}, {"A": 0.8}, {"A": 0.6}, *spelled("12345")))
    assert decoding.confidences[1] == pytest.approx(0.8)


@pytest.mark.parametrize("seed", range(30))
def test_grammar_always_holds(decoder: PlateDecoder, seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(len(CHARACTERS), 0.05), size=int(rng.integers(7, 45)))
    decoding = decoder.decode(probabilities)
    assert is_plate(decoding.text)
    assert len(decoding.confidences) == len(decoding.text)
    assert all(0 <= value <= 1 for value in decoding.confidences)


def test_certain_rows_of_one_symbol_still_decode(decoder: PlateDecoder) -> None:
    # Zero probability everywhere a plate needs some: a path must still be found, with no confidence at all.
    decoding = decoder.decode(frames(*[{"blank": 1.0}] * 40))
    assert is_plate(decoding.text)
    assert decoding.confidences == (0.0,) * len(decoding.text)


def test_too_few_frames_are_no_plate(decoder: PlateDecoder) -> None:
    few = frames(*"皖A1234")
    assert len(few) < min(LENGTHS)
    assert decoder.decode(few).text == ""


def test_a_recogniser_without_provinces_is_refused() -> None:
    with pytest.raises(ValueError, match="皖"):
        PlateDecoder(["blank", *LETTERS, *"0123456789"])


def reference_greedy(probabilities: np.ndarray, characters: list[str]) -> tuple[str, float]:
    text, values, last = "", [], None
    for row in probabilities:
        column = max(range(len(row)), key=lambda i: row[i])
        if column != last and column != 0:
            text += characters[column]
            values.append(row[column])
        last = column
    return text, float(np.mean(values)) if values else 0.0


@pytest.mark.parametrize("seed", range(10))
def test_greedy_equals_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    characters = ["blank", *"ABC·"]
    probabilities = rng.dirichlet(np.full(5, 0.3), size=30)
    text, score = greedy(probabilities, characters)
    expected, expected_score = reference_greedy(probabilities, characters)
    assert text == expected
    assert score == pytest.approx(expected_score)
    assert text != ""


def test_greedy_of_blanks_is_empty() -> None:
    assert greedy(np.tile([1.0, 0.0], (9, 1)), ["blank", "A"]) == ("", 0.0)
