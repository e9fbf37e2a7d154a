"""Figures of made-up results: which there are, what is in them, what they say."""

from dataclasses import replace

import numpy as np
import pytest

from lpsr.app.words import Words
from lpsr.report.build import build, figures
from lpsr.report.shapes import SECTIONS, say
from lpsr.report.statistics import median
from lpsr.results import Results

WORDS = Words("en")


def figure(results, key):
    return next(one for one in figures(results) if one.key == key)


def bands(found):
    return {say(band.name, WORDS): band for band in found.bands}


def models(made, **changes):
    names = {"hr": "HR", "bicubic": "Bicubic", "mse": "MSE", "pecl-manhattan": "PECL-Manhattan"}
    found = {name: made.scores(title, exact=0.4) for name, title in names.items()}
    found["hr"] = found["hr"].model_copy(update={"psnr": None, "psnr_y": None, "ssim": None})
    return found | changes


def test_without_files_there_is_nothing(made):
    assert figures(made.results()) == ()
    report = build(made.results())
    assert report.tables == () and report.sections == () and len(report.claims) == 6


def test_every_figure_is_well_formed(made):
    runs = [*made.trio(), made.run("forms", "mse"), made.run("forms", "p", "manhattan", form="printed")]
    runs += [made.run("dimensions", "mse")] + [made.run("dimensions", f"m{d}", "manhattan", d=d) for d in (64, 128)]
    runs += [made.run("weightings", "mse"), made.run("weightings", "printed", "manhattan", weighting="printed")]
    report = build(replace(made.results(runs, models(made)), benefit=made.benefit(votes=made.votes())))
    files = {"test.json", "benefit.json", *(f"runs/{run.study}--{run.name}.json" for run in runs)}
    assert len({one.key for one in report.figures}) == len(report.figures) > 15
    assert [SECTIONS.index(one.section) for one in report.figures] == sorted(
        SECTIONS.index(one.section) for one in report.figures
    )
    assert {*report.sections} == {*SECTIONS} - {"figure_12"}
    for one in report.figures:
        assert one.bands and one.command and one.source and {*one.source} <= files, one.key
        for band in one.bands:
            assert len(band.x) == len(band.y) == len(band.n) == len({*map(str, band.x)}) > 0, one.key
            for low, value, high in zip(band.low or [], band.y, band.high or [], strict=False):
                assert value is None or low <= value <= high, one.key


def test_figure_6_is_the_mean_over_seeds(made):
    runs = [
        made.run("seeds", f"{kind}-{seed}", kind, seed=seed, gain=gain + 0.1 * seed)
        for seed in (1, 2, 3)
        for kind, gain in (("mse", 0.0), ("manhattan", 1.0))
    ]
    found = figure(made.results(runs), "figure_6-seeds")
    band = bands(found)["PECL-Manhattan"]
    assert band.x == (10.0, 100.0, 1000.0) and found.log_x
    assert band.y == pytest.approx((21.2, 22.7, 23.2))
    # Student's t with two degrees of freedom over a spread of 0.1 dB.
    assert band.high[0] - band.y[0] == pytest.approx(4.3027 * 0.1 / np.sqrt(3), rel=1e-3)
    assert band.n == (3, 3, 3)
    assert "PECL-Manhattan at iteration 1\u202f000 (best 23.20 dB)" in say(found.finding, WORDS)


def test_a_single_run_has_no_band_and_says_so(made):
    results = made.results(made.trio("headline", (1,)))
    assert all(band.low is None and band.high is None for band in figure(results, "figure_6-headline").bands)
    assert "no interval" in say(figure(results, "contrast_psnr-headline").finding, WORDS)


def test_contrast_is_equation_20(made):
    runs = made.trio("headline", (1,), manhattan=0.44)
    found = bands(figure(made.results(runs), "contrast_psnr-headline"))
    assert "MSE" not in found
    assert found["PECL-Manhattan"].y == pytest.approx((100 * 0.44 / 20, 100 * 0.44 / 21.5, 100 * 0.44 / 22))


def test_contrast_takes_common_iterations(made):
    mse, pecl = made.run("headline", "mse"), made.run("headline", "pecl", "manhattan", gain=1.0)
    curve = {"iteration": [5, 100], "val_psnr": [19.0, 21.5], "val_psnr_y": [19.0, 21.5]}
    found = figure(made.results([mse.model_copy(update={"curve": curve}), pecl]), "contrast_psnr-headline")
    assert found.bands[0].x == (100.0,)
    none = {"iteration": [], "val_psnr": [], "val_psnr_y": []}
    keys = [one.key for one in figures(made.results([mse.model_copy(update={"curve": none}), pecl]))]
    assert "contrast_psnr-headline" not in keys


def test_dimensions_against_the_papers_value(made):
    runs = [made.run("dimensions", "mse")]
    runs += [made.run("dimensions", f"m{d}", "manhattan", d=d, gain=d / 512) for d in (512, 64, 128)]
    found = figure(made.results(runs), "dimensions_psnr")
    band = bands(found)["PECL-Manhattan"]
    assert band.x == (64.0, 128.0, 512.0)
    scores = runs[1].measurement.models["m512"]
    assert (band.y[2], band.low[2], band.high[2]) == median(scores.psnr)[:3]
    assert {*bands(found)["MSE"].y} == {median(runs[0].measurement.models["mse"].psnr).value}
    assert found.reference[0][1] == 25.13
    assert "at d = 64 (least), +1.000 [+1.000, +1.000] dB at d = 512 (most)" in say(found.finding, WORDS)


def test_psnr_against_exact_reads_has_a_point_a_model(made):
    better = made.scores("MSE", gain=1.0, exact=0.8)
    found = figure(made.results(made.trio(), models(made, mse=better)), "psnr_exact_models")
    assert len(found.bands) == 3 + 9 and "HR" not in bands(found)
    share = np.mean(better.exact)
    assert bands(found)["MSE"].y[0] == pytest.approx(100 * share)
    assert "Highest PSNR: MSE" in say(found.finding, WORDS)


def test_weights_that_several_studies_share_are_one_point(made):
    runs = [made.run("seeds", "mse"), made.run("forms", "mse"), made.run("seeds", "m", "manhattan", gain=0.5)]
    for run, digest in zip(runs, ("a", "a", "b"), strict=True):
        name, scores = next(iter(run.measurement.models.items()))
        run.measurement.models[name] = scores.model_copy(update={"sha256": digest * 64})
    found = figure(made.results(runs), "psnr_exact_models")
    assert [*bands(found)] == ["seeds: mse", "seeds: m"]


def test_pairs_of_models_that_agree_are_counted(made):
    """Planted: PSNR and exact reads rise together but for one of three models."""
    order = {"a": (0.0, 0.2), "b": (1.0, 0.8), "c": (2.0, 0.5)}
    found = {name: made.scores(name, gain, exact=exact) for name, (gain, exact) in order.items()}
    said = figure(made.results(models=found), "psnr_exact_models").finding
    assert (said.values["same"], said.values["pairs"], said.values["best"], said.values["most"]) == ("2", "3", "c", "b")


def test_plates_that_look_better_are_read_better(made):
    """Planted: the upper half in PSNR is read, the lower is not."""
    scores = made.scores("PECL-Manhattan")
    read = (np.array(scores.psnr) > np.median(scores.psnr)).tolist()
    found = figure(made.results(models=models(made, **{"pecl-manhattan": with_exact(scores, read)})), "psnr_exact")
    band = bands(found)["PECL-Manhattan"]
    assert band.y[:2] == (0, 0) and band.y[3:] == (100, 100) and band.n == (40,) * 5
    assert "in a share of 1.00" in say(found.finding, WORDS)


def test_a_calibrated_reader_lies_on_the_diagonal(made):
    draw = np.random.default_rng(1)
    confidence = draw.random(200)
    read = (draw.random(200) < confidence).tolist()
    scores = with_exact(made.scores("PECL-Manhattan"), read).model_copy(update={"confidence": confidence.tolist()})
    found = figure(made.results(models=models(made, **{"pecl-manhattan": scores})), "confidence_exact")
    band = bands(found)["PECL-Manhattan"]
    assert found.diagonal
    inside = [low <= x <= high for x, low, high in zip(band.x, band.low, band.high, strict=True)]
    assert len(inside) == 8 and sum(inside) >= 7


def test_right_characters_over_characters(made):
    scores = made.scores("PECL-Manhattan")
    found = figure(made.results(models=models(made, **{"pecl-manhattan": scores})), "confidence_characters")
    band = bands(found)["PECL-Manhattan"]
    total = sum(value * n for value, n in zip(band.y, band.n, strict=True)) / sum(band.n)
    assert total == pytest.approx(100 * np.mean(np.array(scores.right) / 7))


def test_failures_by_width_and_province(made):
    """Planted: narrow plates fail."""
    width = np.array(made.plates().width)
    scores = with_exact(made.scores("PECL-Manhattan"), (width >= 140).tolist())
    results = made.results(models=models(made, **{"pecl-manhattan": scores}))
    found = figure(results, "exact_by_width")
    band = bands(found)["PECL-Manhattan"]
    assert sum(band.n) == 200 and band.y[0] == 0 and band.y[-1] == 100
    low, high = (int(one) for one in band.x[0].split("–"))
    assert low == 80 and high < 140
    assert "a smaller share exactly at 80–" in say(found.finding, WORDS)
    provinces = figure(results, "exact_by_province").bands[0]
    assert [say(one, WORDS) for one in provinces.x] == ["皖", "沪", "all but 皖"]
    assert provinces.n == (180, 20, 20)


def test_groups_whose_intervals_meet_are_not_ranked(made):
    """Planted: every third plate is read, whatever its width; PSNR has one spread everywhere."""
    scores = with_exact(made.scores("PECL-Manhattan"), [k % 3 == 0 for k in range(200)])
    results = made.results(models=models(made, **{"pecl-manhattan": scores}))
    found = figure(results, "exact_by_width")
    values = bands(found)["PECL-Manhattan"]
    assert len({*values.y}) > 1 and max(values.low) <= min(values.high)
    assert found.finding.key == "failures_none" and "no two groups can be told apart" in say(found.finding, WORDS)


def test_the_ranked_groups_are_those_whose_intervals_do_not_meet(made):
    """Planted: the fewest are read of ten plates, of which little is known; two larger groups differ clearly."""
    measurement = made.measurement(models(made))
    provinces = ["京"] * 10 + ["沪"] * 90 + ["皖"] * 100
    read = [k < 5 for k in range(10)] + [k < 55 for k in range(90)] + [k < 82 for k in range(100)]
    models_ = measurement.models | {"pecl-manhattan": with_exact(measurement.models["pecl-manhattan"], read)}
    plates = measurement.plates.model_copy(update={"province": provinces})
    changed = measurement.model_copy(update={"plates": plates, "models": models_})
    said = figure(Results({"test": changed}, [], []), "exact_by_province").finding
    assert "exactly at all but 皖, 60.0 [50.2, 69.1] % of 100, than at 皖" in say(said, WORDS)


def test_a_province_of_few_plates_is_among_the_others(made):
    measurement = made.measurement(models(made))
    province = ["京"] * 9 + ["沪"] * 10 + [None] * 5 + ["皖"] * 176
    plates = measurement.plates.model_copy(update={"province": province})
    results = Results({"test": measurement.model_copy(update={"plates": plates})}, [], [])
    found = figure(results, "exact_by_province")
    assert [say(one, WORDS) for one in found.bands[0].x] == ["皖", "沪", "all but 皖"]
    assert found.bands[0].n == (176, 10, 19) and "n = 195" in say(found.x, WORDS)


def test_a_factor_that_nobody_knows_is_left_out(made):
    keys = [one.key for one in figures(made.results(models=models(made)))]
    assert "exact_by_brightness" in keys and "exact_by_blurriness" not in keys
    brightness = figure(made.results(models=models(made)), "exact_by_brightness")
    assert sum(brightness.bands[0].n) == 100 and "n = 100" in say(brightness.x, WORDS)


def test_without_readings_there_is_psnr_alone(made):
    none = dict.fromkeys(("confidence", "right", "exact", "exact_raw", "province", "exact_without_province"))
    unread = {name: one.model_copy(update=none) for name, one in models(made).items() if name != "hr"}
    keys = {one.key for one in figures(made.results(models=unread))}
    assert not keys & {"psnr_exact", "confidence_exact", "exact_by_width"}


def test_the_printed_equation_s_runs(made):
    runs = [
        made.run("forms", "mse"),
        made.run("forms", "printed", "manhattan", form="printed"),
        made.run("forms", "attract", "manhattan"),
        made.run("weightings", "mse"),
        made.run("weightings", "printed", "manhattan", weighting="printed"),
    ]
    results = made.results(runs)
    distance = bands(figure(results, "distance-forms"))
    assert {*distance} == {"printed", "attract"}
    assert distance["attract"].y == (1.0, 1.5, 1.9)
    assert distance["printed"].y == pytest.approx(np.array([1.0, 1.5, 1.9]) / np.sqrt(128))
    assert "printed 0.500 → 0.000" in say(figure(results, "w_pixel-weightings").finding, WORDS)
    keys = {one.key for one in figures(results)}
    assert "psnr-forms" in keys and not keys & {"distance-weightings", "w_pixel-forms"}


def with_exact(scores, read):
    right = [7 if one else 3 for one in read]
    return scores.model_copy(
        update={"exact": read, "exact_raw": read, "right": right, "province": read, "exact_without_province": read}
    )
