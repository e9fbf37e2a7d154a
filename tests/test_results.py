"""Result files: what is written is read again, and a broken one is a sentence."""

import json
import os
import re

import pytest
from pydantic import ValidationError

from lpsr import results
from lpsr.errors import InputError
from lpsr.results import Measurement, Plates, RunRecord, Scores, read_results, write_measurement, write_record

RECIPE = {"learning_rate": 0.00012345678, "network": {"channels": 8}, "patch": [64, 64], "init_from": None}


def make_scores(count: int = 3, **columns) -> Scores:
    usual = {
        "psnr": [22.123456] * count,
        "psnr_y": [23.0] * count,
        "ssim": [0.765432] * count,
        "confidence": [0.987654] * count,
        "right": [6, 7, None][:count],
        "exact": [False, True, None][:count],
        "exact_raw": [False, False, None][:count],
        "province": [False, True, None][:count],
        "exact_without_province": [True, True, None][:count],
    }
    return Scores(title="MSE", sha256="ab" * 32, **usual | columns)


def make_plates(**columns) -> Plates:
    usual = {
        "width": [152, 160, 96],
        "height": [56, 48, 24],
        "characters": [7, 7, None],
        "province": ["皖", "沪", None],
        "brightness": [101.0, 98.5, None],
        "blurriness": [12.0, 40.0, None],
        "kind": ["scene", "scene", ""],
    }
    return Plates(**usual | columns)


def make_measurement(**models) -> Measurement:
    return Measurement(
        command="python -m lpsr evaluate",
        passport={"n": 3},
        plates=make_plates(),
        models=models or {"mse": make_scores()},
    )


def make_record(**values) -> RunRecord:
    usual = {
        "study": "dimensions",
        "name": "mse",
        "command": "python -m lpsr study dimensions",
        "recipe": RECIPE,
        "stages": [{"iterations": 500}],
        "data": [{"name": "ccpd", "plates": 7847}],
        "iterations_done": 1000,
        "kept_iteration": 500,
        "seconds": 12.5,
        "device": "CPU",
        "precision": "32-true",
        "threads": 1,
        "parameters": 4711,
        "curve": {"iteration": [500, 1000], "val_psnr": [20.12345, 21.0], "val_psnr_y": [20.5, 21.5]},
        "losses": {"iteration": [100, 200], "total": [0.00123456789, 1.5e-7], "contrastive": [None, None]},
        "measurement": make_measurement(mse=make_scores()),
    }
    return RunRecord(**usual | values)


def test_what_is_written_is_read_again_rounded(tmp_path):
    write_measurement("test", make_measurement(), tmp_path)
    write_record(make_record(), tmp_path)
    found = read_results(tmp_path)
    assert found.problems == []
    scores = found.measurements["test"].models["mse"]
    assert (scores.psnr[0], scores.ssim[0], scores.confidence[0]) == (22.1235, 0.7654, 0.9877)
    assert scores.right == [6, 7, None] and scores.exact == [False, True, None]
    assert found.measurements["test"].plates == make_plates()
    (record,) = found.runs
    assert record.recipe == RECIPE
    assert record.curve["val_psnr"] == [20.1234, 21.0]
    assert record.losses == {"iteration": [100, 200], "total": [0.0012346, 1.5e-7], "contrastive": [None, None]}
    assert record.measurement == found.measurements["test"]


def test_a_column_is_one_line(tmp_path):
    lines = write_measurement("test", make_measurement(), tmp_path).read_text(encoding="utf-8").splitlines()
    assert '    "width": [152,160,96],' in lines
    assert '    "province": ["皖","沪",null],' in lines
    assert '      "exact": [false,true,null],' in lines


def test_the_order_of_runs_is_that_of_their_names(tmp_path):
    for study, name in (("seeds", "a"), ("dimensions", "b"), ("dimensions", "a")):
        write_record(make_record(study=study, name=name, measurement=None), tmp_path)
    assert [(one.study, one.name) for one in read_results(tmp_path).runs] == [
        ("dimensions", "a"),
        ("dimensions", "b"),
        ("seeds", "a"),
    ]


def test_no_folder_holds_nothing(tmp_path):
    found = read_results(tmp_path / "none")
    assert (found.measurements, found.runs, found.problems) == ({}, [], [])


@pytest.mark.parametrize(
    "name", ["", ".", "../test", "a/b", "a b", "-x", "examples", "readability", "benefit", "a--b", "中"]
)
def test_names_that_are_none_are_refused(tmp_path, name):
    for write in (
        lambda: write_measurement(name, make_measurement(), tmp_path / "out"),
        lambda: write_record(make_record(study=name), tmp_path / "out"),
        lambda: write_record(make_record(name=name, measurement=None), tmp_path / "out"),
    ):
        with pytest.raises(InputError, match="cannot be a result's name"):
            write()
    assert not (tmp_path / "out").exists()


def changed(change) -> bytes:
    values = make_measurement().model_dump(mode="json")
    change(values)
    return json.dumps(values).encode()


BROKEN = {
    "cut off": (changed(lambda one: None)[:200], "cut off or not JSON"),
    "empty": (b"", "cut off or not JSON"),
    "binary": (bytes(range(256)), "cut off or not JSON"),
    "deep": (b"[" * 100_000, "cut off or not JSON"),
    "many digits": (b"1" * 10_000, "cut off or not JSON"),
    "NaN": (changed(lambda one: one["models"]["mse"]["psnr"].__setitem__(0, float("nan"))), "cut off or not JSON"),
    "infinite": (changed(lambda one: None).replace(b"23.0", b"1e999"), r"models\.mse\.psnr_y\.0: .*finite"),
    "infinite fact": (changed(lambda one: None).replace(b'{"n": 3}', b'{"n": 1e999}'), r"passport.*finite"),
    "foreign": (b'{"version": 3, "rows": []}', "no measurement of this version"),
    "a list": (b"[1, 2]", "no measurement of this version"),
    "null": (b"null", "no measurement of this version"),
    "a run": (make_record().model_dump_json().encode(), "no measurement of this version"),
    "another key": (changed(lambda one: one.update({"x" * 10_000: 1})), "no measurement of this version"),
    "short column": (changed(lambda one: one["plates"]["kind"].pop()), "kind has 2 entries, not 3"),
    "short scores": (changed(lambda one: one["models"]["mse"]["ssim"].pop()), r"mse\.ssim has 2 entries, not 3"),
    "text": (changed(lambda one: one["models"]["mse"]["psnr"].__setitem__(1, "high")), r"models\.mse\.psnr\.1"),
    "a list of checkpoints": (
        changed(lambda one: one["passport"].update(checkpoints=[1])),
        "the passport's checkpoints",
    ),
    "a plate text": (changed(lambda one: one["plates"]["province"].__setitem__(0, "皖A12345")), "province.0"),
    "no width": (changed(lambda one: one["plates"]["width"].__setitem__(0, 0)), "width.0"),
    "no plates": (changed(lambda one: one["plates"].update({key: [] for key in one["plates"]})), "plates.width"),
    "no models": (changed(lambda one: one["models"].clear()), "models"),
    "half the reading": (changed(lambda one: one["models"]["mse"].update(exact=None)), "some columns"),
    "half the fidelity": (changed(lambda one: one["models"]["mse"].update(psnr=None)), "some columns"),
    "8 of 7": (changed(lambda one: one["models"]["mse"]["right"].__setitem__(0, 8)), "does not fit"),
    "unknown right": (changed(lambda one: one["plates"]["characters"].__setitem__(2, 7)), "does not fit"),
    "unknown exact": (changed(lambda one: one["models"]["mse"]["exact"].__setitem__(2, True)), "different plates"),
}


@pytest.mark.parametrize(("content", "sentence"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_one_sentence_beside_what_is_whole(tmp_path, content, sentence):
    write_measurement("whole", make_measurement(), tmp_path)
    write_record(make_record(), tmp_path)
    (tmp_path / "broken.json").write_bytes(content)
    found = read_results(tmp_path)
    assert list(found.measurements) == ["whole"] and len(found.runs) == 1
    (problem,) = found.problems
    assert problem.startswith("broken.json ") and problem.endswith(".") and "\n" not in problem and len(problem) < 400
    assert re.search(sentence, problem) and str(tmp_path) not in problem


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"curve": {"iteration": [1], "val_psnr": [20.0, 21.0], "val_psnr_y": [1.0]}}, "val_psnr has 2 entries"),
        ({"curve": {"val_psnr": [20.0]}}, "lacks its iterations"),
        ({"losses": {"iteration": [None], "total": [1.0]}}, "lacks its iterations"),
        ({"losses": {"iteration": [1], "speed": [1.0]}}, "losses.speed"),
        ({"recipe": {"batch": "many"}}, "no recipe can have"),
        ({"recipe": {"loss": {"kind": "pecl", "d": [128]}}}, "no recipe can have"),
        ({"stages": [{"recipe": 5}]}, "no recipe can have"),
        ({"measurement": make_measurement(other=make_scores())}, "another model"),
        ({"measurement": make_measurement(mse=make_scores(psnr=None, psnr_y=None, ssim=None))}, "no PSNR"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(values, sentence):
    with pytest.raises(ValidationError, match=sentence):
        make_record(**values)


def test_a_renamed_record_is_a_problem(tmp_path):
    path = write_record(make_record(), tmp_path)
    path.rename(path.with_name("dimensions--copy.json"))
    found = read_results(tmp_path)
    assert found.runs == [] and found.problems[0].startswith("dimensions--copy.json is the record of another run")


def test_what_is_no_plain_file_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "MAX_BYTES", 1_000_000)
    (tmp_path / "a.json").mkdir()
    (tmp_path / "b.json").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "c.json")
    (tmp_path / "d.json").write_bytes(b" " * 1_000_001)
    assert [one.split(" ", 1) for one in read_results(tmp_path).problems] == [
        ["a.json", "is not a file."],
        ["b.json", "is not a file."],
        ["c.json", "is not a file."],
        ["d.json", "is larger than 1 MB and was not read."],
    ]


@pytest.mark.parametrize("name", [one for one in results.ASIDE if one != results.BENEFIT])
def test_what_lies_beside_is_not_taken_for_a_measurement(tmp_path, name):
    (tmp_path / name).write_text("[]")
    assert read_results(tmp_path) == results.Results({}, [], [])
