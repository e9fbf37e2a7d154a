"""Reading scores against values counted by hand."""

import pytest

from lpsr.metrics.reading import in_place, judge, marks, rates, wilson_interval
from lpsr.readers import Reading


@pytest.mark.parametrize(
    ("truth", "reading", "correct"),
    [
        ("皖A12345", "皖A12345", 7),
        ("皖A12345", "皖A·12345", 7),
        ("皖A12345", "皖a12345", 7),
        ("皖A12345", "A12345", 6),
        ("皖A12345", "沪A12346", 5),
        ("皖A12345", "A12345皖", 0),
        ("皖A12345", "皖A1234", 6),
        ("皖A12345", "皖A2345", 2),
        ("皖A12345", "皖A123456", 7),
        ("皖A12345", "", 0),
        ("粤BD12345", "粤BD12345", 8),
        ("粤BD12345", "粤BF12340", 6),
    ],
)
def test_characters_in_place(truth: str, reading: str, correct: int) -> None:
    assert sum(in_place(truth, reading)) == correct


def test_score_by_hand() -> None:
    pairs = [
        ("皖A12345", "皖A·12345"),  # 7 of 7, exact
        ("皖A12345", "皖A123456"),  # 7 of 7, one too many: not exact
        ("皖A12345", "A12345"),  # 6 of 7
        ("皖A12345", "沪A12346"),  # 5 of 7
        ("粤BD12345", "粤BF02340"),  # 5 of 8
        ("粤BD12345", ""),  # 0 of 8
    ]
    score = rates(judge(*pair) for pair in pairs)
    assert score.n == 6
    assert score.exact == pytest.approx(1 / 6)
    assert score.ge6 == pytest.approx(3 / 6)
    assert score.ge5 == pytest.approx(5 / 6)
    assert score.char_accuracy == pytest.approx(30 / 44)
    # The province: all but "A12345", "沪A12346" and "". The rest: the first, and the one that lacks only its province.
    assert score.province == pytest.approx(3 / 6)
    assert score.exact_without_province == pytest.approx(2 / 6)


def test_extremes() -> None:
    perfect = rates([judge("皖A12345", "皖A12345")] * 3)
    assert (perfect.exact, perfect.ge6, perfect.ge5, perfect.char_accuracy) == (1, 1, 1, 1)
    nothing = rates([judge("皖A12345", "")] * 3)
    assert (nothing.exact, nothing.ge6, nothing.ge5, nothing.char_accuracy) == (0, 0, 0, 0)
    with pytest.raises(ValueError, match="no readings"):
        rates([])


def test_wilson_interval_against_published_values() -> None:
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    for successes, trials, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]:
        assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)
    assert wilson_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_wilson_interval_edges() -> None:
    assert wilson_interval(0, 0) == (0, 1)
    assert wilson_interval(5, 5)[1] == 1
    low, high = wilson_interval(50, 100)
    assert low + high == pytest.approx(1)
    with pytest.raises(ValueError, match="6 successes"):
        wilson_interval(6, 5)


def marked(text: str, truth: str | None, confidences: tuple[float, ...] = ()) -> list[tuple[str, str]]:
    confidences = confidences or (0.9,) * len(text)
    return marks(Reading("", text, 0.9, confidences, "test", 0.9), truth)


def test_characters_are_right_or_wrong_where_the_truth_is_known() -> None:
    low = (0.1, *[0.9] * 5, 0.2)
    assert marked("京A86P28", "京A86P20", low) == [
        ("京", "right weak"),
        *[(character, "right") for character in "A86P2"],
        ("8", "wrong weak"),
    ]
    assert marked("京A86P20", None, low)[::6] == [("京", "weak"), ("0", "weak")]
    assert {kind for _, kind in marked("京A86P20", None)} == {"sure"}


def test_missing_and_surplus_characters_are_wrong() -> None:
    assert marked("京A1234", "京A12345") == [*[(character, "right") for character in "京A1234"], ("–", "wrong")]
    assert marked("京A12345", "京A1234")[-1] == ("5", "wrong")
    assert marked("", "京A12345") == [("–", "wrong")] * 7
    assert marked("", None) == []
