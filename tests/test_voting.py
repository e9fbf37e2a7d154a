"""Votes counted by hand: weights, ties, lengths, readings that abstain."""

import json
from itertools import permutations

import numpy as np
import pytest

from lpsr.readers import Reading
from lpsr.voting import VOTES, strangers, vote

NOTHING = Reading("", "", 0.0, (), "test", 0.0)


def reading(text: str, *confidences: float) -> Reading:
    """With one confidence for all characters, or one for each."""
    confidences = confidences * (1 if len(confidences) == len(text) else len(text))
    return Reading(text, text, float(np.mean(confidences)), confidences, "test", 1.0)


# The fifth place is in dispute, and two of three are unsure of it.
SURE, UNSURE, OTHER = reading("京A12345", 0.9), reading("京A12845", 0.2), reading("粤A12845", 0.2)


def test_majority_counts_every_reading_alike():
    tally = vote([SURE, UNSURE, OTHER], "majority")
    assert tally.text == "京A12845"
    assert tally.places[4] == pytest.approx({"8": 2 / 3, "3": 1 / 3})
    assert tally.places[0] == pytest.approx({"京": 2 / 3, "粤": 1 / 3})
    assert tally.places[1] == {"A": 1.0}


def test_what_few_voted_for_or_none_was_sure_of_is_weak():
    # The means over all three: 京 (.9 + .2) / 3, A 1.3 / 3, the disputed 8 .4 / 3.
    assert all(vote([SURE, UNSURE, OTHER], "majority").weak())
    assert vote([SURE, SURE, UNSURE], "majority").weak() == (False,) * 7
    assert vote([SURE, SURE, OTHER], "majority").weak(0.6) == (False,) * 7
    assert vote([SURE, SURE, OTHER], "majority").weak(0.61) == (True, False, False, False, True, False, False)


def test_confidence_weighs_each_character_by_its_own():
    tally = vote([SURE, UNSURE, OTHER], "confidence")
    assert tally.text == "京A12345"
    assert tally.places[4] == pytest.approx({"3": 0.9 / 1.3, "8": 0.4 / 1.3})
    assert tally.places[0] == pytest.approx({"京": 1.1 / 1.3, "粤": 0.2 / 1.3})
    # Sure of the plate, yet not of this character.
    doubtful = reading("京A12345", 0.9, 0.9, 0.9, 0.9, 0.1, 0.9, 0.9)
    assert vote([doubtful, UNSURE], "confidence").places[4] == pytest.approx({"8": 2 / 3, "3": 1 / 3})


def test_quality_of_the_picture_multiplies_the_confidence():
    tally = vote([SURE, UNSURE, OTHER], "quality", [1, 2, 8])
    assert tally.text == "粤A12845"
    assert tally.places[0] == pytest.approx({"粤": 1.6 / 2.9, "京": 1.3 / 2.9})
    assert tally.places[4] == pytest.approx({"8": 2.0 / 2.9, "3": 0.9 / 2.9})
    # Pictures of one quality leave the vote to the confidences.
    alike = vote([SURE, UNSURE, OTHER], "quality", [7, 7, 7])
    assert alike.places[4] == pytest.approx(vote([SURE, UNSURE, OTHER], "confidence").places[4])
    # A picture of no quality is not heard, whatever it reads.
    assert vote([SURE, UNSURE], "quality", [3, 0]).places[4] == {"3": 1.0, "8": 0.0}


@pytest.mark.parametrize("weights", VOTES)
def test_a_place_lists_the_chosen_first_then_by_share(weights):
    read = [reading("京A1234" + last, 0.5) for last in "77788123"]
    tally = vote(read, weights, [1.0] * len(read))
    assert list(tally.places[6]) == ["7", "8", "1", "2", "3"]
    for place in tally.places:
        assert sum(place.values()) == pytest.approx(1)
        assert list(place.values()) == sorted(place.values(), reverse=True)


@pytest.mark.parametrize("weights", VOTES)
def test_one_reading_stays_as_it_is(weights):
    one = reading("京A12345", *np.linspace(0.1, 0.9, 7))
    tally = vote([one], weights, [4.2])
    assert tally.text == one.plate_text
    assert tally.confidences == pytest.approx(one.char_confidences)
    assert tally.confidence == pytest.approx(one.confidence)
    assert tally.counted == (True,)


def test_confidence_of_a_character_is_the_mean_over_all_that_were_counted():
    read = [SURE, UNSURE, OTHER]
    assert vote(read, "majority").confidences[4] == pytest.approx((0.2 + 0.2) / 3)
    assert vote(read, "confidence").confidences[4] == pytest.approx(0.9 / 3)
    assert vote(read, "quality", [1, 2, 8]).confidences[4] == pytest.approx((2 * 0.2 + 8 * 0.2) / 11)
    # Agreeing again and again makes no surer.
    assert vote([UNSURE] * 20, "majority").confidence == pytest.approx(0.2)


def test_equal_votes_go_to_the_larger_sum_of_confidences_then_to_the_first_read():
    first, second = reading("京A12345", 0.4), reading("京A12845", 0.6)
    for order in ([first, second], [second, first]):
        assert vote(order, "majority").text == second.plate_text
        assert vote(order, "quality", [2, 2]).text == second.plate_text
    alike = reading("京A12845", 0.4)
    for weights in VOTES:
        assert vote([first, alike], weights, [1, 1]).text == first.plate_text
        assert vote([alike, first], weights, [1, 1]).text == alike.plate_text


def test_the_order_of_readings_changes_no_vote():
    # In floating point 0.1 + 0.2 + 0.3 is not 0.3 + 0.2 + 0.1.
    read = [reading("京A12345", 0.1), reading("京A12345", 0.2), reading("京A12345", 0.3), reading("京A12845", 0.65)]
    assert len({str(vote(order, "confidence").places) for order in permutations(read)}) == 1


@pytest.mark.parametrize(
    ("weights", "length"),
    [("majority", 7), ("confidence", 8), ("quality", 8)],
)
def test_the_length_is_voted_first_and_others_are_not_counted(weights, length):
    longer = reading("京AD12345", 1.0)
    tally = vote([longer, SURE, reading("京A12845", 0.0)], weights, [3, 1, 1])
    if length == 7:
        # Of two and one the two, whatever their weights.
        assert tally.counted == (False, True, True)
        assert tally.places[2] == {"1": 1.0}
    else:
        assert tally.counted == (True, False, False)
        assert tally.text == longer.plate_text
        assert all(list(place.values()) == [1.0] for place in tally.places)


def test_of_lengths_with_equal_votes_the_surer_is_taken():
    longer, shorter = reading("京AD12345", 0.8), reading("京A12345", 0.7)
    assert vote([shorter, longer], "majority").text == longer.plate_text
    assert vote([longer, shorter], "majority").text == longer.plate_text
    # As sure: the one that was read first.
    longer, shorter = reading("京AD12345", 0.5), reading("京A12345", 0.5)
    for first, second in permutations([longer, shorter]):
        assert vote([first, second], "majority").text == first.plate_text


def test_a_reading_without_text_abstains():
    for weights in VOTES:
        tally = vote([NOTHING, SURE, NOTHING], weights, [9, 1, 9])
        assert tally.text == SURE.plate_text
        assert tally.confidence == pytest.approx(0.9)
        assert tally.counted == (False, True, False)


@pytest.mark.parametrize("weights", VOTES)
@pytest.mark.parametrize("read", [[], [NOTHING], [NOTHING] * 3])
def test_where_nothing_is_read_there_is_no_text(weights, read):
    tally = vote(read, weights, [1.0] * len(read))
    assert (tally.text, tally.places, tally.confidence) == ("", (), 0.0)
    assert tally.counted == (False,) * len(read)


def test_votes_that_all_weigh_nothing_weigh_the_same():
    blind = [reading(text, 0.0) for text in ("京A12345", "京A12845", "京A12845")]
    for weights in VOTES:
        tally = vote(blind, weights, [0.0] * 3)
        assert tally.places[4] == pytest.approx({"8": 2 / 3, "3": 1 / 3})
        assert tally.confidence == 0.0
    assert vote([SURE, UNSURE], "quality", [0, 0]).confidences[4] == pytest.approx(0.9 / 2)


@pytest.mark.parametrize(
    ("weights", "qualities"),
    [
        ("quality", None),
        ("quality", [1.0]),
        ("quality", [1.0, 1.0, 1.0]),
        ("quality", [1.0, -1.0]),
        ("quality", [1.0, float("nan")]),
        ("quality", [1.0, float("inf")]),
        ("loudness", [1.0, 1.0]),
    ],
)
def test_other_weights_and_qualities_are_refused(weights, qualities):
    with pytest.raises(ValueError, match=r"quality|qualities|loudness"):
        vote([SURE, OTHER], weights, qualities)


def test_what_is_read_firmly_as_another_plate_is_told():
    # Of seven characters 4, 3 and none are those voted.
    near, far, other = reading("京B19945", 0.9), reading("京B19946", 0.9), reading("粤B98766D", 0.9)
    unsure = reading("粤B98766", 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.4)
    tally = vote([SURE, SURE, SURE, SURE, near, far, other, unsure, NOTHING], "majority")
    assert tally.text == "京A12345"
    assert strangers(tally, [SURE, near, far, other, unsure, NOTHING]) == (False, False, True, True, False, False)
    # Below the reader's threshold, or where there is none below .5, a character is weak.
    assert strangers(tally, [unsure], 0.3) == (False,) and strangers(tally, [other], 0.95) == (False,)
    assert strangers(vote([NOTHING], "majority"), [NOTHING]) == (False,)


def test_a_character_missed_or_added_makes_no_other_plate():
    for voted, read in (("皖AD12345", "皖A12345"), ("皖A12345", "皖AD12345"), ("皖A12345", "皖12345")):
        assert strangers(vote([reading(voted, 0.9)], "majority"), [reading(read, 0.9)]) == (False,)


def test_a_vote_that_is_weak_itself_accuses_nobody():
    unsure, other = reading("京A12845", 0.2), reading("粤B98766", 0.9)
    tally = vote([unsure, unsure, other], "majority")
    assert tally.text == "京A12845" and strangers(tally, [other]) == (False,)


def test_a_tally_as_json():
    found = json.loads(json.dumps(vote([SURE, UNSURE, NOTHING], "majority").to_json()))
    assert found["text"] == "京A12345"
    assert found["counted"] == [True, True, False]
    assert found["places"][4]["characters"] == [["3", 0.5], ["8", 0.5]]
    assert [len(place["characters"]) for place in found["places"]] == [1, 1, 1, 1, 2, 1, 1]
    assert found["confidence"] == pytest.approx(np.mean([place["confidence"] for place in found["places"]]))
