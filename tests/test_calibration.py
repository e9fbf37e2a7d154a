"""Choosing thresholds, measuring a rule, and the file, on observations made up for them and on generated plates."""

import json
import logging
import os
from dataclasses import replace

import numpy as np
import pytest

from lpsr.calibration import (
    FILE,
    Observation,
    calibrate,
    choose_thresholds,
    load_calibration,
    measure,
    observe,
    save_calibration,
)
from lpsr.checkpoints import load_restorer
from lpsr.compare import compare, read
from lpsr.data.plates import open_plates
from lpsr.degrade import PRESETS
from lpsr.errors import InputError
from lpsr.evidence import GROUPS
from lpsr.metrics.reading import wilson_interval
from lpsr.readers import Reading

NAMES = ("mse", "pecl-manhattan")


class Reader:
    """Reads the brightness of a picture's quarter."""

    name = engine = "brightness reader"
    threshold = None

    def read(self, picture):
        value = int(picture[: picture.shape[0] // 2].mean())
        return Reading("", f"皖A{value:05}", 0.5, (0.9,) * 7, self.engine, 0.5)


def seen(
    truth: str, reads: str, confidence: float = 0.9, other: str | None = None, residual: float = 1.0, width: int = 19
):
    """Both checkpoints read ``reads``, or the second one ``other``."""

    def reading(text):
        return Reading(text, text, confidence, (confidence,) * len(text), "", confidence)

    return Observation(
        truth,
        width,
        dict(zip(NAMES, map(reading, (reads, other or reads)), strict=True)),
        dict.fromkeys(NAMES, residual),
    )


def text(i: int) -> str:
    """No position of these has a character that more than half of them have; none has look-alikes."""
    return "皖浙沪"[i % 3] + "ACEFHJ"[i % 6] + "".join("13479"[(i + k) % 5] for k in range(5))


def plates(wrong: dict[float, int], n: int = 200):
    """At each confidence ``n`` plates, in so many of which the last character is read wrongly."""
    return [
        seen(text(i), text(i)[:-1] + "X" if i < count else text(i), confidence)
        for confidence, count in wrong.items()
        for i in range(n)
    ]


def test_the_threshold_is_the_lowest_that_keeps_the_interval_above_the_target():
    # Behind the province there are 1200 characters at each confidence: 10 of 1200 are wrong, then 70 of 2400, and from
    # .7 on 270 of 3600.
    assert wilson_interval(2330, 2400)[0] > 0.95 > wilson_interval(3330, 3600)[0]
    assert choose_thresholds(plates({0.9: 10, 0.8: 60, 0.7: 200}))["others"] == 0.71


def test_a_share_above_the_target_is_not_enough():
    # 40 plates, 240 characters, 7 wrong: 97.1 %, of which the interval begins at 94.1 %.
    few = plates({0.9: 7}, n=40)
    assert choose_thresholds(few)["others"] is None
    # The same share on more plates is.
    assert choose_thresholds(few * 4)["others"] == 0.0


def test_what_falls_below_the_target_when_stricter_has_no_threshold():
    # Sure readings are worse than unsure ones here: confidence says nothing, whatever the share of all.
    sure, unsure = plates({0.99: 80}), plates({0.5: 0}, n=2000)
    assert wilson_interval(13200 - 80, 13200)[0] > 0.95
    assert choose_thresholds(unsure)["others"] == 0.0
    assert choose_thresholds(sure + unsure)["others"] is None


def test_a_few_sure_mistakes_are_no_verdict_on_a_threshold():
    # 5 of 6 are right above .99.
    assert choose_thresholds(plates({0.99: 1}, n=1) + plates({0.5: 0}))["others"] == 0.0


def test_disagreement_takes_no_part_in_choosing():
    good = plates({0.9: 0})
    bad = [seen("皖C11113", "皖C11114", other="皖C11115")] * 200
    assert choose_thresholds(good + bad) == choose_thresholds(good)


def test_groups_have_thresholds_of_their_own():
    # S is read as 5 half the time; everything else is always right.
    observations = [seen(text(i)[:-1] + "S25"[i % 3], text(i)[:-1] + "525"[i % 3]) for i in range(300)]
    found = choose_thresholds(observations)
    assert found == {"province": 0.0, "look-alikes": None, "others": 0.0}


def test_a_province_that_nearly_all_plates_have_is_no_evidence():
    # Whoever reads 皖 everywhere is right on 97 % of these plates.
    habit = [seen("皖A13479", "皖A13479")] * 970 + [seen("浙A13479", "皖A13479")] * 30
    assert wilson_interval(970, 1000)[0] > 0.95
    assert choose_thresholds(habit)["province"] is None
    # One who tells the others apart has earned it.
    told = [seen("皖A13479", "皖A13479")] * 900 + [seen("浙A13479", "浙A13479")] * 100
    assert choose_thresholds(told)["province"] == 0.0
    # Half is not nearly all: nobody is left out.
    half = [seen("皖A13479", "浙A13479")] * 100 + [seen("浙A13479", "浙A13479")] * 100
    assert choose_thresholds(half)["province"] is None


def test_a_rule_is_counted_by_hand():
    observations = [
        seen("皖A12345", "皖A12345"),
        seen("皖A12345", "皖A12340", residual=2.0),
        seen("浙B12345", "皖B12345", other="皖B12340"),
        seen("皖A12345", "皖A12345", confidence=0.3, residual=9.0),
        seen("皖A12345", "皖A1234"),
        seen("浙A12345", "", residual=3.0),
    ]
    found = measure(observations, {"look-alikes": 0.9, "others": 0.5}, (7,), (15, 52), "val")
    assert (found.split, found.plates, found.characters) == ("val", 6, 42)
    # Reliable behind the province: 6, then 6 with one wrong, then 5; six characters are too few a length.
    assert (found.reliable.n, found.reliable.right) == (17, 16)
    assert (found.reliable.low, found.reliable.high) == wilson_interval(16, 17)
    assert found.coverage == pytest.approx(17 / 42)
    # The B of the third plate is the only reliable character that is rare where it stands.
    assert (found.unusual.n, found.unusual.right) == (1, 1)
    # Guesses: the provinces of the first three, the fourth plate, and all six of the short reading.
    assert (found.guess.n, found.guess.right) == (3 + 7 + 6, 2 + 7 + 6)
    assert (found.unsupported.n, found.unsupported.right) == (1, 1)
    assert {name: (one.n, one.right) for name, one in found.groups.items()} == {
        "province": (0, 0),
        # 2 and 5; 2 and the wrong 0; B and 2.
        "look-alikes": (6, 5),
        "others": (11, 11),
    }
    assert (found.provinces["皖"].n, found.provinces["others"].n) == (12, 5)
    assert (found.province_agreed["皖"].right, found.province_agreed["皖"].n) == (4, 4)
    assert (found.province_agreed["others"].right, found.province_agreed["others"].n) == (0, 1)
    assert found.whole.n == 0 and (found.whole_but_province.n, found.whole_but_province.right) == (2, 1)
    assert found.weakest is None
    summary = found.consistency["mse"]
    assert (summary.median, summary.maximum) == (1.5, 9.0)
    # Read exactly are the first and the fourth (1 and 9), not the others (2, 1, 1, 3): 1 is below 2 and 3, and twice
    # equal.
    assert summary.auc == pytest.approx((2 + 2 * 0.5) / 8)


def test_the_weakest_is_the_character_least_often_right_among_the_frequent():
    # 1 is read 42 times, 4 of them for a 7; X twice, and never right.
    observations = [seen("皖C34913", "皖C3491X")] * 2 + [seen("皖C3497" + "71"[i >= 4], "皖C34971") for i in range(40)]
    character, share = measure(observations, {"others": 0.0}, (7,), (15, 52), "val").weakest
    assert (character, share.right, share.n) == ("1", 38, 42)


def test_an_extra_character_is_wrong():
    found = measure([seen("皖A12345", "皖A123455")], dict.fromkeys(GROUPS, 0.0), (7, 8), (15, 52), "val")
    assert (found.characters, found.reliable.n, found.reliable.right) == (8, 8, 7)
    assert (found.whole.n, found.whole.right) == (1, 0)


def test_a_plate_read_too_short_is_not_wholly_right():
    found = measure([seen("皖A12345", "皖A1234")], dict.fromkeys(GROUPS, 0.0), (6, 7), (15, 52), "val")
    assert (found.reliable.n, found.reliable.right) == (6, 6)
    assert (found.whole.n, found.whole.right, found.whole_but_province.right) == (1, 0, 0)


@pytest.mark.parametrize(("width", "reliable"), [(15, 7), (14, 0), (52, 7), (53, 0)])
def test_nothing_is_reliable_on_a_plate_narrower_or_wider_than_measured(width, reliable):
    found = measure([seen("皖A12345", "皖A12345", width=width)], dict.fromkeys(GROUPS, 0.0), (7,), (15, 52), "val")
    assert (found.reliable.n, found.guess.n) == (reliable, 7 - reliable)


@pytest.mark.parametrize(("truth", "other"), [("皖AD12345", None), ("皖A12345", "皖A1234"), ("皖A12345", "皖AD12345")])
def test_nothing_is_reliable_where_the_plate_or_a_reading_has_another_length(truth, other):
    found = measure([seen(truth, "皖A12345", other=other)], dict.fromkeys(GROUPS, 0.0), (7,), (15, 52), "val")
    assert found.reliable.n == 0 and found.characters == max(len(truth), len(other or ""))


@pytest.fixture
def calibrated(plate_folder, checkpoints):
    return calibrate(
        open_plates(plate_folder, "val"),
        open_plates(plate_folder, "test"),
        Reader(),
        data="plates",
        splits=("val", "test"),
        presets=("paper", "night"),
        folder=checkpoints,
    )


def test_an_observation_is_what_compare_reads(plate_folder, checkpoints):
    plate = open_plates(plate_folder, "val")[0]
    restorers = [load_restorer(name, checkpoints) for name in NAMES]
    for preset in PRESETS.values():
        observed = observe(plate, restorers, preset, Reader())
        shown = read(compare(plate.hr(), NAMES, degradation=preset, folder=checkpoints), Reader(), checkpoints)
        assert observed.readings == {one.name: one.reading for one in shown.restorations}
        assert observed.residuals == {one.name: one.consistency.rmse for one in shown.restorations}


def test_a_calibration_says_what_it_was_made_with(calibrated, plate_folder, checkpoints):
    assert list(calibrated.presets) == ["paper", "night"]
    assert calibrated.checkpoints == {name: load_restorer(name, checkpoints).sha256 for name in NAMES}
    assert calibrated.reader == calibrated.passport["reader"] == "brightness reader"
    for name, preset in calibrated.presets.items():
        assert preset.degradation == PRESETS[name]
        assert (preset.chosen.split, preset.checked.split) == ("val", "test")
        assert (preset.chosen.plates, preset.checked.plates) == (3, 3)
        observed = [
            observe(plate, [load_restorer("mse", checkpoints)], PRESETS[name], Reader()).residuals["mse"]
            for plate in open_plates(plate_folder, "val")
        ]
        assert preset.limits["mse"] == pytest.approx(np.percentile(observed, 99))
    # Of three plates nine in ten are all three.
    widths = [plate.hr().shape[1] // 8 for plate in open_plates(plate_folder, "val")]
    assert (calibrated.narrowest, calibrated.widest) == (min(widths), max(widths))
    # Three plates are too few for anything.
    assert set(calibrated.presets["paper"].thresholds.values()) == {None}


@pytest.mark.parametrize(("sevens", "lengths"), [(9, (7, 8)), (10, (7,))])
def test_a_length_of_fewer_than_one_in_ten_plates_is_not_measured(plate_folder, checkpoints, sevens, lengths):
    one = open_plates(plate_folder, "val")[0]
    plates = [replace(one, text=text) for text in ("皖A12345",) * sevens + ("皖AD12345",)]
    found = calibrate(plates, (), Reader(), data="x", splits=("", ""), presets=["paper"], folder=checkpoints)
    assert found.lengths == lengths


def test_the_file_is_read_again_when_it_changes(calibrated, tmp_path):
    save_calibration(calibrated, tmp_path)
    assert load_calibration(tmp_path) == calibrated
    assert load_calibration(tmp_path) is load_calibration(tmp_path)
    changed = calibrated.model_copy(update={"reader": "another"})
    save_calibration(changed, tmp_path)
    os.utime(tmp_path / FILE, ns=(1, 1))
    assert load_calibration(tmp_path).reader == "another"


@pytest.mark.parametrize(
    "content", [None, "", "{", "[]", '{"target": 0.95}', "\ufeff{}", "null", '{"presets": {"a": 1}}']
)
def test_a_missing_or_broken_file_is_one_line_in_the_log(content, tmp_path, caplog):
    if content is not None:
        (tmp_path / FILE).write_text(content, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        assert load_calibration(tmp_path) is None
        assert load_calibration(tmp_path) is None
    assert len(caplog.records) == 1 and FILE in caplog.text and "Traceback" not in caplog.text
    assert "\n" not in caplog.records[0].getMessage()


def test_an_impossible_degradation_in_the_file_is_refused(calibrated, tmp_path):
    values = json.loads(json.dumps(calibrated.model_dump(mode="json")))
    values["presets"]["paper"]["degradation"]["kernel"] = "magic"
    (tmp_path / FILE).write_text(json.dumps(values), encoding="utf-8")
    assert load_calibration(tmp_path) is None


def test_what_cannot_be_calibrated_is_said(plate_folder, checkpoints, make_checkpoint, tmp_path):
    some = open_plates(plate_folder, "val")
    facts = {"data": "x", "splits": ("val", "")}
    with pytest.raises(InputError, match="no plates"):
        calibrate([], [], Reader(), **facts, folder=checkpoints)
    make_checkpoint(tmp_path / "one", "mse")
    with pytest.raises(InputError, match="at least two"):
        calibrate(some, [], Reader(), **facts, folder=tmp_path / "one")
    unknown = [type(some[0])(some[0].path, None, None, "val")]
    with pytest.raises(InputError, match="known text"):
        calibrate(some, unknown, Reader(), **facts, folder=checkpoints)
