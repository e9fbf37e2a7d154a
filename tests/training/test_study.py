"""Studies: what their files may say, the trainings they stand for, and the records of these."""

import json
import shutil

import pytest

from lpsr.errors import InputError
from lpsr.files import read_json, write_json
from lpsr.losses.criterion import LossConfig
from lpsr.results import STUDIES, RunRecord, read_results, write_record
from lpsr.training.loop import LOG, RECIPE, RUN, make_fabric
from lpsr.training.recipe import DataSource, Settings
from lpsr.training.study import (
    Study,
    is_current,
    load_study,
    record_of,
    restorer_of,
    settings_of,
    trials_of,
)
from lpsr.training.trainer import BEST, train

RUNS = [{"name": "late", "init": "early", "settings": {"seed": 7}}, {"name": "early"}]


@pytest.fixture
def write_study(tmp_path, tiny_network):
    """``write_study(**values)`` writes a study of tiny networks and returns its path."""

    def write(**values):
        settings = {"network": tiny_network, "patch": [32, 32], "batch": 2, "iterations": 3, "precision": "32-true"}
        settings |= {"log_every": 1, "validate_every": 2, "learning_rate": 1e-3}
        usual = {"name": "mine", "about": "Which?", "settings": settings, "runs": RUNS}
        write_json(tmp_path / "mine.json", usual | values)
        return str(tmp_path / "mine.json")

    return write


@pytest.fixture
def make_trials(write_study, plate_folder, tmp_path):
    def make(*, data=None, validation=True, study=None, **options):
        held_out = DataSource(folder=str(plate_folder), split="val", limit=2) if validation else None
        data = data or [DataSource(folder=str(plate_folder))]
        return trials_of(study or load_study(write_study()), tmp_path / "runs", data, held_out, **options)

    return make


def finish(trial):
    return train(trial.recipe, trial.folder, fabric=make_fabric("32-true", "cpu"))


class TestFiles:
    @pytest.mark.parametrize("name", sorted(path.stem for path in STUDIES.glob("*.json")))
    def test_the_studies_of_the_project_are_possible(self, name):
        study = load_study(name)
        assert study.name == name and study.about and study.baseline
        recipes = [settings_of(study, run).model_dump_json() + str((run.init, run.data)) for run in study.runs]
        assert len(set(recipes)) == len(recipes)

    def test_the_studies_ask_what_the_paper_asks(self):
        losses = [settings_of(load_study("dimensions"), run).loss for run in load_study("dimensions").runs]
        pecl = {(loss.distance, loss.d) for loss in losses if loss.kind == "pecl"}
        assert pecl == {(distance, d) for distance in ("euclidean", "manhattan") for d in (64, 128, 256, 512)}
        assert LossConfig() in losses
        ablation = load_study("ablation")
        base, *others = (settings_of(ablation, run).model_dump() for run in ablation.runs)
        changed = [{key for key in base if one[key] != base[key]} for one in others]
        assert {"patch", "batch"} in changed and {"augment"} in changed and {"ema"} in changed

    def test_a_run_comes_after_the_one_it_starts_from(self, write_study):
        assert [run.name for run in load_study(write_study()).runs] == ["early", "late"]
        runs = [{"name": "c", "init": "b"}, {"name": "x"}, {"name": "b", "init": "a"}, {"name": "a"}]
        assert [run.name for run in load_study(write_study(runs=runs)).runs] == ["a", "b", "c", "x"]

    @pytest.mark.parametrize(
        ("values", "sentence"),
        [
            ({"runs": []}, "runs: "),
            ({"runs": [{"name": "a", "init": "b"}]}, "'a' starts from 'b', which is no run"),
            ({"runs": [{"name": "a", "init": "a"}]}, "starts from itself"),
            ({"runs": [{"name": "a", "init": "b"}, {"name": "b", "init": "c"}, {"name": "c", "init": "b"}]}, "itself"),
            ({"runs": [{"name": "a"}, {"name": "a"}]}, "two runs have one name"),
            ({"runs": [{"name": "../a"}]}, "runs.0.name: use up to 60 letters"),
            ({"runs": [{"name": "a--b"}]}, "runs.0.name"),
            ({"runs": [{"name": "bicubic"}]}, "runs.0.name"),
            ({"runs": [{"name": "a" * 61}]}, "runs.0.name"),
            ({"runs": [{"name": "a", "seed": 3}]}, "The study has no setting 'runs.0.seed'"),
            ({"runs": [{"name": "a", "data": {"b": -0.1}}]}, "shares are at least 0"),
            ({"runs": [{"name": "a", "data": {"b": 0.6, "c": 0.6}}]}, "shares are at least 0"),
            ({"runs": [{"name": "a", "settings": 3}]}, "runs.0.settings"),
            ({"runs": "all"}, "runs: "),
            ({"baseline": "other"}, "baseline 'other' is no run"),
            ({"name": "a/b"}, "name: use up to 60"),
        ],
    )
    def test_an_impossible_study_is_refused_in_a_sentence(self, write_study, values, sentence):
        with pytest.raises(InputError, match=sentence) as error:
            load_study(write_study(**values))
        assert "mine.json: " in str(error.value) and "\n" not in str(error.value)

    def test_what_is_no_study_is_refused(self, tmp_path):
        (tmp_path / "a.json").write_text("[1, 2]", encoding="utf-8")
        (tmp_path / "b.json").write_text('{"name": ', encoding="utf-8")
        for name, sentence in [
            ("a.json", "a.json: the study"),
            ("b.json", "not valid JSON"),
            ("c.json", "Cannot read"),
        ]:
            with pytest.raises(InputError, match=sentence):
                load_study(str(tmp_path / name))
        for name in ("none", "../secret", ""):
            with pytest.raises(InputError, match=r"There is no study .*dimensions"):
                load_study(name)

    @pytest.mark.parametrize(
        ("settings", "sentence"),
        [
            ({"iteration": 3}, "Run 'early' of study 'mine': The recipe has no setting 'iteration'"),
            ({"loss": {"d": 100}}, "loss.d"),
            ({"patch": "half"}, "patch"),
        ],
    )
    def test_an_impossible_setting_is_told_with_its_run(self, make_trials, settings, sentence):
        with pytest.raises(InputError, match=sentence):
            make_trials(overrides=settings)


class TestTrials:
    def test_settings_are_laid_over_each_other(self, tmp_path):
        study = Study(
            name="a",
            about="",
            settings={"loss": {"kind": "pecl", "d": 64}, "batch": 4, "seed": 1},
            runs=[{"name": "x", "settings": {"loss": {"distance": "euclidean"}, "seed": 2}}],
        )
        assert settings_of(study, study.runs[0], {"loss": {"d": 256}, "seed": 3}) == Settings(
            loss=LossConfig(kind="pecl", d=256, distance="euclidean"), batch=4, seed=3
        )
        assert study.settings["loss"] == {"kind": "pecl", "d": 64}

    def test_each_run_is_a_training_of_its_own(self, make_trials, tmp_path):
        early, late = make_trials(init_from="start.safetensors", overrides={"patch": "whole"})
        assert [trial.folder for trial in (early, late)] == [
            tmp_path / "runs" / "mine" / one.name for one in (early, late)
        ]
        assert early.recipe.init_from.endswith("/start.safetensors")
        assert late.recipe.init_from == str(early.folder / BEST)
        assert (early.recipe.seed, late.recipe.seed, late.recipe.patch) == (0, 7, "whole")
        assert early.recipe.validation == late.recipe.validation

    @pytest.mark.parametrize(
        ("shares", "expected"),
        [
            ({}, {"a": 3, "b": 1, "c": 4}),
            ({"c": 0}, {"a": 0.75, "b": 0.25}),
            ({"c": 0.2}, {"a": 0.6, "b": 0.2, "c": 0.2}),
            ({"c": 1}, {"c": 1}),
            ({"a": 0.1, "b": 0.3, "c": 0.2}, {"a": 0.1, "b": 0.3, "c": 0.2}),
        ],
    )
    def test_a_run_may_have_shares_of_its_own(self, make_trials, write_study, shares, expected):
        data = [DataSource(folder=f"/plates/{name}", share=share) for name, share in (("a", 3), ("b", 1), ("c", 4))]
        study = load_study(write_study(runs=[{"name": "x", "data": shares}]))
        [trial] = make_trials(study=study, data=data)
        assert {source.label: source.share for source in trial.recipe.data} == pytest.approx(expected)

    @pytest.mark.parametrize("shares", [{"z": 0.5}, {"a": 0.0, "b": 0.0}])
    def test_shares_of_folders_that_are_not_there_are_refused(self, make_trials, write_study, shares):
        data = [DataSource(folder="/plates/a"), DataSource(folder="/plates/b")]
        with pytest.raises(InputError):
            make_trials(study=load_study(write_study(runs=[{"name": "x", "data": shares}])), data=data)

    def test_two_folders_of_one_name_have_no_share(self, make_trials, write_study):
        data = [DataSource(folder="/one/a"), DataSource(folder="/two/a")]
        with pytest.raises(InputError, match="one folder of --data must be called so"):
            make_trials(study=load_study(write_study(runs=[{"name": "x", "data": {"a": 0.5}}])), data=data)

    def test_some_runs_need_those_they_start_from(self, make_trials):
        with pytest.raises(InputError, match="'late' starts from 'early', which is not done"):
            make_trials(only=["late"])
        with pytest.raises(InputError, match="has no run 'other'; it has: early, late"):
            make_trials(only=["other"])
        [early] = make_trials(only=["early"])
        finish(early)
        [late] = make_trials(only=["late"])
        assert finish(late)["stages"][0]["recipe"] == early.recipe.model_dump(mode="json")

    def test_a_run_starts_from_one_place(self, make_trials):
        with pytest.raises(InputError, match="'late' starts from 'early'; it cannot start from init_from"):
            make_trials(overrides={"init_from": "x.safetensors"})

    def test_what_is_done_is_known_wherever_it_was_trained(self, make_trials, tmp_path, plate_folder):
        early, _ = make_trials()
        assert not early.done()
        train(early.recipe, early.folder, fabric=make_fabric("32-true", "cpu"), should_stop=lambda: "pause")
        assert not early.done()
        finish(early)
        assert early.done()
        # Brought here from a machine whose folders lie elsewhere.
        recipe = (early.folder / RECIPE).read_text(encoding="utf-8")
        (early.folder / RECIPE).write_text(recipe.replace(str(plate_folder.parent), "/other"), encoding="utf-8")
        assert early.done()
        # By a version that did not know a setting yet, which now has its default.
        recipe = read_json(early.folder / RECIPE)
        del recipe["recogniser"], recipe["loss"]["w_recognition"]
        write_json(early.folder / RECIPE, recipe)
        assert early.done()
        with pytest.raises(InputError, match=r"finished run of another recipe \(batch, seed\)"):
            make_trials(overrides={"seed": 5, "batch": 3})[0].done()


class TestRecords:
    @pytest.fixture
    def finished(self, make_trials):
        trials = make_trials()
        for trial in trials:
            finish(trial)
        return trials

    def test_a_record_tells_the_run_without_paths(self, finished, tmp_path):
        early, late = finished
        record = record_of(late, "mine", "python -m lpsr study mine", None)
        write_record(record, tmp_path / "results")
        text = (tmp_path / "results" / "runs" / "mine--late.json").read_text(encoding="utf-8")
        assert str(tmp_path) not in text and early.recipe.data[0].folder not in text
        [again] = read_results(tmp_path / "results").runs
        assert again == RunRecord.model_validate(json.loads(text))
        assert (again.iterations_done, again.threads, again.precision) == (3, record.threads, "32-true")
        assert again.kept_iteration == read_json(late.folder / RUN)["best_iteration"]
        assert again.recipe["init_from"] == "early/best.safetensors"
        assert [stage["recipe"]["seed"] for stage in again.stages] == [0]
        assert again.curve["iteration"] == [2, 3] and min(again.curve["val_psnr"]) > 5
        assert again.losses["iteration"] == [1, 2, 3] and again.losses["contrastive"] == [None] * 3
        assert again.losses["w_pixel"] == [1, 1, 1]
        assert 1000 < again.parameters < 100_000
        assert again.data == [{"name": "plates", "split": "train", "share": 1.0, "plates": 6}]

    def test_the_losses_of_a_long_run_are_thinned(self, finished):
        early, _ = finished
        lines = [{"iteration": i, "total": 1 / i, "pixel": 1 / i} for i in range(50, 100_001, 50)]
        (early.folder / LOG).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        losses = record_of(early, "mine", "", None).losses
        assert 100 < len(losses["iteration"]) <= 200
        assert losses["iteration"] == sorted(set(losses["iteration"]))
        assert losses["iteration"][:3] == [50, 100, 150] and losses["iteration"][-1] == 100_000
        assert losses["total"][-1] == pytest.approx(1e-5)

    def test_without_validation_there_is_no_curve(self, make_trials):
        early = make_trials(validation=False)[0]
        finish(early)
        record = record_of(early, "mine", "", None)
        assert record.curve == {"iteration": [], "val_psnr": [], "val_psnr_y": []}
        assert record.kept_iteration == 3

    def test_the_weights_that_are_kept_restore(self, finished):
        restorer = restorer_of(finished[0])
        assert restorer.name == "early" and len(restorer.sha256) == 64
        (finished[0].folder / BEST).unlink()
        with pytest.raises(InputError):
            restorer_of(finished[0])

    def test_a_record_is_made_again_when_its_run_is_another(self, finished, make_trials):
        early = finished[0]
        unmeasured = {"measured": None, "read": False}
        record = record_of(early, "mine", "", None)
        assert not is_current(None, early, **unmeasured)
        assert is_current(record, early, **unmeasured)
        assert not is_current(record, early, measured="plates", read=False)
        shutil.rmtree(early.folder)
        finish(make_trials(overrides={"seed": 9}, only=["early"])[0])
        assert not is_current(record, early, **unmeasured)
