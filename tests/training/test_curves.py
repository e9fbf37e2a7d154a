"""Curves from a growing log."""

import json
import math
import os
import threading

import numpy as np
import pytest

from lpsr.errors import InputError
from lpsr.training import curves as module
from lpsr.training.curves import TRAINING, Series, contrast, read_curves, thin, to_csv


def step(iteration, **values):
    usual = {"total": 0.5, "pixel": 0.4, "contrastive": None, "distance": None, "w_pixel": 1.0, "w_contrastive": 0.0}
    return json.dumps({"iteration": iteration, **usual, "lr": 1e-3, "iterations_per_second": 4.0, **values}) + "\n"


def validation(iteration, psnr, psnr_y=None):
    return json.dumps({"iteration": iteration, "val_psnr": psnr, "val_psnr_y": psnr_y}) + "\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "recipe.json").write_text('{"iterations": 3000}')
    return tmp_path


def write(folder, *lines, mode="w"):
    with open(folder / "log.jsonl", mode) as file:
        file.write("".join(lines))


def test_what_the_log_says(folder):
    write(folder, step(50), step(100, total=0.3, iterations_per_second=5.0), validation(100, 20.0, 21.0), step(150))
    curves = read_curves(folder)
    assert curves.total.iterations.tolist() == [50, 100, 150] and curves.total.values.tolist() == [0.5, 0.3, 0.5]
    assert curves.lr.values.tolist() == [1e-3] * 3
    assert curves.val_psnr.iterations.tolist() == [100] and curves.val_psnr_y.values.tolist() == [21.0]
    assert (curves.iteration, curves.speed, curves.target) == (150, 4.0, 3000)
    assert np.isnan(curves.contrastive.values).all() and not curves.contrastive.known and curves.total.known


def test_no_log_yet_has_no_points(tmp_path):
    curves = read_curves(tmp_path / "train")
    assert (curves.iteration, curves.speed, curves.target, len(curves.total.values)) == (0, None, None, 0)
    assert not curves.val_psnr.known
    (tmp_path / "train").mkdir()
    write(tmp_path / "train", step(50))
    assert read_curves(tmp_path / "train").iteration == 50


def test_the_same_until_the_log_changes_and_then_only_what_was_added_is_read(folder, monkeypatch):
    write(folder, *(step(50 * i) for i in range(1, 200)))
    before = read_curves(folder)
    assert read_curves(folder) is before and read_curves(str(folder)) is before
    parsed = []
    entries = module._entries
    monkeypatch.setattr(module, "_entries", lambda lines: (parsed.extend(lines), entries(lines))[1])
    write(folder, step(10_000, total=0.1), validation(10_000, 22.0), mode="a")
    after = read_curves(folder)
    assert len(parsed) == 2 and after.version != before.version
    assert after.total.values[-1] == 0.1 and after.iteration == 10_000 and len(after.total.values) == 200
    assert before.iteration == 50 * 199


def test_a_line_that_is_being_written_waits_for_its_end(folder):
    line = step(100, total=0.25)
    write(folder, step(50), line[:40])
    assert read_curves(folder).iteration == 50
    write(folder, line[40:], mode="a")
    assert read_curves(folder).total.values.tolist() == [0.5, 0.25]


@pytest.mark.parametrize("replaced", [False, True])
def test_a_resumed_run_goes_on_from_where_its_log_was_cut(folder, replaced):
    """In the same file or a new one, seen while shorter or only once it is longer than before."""
    old = [step(50 * i) for i in range(1, 101)]
    for regrown in (0, 80):
        write(folder, *old)
        assert read_curves(folder).iteration == 5000
        new = [*old[:60], *(step(50 * i, total=0.1, iterations_per_second=9.0) for i in range(61, 61 + regrown))]
        if replaced:
            (folder / "new").write_text("".join(new))
            os.replace(folder / "new", folder / "log.jsonl")
        else:
            write(folder, *new)
        curves = read_curves(folder)
        assert curves.iteration == 50 * (60 + regrown)
        assert curves.total.values.tolist() == [0.5] * 60 + [0.1] * regrown


def test_a_deleted_log_is_forgotten(folder):
    write(folder, step(50))
    assert read_curves(folder).iteration == 50
    (folder / "log.jsonl").unlink()
    assert read_curves(folder).iteration == 0


def test_damage_is_passed_over(folder):
    hostile = [
        "\n",
        "{\n",
        "[]\n",
        "7\n",
        "\x00\x00\n",
        '"iteration"\n',
        '{"iteration": true, "total": 1}\n',
        '{"iteration": -1, "total": 1}\n',
        '{"iteration": 1.5, "total": 1}\n',
        f'{{"iteration": {10**30}, "total": 1}}\n',
        '{"iteration": 60, "loss": 1}\n',
        "[" * 100_000 + "\n",
    ]
    write(folder, step(50), *hostile, step(100, total="high", pixel=10**400, lr=math.inf), step(70), step(150))
    curves = read_curves(folder)
    assert curves.total.iterations.tolist() == [50, 100, 150]
    for name in ("total", "pixel", "lr"):
        assert np.isnan(getattr(curves, name).values).tolist() == [False, True, False], name


def test_a_recipe_that_is_missing_or_odd_sets_no_target(folder):
    write(folder, step(50))
    for text in ("", "[]", '{"iterations": "many"}', "{}"):
        (folder / "recipe.json").write_text(text)
        write(folder, step(50, total=len(text)))
        assert read_curves(folder).target is None, text


def test_an_unreadable_log_is_said(tmp_path):
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        read_curves(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        to_csv({"run": tmp_path})


def test_long_curves_are_thinned_for_drawing_and_validations_are_not(folder):
    write(folder, *(step(i) + validation(i, 20.0) for i in range(1, 2001)))
    curves = read_curves(folder, most=100)
    assert all(len(getattr(curves, name).values) <= 100 for name in TRAINING)
    assert len(curves.val_psnr.values) == 2000
    assert len(read_curves(folder, most=300).total.values) > 100


def test_very_long_logs_stay_bounded_in_memory(folder, monkeypatch):
    monkeypatch.setattr(module, "_POINTS", 100)
    for start in range(0, 2000, 500):
        write(folder, *(step(i + 1, total=1.0 + (i == 700)) for i in range(start, start + 500)), mode="a")
        read_curves(folder)
    log = module._logs[folder]
    assert all(len(iterations) < 200 for iterations, _ in log.series.values())
    curves = read_curves(folder)
    assert curves.total.iterations[[0, -1]].tolist() == [1, 2000] and curves.total.values.max() == 2.0


def test_few_logs_are_kept(tmp_path):
    for i in range(3 * module._LOGS):
        read_curves(tmp_path / str(i))
    assert len(module._logs) <= module._LOGS


def test_many_threads_see_whole_curves(folder):
    write(folder, step(1))
    wrong = []

    def ask():
        for _ in range(100):
            curves = read_curves(folder, most=10_000)
            ascending = (np.diff(curves.total.iterations) > 0).all()
            if not ascending or len(curves.total.values) != len(curves.pixel.values):
                wrong.append(curves)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(2, 500):
        write(folder, step(i), mode="a")
    for thread in threads:
        thread.join()
    assert not wrong and read_curves(folder, most=10_000).total.iterations.tolist() == list(range(1, 500))


class TestThin:
    def series(self, values):
        return Series(np.arange(1, len(values) + 1) * 50, np.asarray(values, float))

    def test_short_series_stay(self):
        series = self.series([1.0, 2.0, 3.0, 4.0])
        assert thin(series, 4) is series

    @pytest.mark.parametrize("most", [4, 5, 10, 99, 400])
    def test_ends_and_extremes_stay_among_at_most_so_many(self, most):
        values = np.random.default_rng(0).normal(size=5000)
        values[1234], values[4321] = 40.0, -40.0
        less = thin(self.series(values), most)
        assert len(less.values) <= most and (np.diff(less.iterations) > 0).all()
        assert less.iterations[[0, -1]].tolist() == [50, 250_000]
        assert less.values[[0, -1]].tolist() == [values[0], values[-1]]
        assert less.values.max() == 40.0 and less.values.min() == -40.0
        assert (less.values == values[less.iterations // 50 - 1]).all()

    def test_points_serve_both_kinds_of_axis(self):
        less = thin(self.series(np.random.default_rng(0).normal(size=20_000)), 400)
        decades = np.histogram(np.log10(less.iterations), [2, 3, 4, 5, 6])[0]
        assert decades.min() >= 15
        assert np.histogram(less.iterations, 10)[0].min() >= 10

    def test_a_gap_stays_a_gap(self):
        values = np.ones(5000)
        values[2000:3000] = np.nan
        less = thin(self.series(values), 200)
        gap = np.isnan(less.values)
        assert gap.any() and set(less.iterations[gap] // 50 - 1) <= set(range(2000, 3000))
        assert np.isnan(thin(self.series([np.nan] * 1000), 50).values).all()
        # One null among numbers hides none of them.
        values = np.arange(5000.0)
        values[2500] = np.nan
        assert not np.isnan(thin(self.series(values), 50).values).any()

    def test_iteration_zero_has_its_place(self):
        less = thin(Series(np.arange(1000), np.ones(1000)), 50)
        assert less.iterations[[0, -1]].tolist() == [0, 999]


class TestContrast:
    def of(self, tmp_path, name, *scores):
        (tmp_path / name).mkdir()
        write(tmp_path / name, *(validation(iteration, psnr) for iteration, psnr in scores))
        return read_curves(tmp_path / name)

    def test_equation_20_where_both_were_validated(self, tmp_path):
        pecl = self.of(tmp_path, "pecl", (100, 10.0), (200, 21.0), (300, 19.0), (500, 23.0))
        mse = self.of(tmp_path, "mse", (100, 10.0), (200, 20.0), (400, 20.0), (500, 20.0))
        iterations, share = contrast(pecl, mse)
        assert iterations.tolist() == [100, 200, 500]
        assert share == pytest.approx([0.0, 0.05, 0.15])

    def test_undefined_scores_are_left_out(self, tmp_path):
        pecl = self.of(tmp_path, "pecl", (100, None), (200, 21.0), (300, 19.0), (400, 18.0))
        mse = self.of(tmp_path, "mse", (100, 10.0), (200, None), (300, 0.0), (400, 20.0))
        assert contrast(pecl, mse).iterations.tolist() == [400]
        nothing = self.of(tmp_path, "none")
        assert len(contrast(nothing, mse).values) == len(contrast(mse, nothing).values) == 0


def test_csv_has_every_value_of_every_run(tmp_path):
    for name in ("mse", "pecl"):
        (tmp_path / name).mkdir()
    write(tmp_path / "mse", *(step(i, total=i / 1000) for i in range(1, 1001)), validation(1000, 20.0, 21.0), "{")
    write(tmp_path / "pecl", validation(10, 15.0, None))
    rows = to_csv({name: tmp_path / name for name in ("mse", "pecl", "missing")}).splitlines()
    assert rows[0] == (
        "run,iteration,total,pixel,contrastive,distance,w_pixel,w_contrastive,lr,iterations_per_second,"
        "val_psnr,val_psnr_y"
    )
    assert rows[1] == "mse,1,0.001,0.4,,,1,0,0.001,4,,"
    assert rows[1000] == "mse,1000,1,0.4,,,1,0,0.001,4,20,21"
    assert rows[1001:] == ["pecl,10,,,,,,,,,15,"]
