"""What may be compared with what."""

import json

import pytest

from lpsr.report.budget import budget
from lpsr.report.formats import change, count, interval, number, signed
from lpsr.report.selection import (
    MANHATTAN,
    comparable,
    headline,
    loss_of,
    measured,
    patches_seen,
    study_of,
    sweeps,
    trios,
)
from lpsr.report.settings import settings_apart, shared_settings
from lpsr.report.shapes import Report
from lpsr.report.statistics import Estimate


def test_a_trio_is_what_was_trained_alike(made):
    runs = [*made.trio(seeds=(1, 2)), made.run("seeds", "longer", "manhattan", seed=1, batch=64)]
    (trio,) = trios(runs)
    assert {model: sorted(by_seed) for model, by_seed in trio.runs.items()} == {
        "mse": [1, 2],
        "pecl-euclidean": [1, 2],
        "pecl-manhattan": [1, 2],
    }
    assert trio.seeds == 2 and trio.loss.d == 128


def test_pairs_have_one_seed_and_one_start(made):
    start = {1: "warm-1/best.safetensors", 2: "warm-2/best.safetensors"}
    runs = [made.run("seeds", f"mse-{seed}", seed=seed, init_from=start[seed]) for seed in (1, 2)]
    runs.append(made.run("seeds", "m-1", "manhattan", seed=1, init_from=start[1]))
    runs.append(made.run("seeds", "m-2", "manhattan", seed=2, init_from=start[1]))
    (trio,) = trios(runs)
    assert [(a.name, b.name) for a, b in trio.pairs("pecl-manhattan", "mse")] == [("m-1", "mse-1")]
    assert trio.pairs("pecl-manhattan", "pecl-euclidean") == []


def test_more_seeds_first_then_the_longest(made):
    long = [run.model_copy(update={"iterations_done": 9000}) for run in made.trio("headline", (1,))]
    forms = made.trio("forms", (1,))
    assert [trio.study for trio in headline(trios([*long, *made.trio("seeds"), *forms]))] == ["seeds", "headline"]
    assert [trio.study for trio in headline(trios(forms))] == ["forms"]
    paired = [made.run("forms", "a", "manhattan", form="paired"), made.run("forms", "b", "euclidean", form="paired")]
    assert [trio.loss.form for trio in headline(trios([*paired, *forms]))] == ["attract"]
    other = [
        made.run("d", "mse"),
        made.run("d", "m", "manhattan", d=64),
        made.run("d", "p", "manhattan", form="printed"),
    ]
    assert headline(trios(other)) == []
    assert headline([]) == []


def test_sweeps_differ_in_d_alone(made):
    runs = [made.run("d", "mse"), made.run("d", "other", "manhattan", d=512, form="paired")]
    runs += [made.run("d", f"m{d}", "manhattan", d=d) for d in (256, 64)]
    (sweep,) = sweeps(trios(runs))
    assert list(sweep) == [64, 256]
    longer = [made.run("d", "mse-b", batch=64), made.run("d", "m512-b", "manhattan", d=512, batch=64)]
    assert [list(one) for one in sweeps(trios([*runs, *longer]))] == [[64, 256]]


def test_readings_need_one_reader_psnr_does_not(made):
    a, b = made.run("s", "a"), made.run("s", "b", "manhattan")
    other = b.measurement.model_copy(update={"passport": {**made.passport, "reader": "another"}})
    b = b.model_copy(update={"measurement": other})
    assert comparable(a.measurement, b.measurement)
    assert not comparable(a.measurement, b.measurement, readings=True)
    assert len(measured([a, b])) == 2 and len(measured([a, b], readings=True)) == 1
    plates = other.plates.model_copy(update={"width": [8] * len(other.plates.width)})
    assert not comparable(a.measurement, other.model_copy(update={"plates": plates}))


def test_patches_of_all_stages_count(made):
    run = made.run("headline", "mse")
    assert patches_seen(run) == 1000 * 32
    stage = {"iteration": 500, "recipe": {"batch": 64}}
    assert patches_seen(run.model_copy(update={"stages": [stage, {"iteration": 10}]})) == 1000 * 32 + 500 * 64
    # What came after the weights that were handed on does not count.
    planned = {"best_iteration": 300, "recipe": {"iterations": 400, "batch": 64}}
    assert patches_seen(run.model_copy(update={"stages": [planned]})) == 1000 * 32 + 300 * 64


def test_runs_with_another_embedder_are_another_trio(made):
    runs = [made.run("s", "mse"), made.run("s", "a", "manhattan"), made.run("s", "b", "manhattan", embedder="b")]
    assert [trio.runs[MANHATTAN][1].name for trio in trios(runs)] == ["a", "b"]
    assert settings_apart(runs[2], runs[1]) == {"embedder": "b"}


def test_the_budget_beside_the_papers(made):
    runs = [run.model_copy(update={"stages": [{"iteration": 3000, "recipe": {"batch": 32}}]}) for run in made.trio()]
    spent, *rules = budget(made.results(runs))
    assert (spent.key, *(one.key for one in rules)) == ("budget_staged", "rule", "rule_details")
    assert spent.values["patches"] == "128\u202f000" and spent.values["percent"] == "0.10"
    assert (spent.values["seeds"], spent.values["minutes"], spent.values["device"]) == ("3", "1", "CPU")
    assert [one.key for one in budget(made.results())] == ["budget_unknown", "rule", "rule_details"]
    assert budget(made.results(made.trio()))[0].key == "budget"
    whole = [made.run("headline", kind, kind, patch="whole") for kind in ("mse", "manhattan")]
    said = [budget(made.results(runs))[0].values["what"].key for runs in (whole, made.trio())]
    assert said == ["whole_plates", "patches"]
    stages = [{"iteration": 10, "recipe": {"batch": 32, "patch": [64, 64]}}]
    staged = [run.model_copy(update={"stages": stages}) for run in whole]
    assert budget(made.results(staged))[0].values["what"].key == "patches_and_plates"


def test_settings_that_differ(made):
    base = made.run("s", "base")
    assert settings_apart(base, made.run("s", "x", seed=5)) == {"seed": "1"}
    assert settings_apart(made.run("s", "x", patch="whole", batch=16), base) == {"batch": "16", "patch": "whole"}
    data = [{"name": "CCPD", "share": 0.5}, {"name": "generated", "share": 0.5}]
    mixed = base.model_copy(update={"data": data})
    assert settings_apart(mixed, base) == {"share of CCPD": "0.5", "share of generated": "0.5"}
    assert settings_apart(base, mixed)["share of generated"] == "–"
    runs = [made.run("s", "m", "manhattan"), made.run("s", "e", "euclidean"), base]
    assert "loss" not in shared_settings(runs) and shared_settings(runs)["d"] == "128"
    assert shared_settings(runs[1:]) == {}


@pytest.mark.parametrize("recipe", [{}, {"loss": None}, {"loss": "mse"}, {"loss": {"kind": "mse", "d": 64}}])
def test_a_recipe_without_a_loss_is_mse(made, recipe):
    run = made.run("s", "a").model_copy(update={"recipe": recipe})
    assert loss_of(run).model == "mse" and loss_of(run).d is None
    assert trios([run]) == []


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"runs": [1]}', '{"runs": null}'])
def test_a_study_file_that_cannot_be_used(made, tmp_path, content):
    (tmp_path / "s.json").write_text(content)
    runs = [made.run("s", "a", "manhattan"), made.run("s", "b")]
    ordered, baseline = study_of("s", runs, tmp_path)
    assert ([run.name for run in ordered], baseline.name) == (["a", "b"], "b")
    (tmp_path / "s.json").write_text(json.dumps({"baseline": "a", "runs": [{"name": "b"}, {"name": "a"}]}))
    ordered, baseline = study_of("s", runs, tmp_path)
    assert ([run.name for run in ordered], baseline.name) == (["b", "a"], "a")


def test_passports_in_common():
    passports = {
        "a": {"n": 5, "reader": "x", "checkpoints": {"a": "1"}},
        "b": {"n": 5, "reader": "y", "checkpoints": {}},
    }
    report = Report((), (), (), (), passports, ())
    assert report.passport(["a", "b", "c"]) == {"n": 5, "checkpoints": {"a": "1"}}
    assert report.passport(["c"]) == {}


def test_numbers_as_printed():
    assert [number(one, 2) for one in (-0.001, 0.005001, -1.5)] == ["0.00", "0.01", "−1.50"]
    assert [signed(one, 1) for one in (-0.04, 0.04, 0.06, -3)] == ["0.0", "0.0", "+0.1", "−3.0"]
    assert interval(-1, 2, 1) == "[−1.0, 2.0]"
    assert change(Estimate(0.3, -0.1, 0.7, 5), 1) == "+0.3 [−0.1, +0.7]"
    assert count(1234567) == "1\u202f234\u202f567"
