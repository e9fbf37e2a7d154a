"""The rules of evidence, on readings made up for them."""

import json
from dataclasses import replace

import pytest
from pydantic import ValidationError

from lpsr.degrade import PAPER, PRESETS
from lpsr.evidence import (
    Calibration,
    ConsistencySummary,
    Measured,
    PresetCalibration,
    Share,
    group_of,
    support,
    weigh,
)
from lpsr.readers import Reading

SHA = {"mse": "a" * 64, "pecl-manhattan": "b" * 64}
ENGINE = "some reader 1.0"
# The texts below read A, 1 and 3 (others) and 2 and 5 (look-alikes) behind the province.
THRESHOLDS = {"province": None, "look-alikes": 0.9, "others": 0.6}


def reading(text: str, *confidences: float) -> Reading:
    confidences = confidences or (1.0,) * len(text)
    assert len(confidences) == len(text)
    return Reading(text, text, 0.5, tuple(confidences), ENGINE, 0.5)


def share(right: int, n: int) -> Share:
    return Share(n=n, right=right, share=right / n if n else None, low=0.0, high=1.0)


def measured(split: str, right: int) -> Measured:
    none = share(0, 0)
    summary = ConsistencySummary(median=1.0, percentile99=3.0, maximum=4.0, auc=None)
    return Measured(
        split=split,
        plates=20,
        characters=140,
        reliable=share(right, 100),
        guess=none,
        unsupported=none,
        coverage=100 / 140,
        unusual=none,
        groups={"province": none, "look-alikes": none, "others": share(right, 100)},
        weakest=None,
        provinces={"皖": none, "others": none},
        province_agreed={"皖": none, "others": none},
        whole=none,
        whole_but_province=share(7, 9),
        consistency=dict.fromkeys(SHA, summary),
    )


def calibration(thresholds=THRESHOLDS, checked: bool = True, **values) -> Calibration:
    presets = {
        name: PresetCalibration(
            degradation=PRESETS[name],
            thresholds=thresholds,
            limits={"mse": 3.0, "pecl-manhattan": 2.0},
            chosen=measured("val", 99),
            checked=measured("test", 96) if checked else None,
        )
        for name in ("paper", "night")
    }
    usual = {"target": 0.95, "lengths": (7,), "narrowest": 15, "widest": 52, "checkpoints": SHA}
    usual |= {"reader": ENGINE, "presets": presets, "passport": {}}
    return Calibration(**usual | values)


def verdict(readings, residuals=None, **changes):
    usual = {"width": 15, "checkpoints": SHA, "degradation": PAPER, "reader": ENGINE, "calibration": calibration()}
    return weigh(readings, residuals or dict.fromkeys(readings, 0.0), **usual | changes)


def agreeing(*confidences):
    return {name: reading("皖A12345", *confidences) for name in SHA}


def statuses(found):
    return [one.status for one in found.supports]


def test_agreement_above_the_threshold_of_its_group_is_reliable():
    found = verdict(
        {
            "mse": reading("皖A12345", 1, 1, 0.61, 0.91, 0.7, 0.59, 0.89),
            "pecl-manhattan": reading("皖A12345", 1, 0.6, 1, 0.9, 0.8, 0.99, 0.99),
        }
    )
    assert found.text == "皖A12345" and found.reason == ""
    assert statuses(found) == ["guess", "reliable", "reliable", "reliable", "reliable", "guess", "guess"]
    assert [one.confidence for one in found.supports] == [1, 0.6, 0.61, 0.9, 0.7, 0.59, 0.89]
    assert found.supports[1].readings == (("mse", "A", 1), ("pecl-manhattan", "A", 0.6))


def test_disagreement_is_unsupported_whatever_the_confidence():
    found = verdict({"mse": reading("皖A12345"), "pecl-manhattan": reading("皖A12346")})
    assert statuses(found) == ["guess", *["reliable"] * 5, "unsupported"]
    assert {found.supports[6].character} <= {"5", "6"}


def test_what_most_read_is_the_character_and_then_what_they_are_surer_of():
    readings = {
        name: reading(text, *(value,) * 7)
        for name, text, value in (("a", "皖A12345", 0.2), ("b", "皖A12346", 0.3), ("c", "皖A12346", 0.4))
    }
    last = support(readings, {})[6]
    assert (last.character, last.confidence, last.status) == ("6", 0.3, "unsupported")
    del readings["c"]
    assert support(readings, {})[6].character == "6"
    readings["a"] = reading("皖A12345", *(0.9,) * 7)
    assert support(readings, {})[6].character == "5"


def test_readings_are_aligned_at_the_left_and_a_missing_position_disagrees():
    supports = support({"mse": reading("皖AD12345"), "pecl-manhattan": reading("皖A12345")}, THRESHOLDS)
    assert [one.status for one in supports] == ["guess", "reliable", *["unsupported"] * 6]
    assert supports[7].readings == (("mse", "5", 1.0), ("pecl-manhattan", "", 0.0))
    assert supports[7].character == "5"


@pytest.mark.parametrize("other", ["皖AD12345", "皖A1234", ""])
def test_one_reading_of_another_length_is_enough_for_nothing_to_be_reliable(other):
    found = verdict({"mse": reading("皖A12345"), "pecl-manhattan": reading(other)})
    assert found.reason == "length" and "reliable" not in statuses(found)


def test_three_against_one_longer_reading_leave_the_text_seven_long():
    readings = {"a": reading("皖A12345"), "b": reading("皖A12345"), "c": reading("皖A123456")}
    supports = support(readings, {})
    assert [one.character for one in supports] == [*"皖A12345", ""]
    assert supports[7].status == "unsupported"


@pytest.mark.parametrize("empty", [{}, {"mse": reading(""), "pecl-manhattan": reading("")}])
def test_nothing_read_is_nothing_supported(empty):
    found = verdict(empty)
    assert (found.text, found.supports) == ("", ()) and found.measured is None


def test_one_restoration_alone_agrees_with_nobody():
    assert {one.status for one in support({"mse": reading("皖A12345")}, THRESHOLDS)} == {"guess"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"degradation": None}, "direct"),
        ({"degradation": replace(PAPER, blur=0.5)}, "degradation"),
        ({"degradation": PRESETS["cctv"]}, "degradation"),
        ({"calibration": None}, "missing"),
        ({"checkpoints": SHA | {"mse": "c" * 64}}, "checkpoints"),
        ({"reader": "some reader 1.1"}, "reader"),
        ({"width": 14}, "size"),
        ({"width": 53}, "size"),
        ({"length": 8}, "length"),
        ({"length": 0}, "length"),
        ({"calibration": calibration(lengths=(8,))}, "length"),
    ],
)
def test_without_a_calibration_for_it_nothing_is_reliable(changes, reason):
    assert statuses(verdict(agreeing())).count("reliable") == 6
    found = verdict(agreeing(), **changes)
    assert found.reason == reason and found.measured is None
    assert set(statuses(found)) == {"guess"} and found.text == "皖A12345"


@pytest.mark.parametrize("changes", [{"width": 15}, {"width": 52}, {"length": 7}, {"length": None}])
def test_a_plate_within_what_was_measured_has_a_verdict(changes):
    found = verdict(agreeing(), **changes)
    assert found.reason == "" and statuses(found).count("reliable") == 6 and found.widths == (15, 52)


def test_every_threshold_that_applied_is_told():
    found = verdict(agreeing(*(0.5,) * 7))
    assert [one.threshold for one in found.supports] == [None, 0.6, 0.6, 0.9, 0.6, 0.6, 0.9]
    assert {one.threshold for one in verdict(agreeing(), degradation=None).supports} == {None}


def test_plates_of_eight_characters_were_not_measured():
    eight = verdict({name: reading("皖AD12345") for name in SHA})
    assert eight.reason == "length" and set(statuses(eight)) == {"guess"}


def test_further_checkpoints_are_not_consulted():
    found = verdict(agreeing() | {"mine": reading("京B67890")}, checkpoints=SHA | {"mine": "d" * 64})
    assert found == verdict(agreeing())


def test_where_one_is_missing_all_that_are_shown_are_consulted():
    shown = {"mse": reading("皖A12345"), "mine": reading("皖A12340")}
    found = verdict(shown, checkpoints=SHA | {"mine": "d" * 64})
    assert found.reason == "checkpoints"
    assert statuses(found) == [*["guess"] * 6, "unsupported"]
    assert [name for name, _, _ in found.supports[0].readings] == ["mse", "mine"]


@pytest.mark.parametrize(
    ("given", "same"),
    [
        (replace(PAPER, blur_at="after", noise_at="before", jpeg_at="before", angle=30.0, motion=0.5, seed=9), True),
        (replace(PRESETS["night"], seed=3), True),
        (replace(PRESETS["night"], noise_at="before"), False),
        (replace(PRESETS["night"], jpeg_at="before"), False),
        (replace(PRESETS["night"], blur_at="after"), False),
        (replace(PAPER, motion=2.0), False),
        (replace(PAPER, kernel="area"), False),
    ],
)
def test_settings_that_change_nothing_do_not_make_another_degradation(given, same):
    assert (verdict(agreeing(), degradation=given).reason == "") == same


def test_a_restoration_beyond_its_limit_is_inconsistent():
    residuals = {"mse": 3.0, "pecl-manhattan": 2.01, "mine": 200.0}
    shown = agreeing() | {"mine": reading("皖A12345")}
    assert verdict(shown, residuals).inconsistent == ("pecl-manhattan",)
    # The reader has no part in it, the weights and the degradation do.
    assert verdict(shown, residuals, reader="another").inconsistent == ("pecl-manhattan",)
    assert verdict(shown, residuals, checkpoints=SHA | {"pecl-manhattan": "c" * 64}).inconsistent == ()
    assert verdict(shown, residuals, degradation=None).inconsistent == ()
    assert verdict(shown, residuals, calibration=None).inconsistent == ()


def test_what_was_measured_is_told_from_the_check_where_there_was_one():
    facts = verdict(agreeing()).measured
    assert (facts["preset"], facts["split"], facts["plates"], facts["target"]) == ("paper", "test", 20, 0.95)
    assert (facts["n"], facts["right"], facts["share"]) == (100, 96, 0.96)
    assert (facts["whole_n"], facts["whole_share"], facts["whole_but_province_right"]) == (0, None, 7)
    assert verdict(agreeing(), calibration=calibration(checked=False)).measured["right"] == 99
    json.dumps(verdict(agreeing()).to_json(), allow_nan=False)


def test_groups():
    assert [group_of(i, c) for i, c in enumerate("皖A0D3B")] == [
        "province",
        "others",
        "look-alikes",
        "look-alikes",
        "others",
        "look-alikes",
    ]


def test_a_calibration_survives_its_file_and_refuses_what_it_does_not_know():
    values = json.loads(json.dumps(calibration().model_dump(mode="json")))
    assert Calibration.model_validate(values) == calibration()
    for broken in (values | {"threshold": 0.5}, {key: values[key] for key in values if key != "reader"}):
        with pytest.raises(ValidationError):
            Calibration.model_validate(broken)
