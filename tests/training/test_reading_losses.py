"""Trainings whose loss reads SR: they resume to the same result, refuse what is impossible; old files stay valid."""

import pytest
import torch

from lpsr.checkpoints import load_restorer
from lpsr.errors import InputError
from lpsr.files import read_json, write_json
from lpsr.models.compact import CompactConfig
from lpsr.models.embedder import ResNet18
from lpsr.models.recogniser import Recogniser
from lpsr.models.registry import build
from lpsr.models.restorer import to_tensor
from lpsr.models.weights import load_tensors, save_tensors
from lpsr.report.selection import MANHATTAN, loss_of
from lpsr.training.export import export_run, title_of
from lpsr.training.loop import LOG, RECIPE, RUN, STATE, make_fabric, read_log
from lpsr.training.plan import Plan, command_line
from lpsr.training.recipe import Recipe, Settings, parse
from lpsr.training.study import StudyRun, Trial, load_study, record_of, restorer_of, settings_of
from lpsr.training.trainer import BEST, make_network, train

pytestmark = pytest.mark.usefixtures("one_thread")
READS = {"patch": "whole", "recogniser": "r.safetensors"}


@pytest.fixture(scope="module")
def judges(tmp_path_factory):
    """A recogniser and an embedder that were never trained."""
    folder = tmp_path_factory.mktemp("judges")
    torch.manual_seed(0)
    tensors = {name: one for name, one in Recogniser().state_dict().items() if one.is_floating_point()}
    save_tensors(folder / "recogniser.safetensors", tensors)
    save_tensors(folder / "embedder.safetensors", ResNet18(1000).state_dict())
    return {name: str(folder / f"{name}.safetensors") for name in ("recogniser", "embedder")}


@pytest.fixture
def make_recipe(plate_folder, tiny_network, judges):
    def make(loss, **values) -> Recipe:
        usual = {
            "data": [{"folder": str(plate_folder)}],
            "validation": {"folder": str(plate_folder), "limit": 2},
            "network": tiny_network,
            "patch": "whole",
            "batch": 2,
            "iterations": 6,
            "learning_rate": 1e-3,
            "precision": "32-true",
            "log_every": 2,
            "validate_every": 2,
            "loss": loss,
            **judges,
        }
        return parse(Recipe, {**usual, **values})

    return make


def cpu():
    return make_fabric("32-true", "cpu")


def stop_after(count):
    left = iter([None] * (count - 1) + ["pause"])
    return lambda: next(left, None)


def log_of(folder):
    return [{key: value for key, value in entry.items() if "second" not in key} for entry in read_log(folder / LOG)]


@pytest.mark.parametrize(
    "loss",
    [
        {"kind": "lcofl", "w_recognition": 0.01, "adversary": True},
        {"kind": "lcofl", "w_recognition": 0.01},
        {"kind": "pecl", "w_reading": 0.01},
        {"kind": "confidence"},
    ],
)
def test_a_stopped_run_goes_on_to_the_same_result(make_recipe, tmp_path, loss):
    recipe = make_recipe(loss)
    whole = train(recipe, tmp_path / "whole", fabric=cpu())
    train(recipe, tmp_path / "parts", fabric=cpu(), should_stop=stop_after(3))
    parts = train(recipe, tmp_path / "parts", fabric=cpu())
    assert log_of(tmp_path / "whole") == log_of(tmp_path / "parts")
    assert {**whole, "seconds": 0} == {**parts, "seconds": 0}
    for name in (STATE, BEST):
        one, two = (load_tensors(tmp_path / run / name)[0] for run in ("whole", "parts"))
        assert one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize(
    ("loss", "kept"),
    [
        ({"kind": "mse"}, 2),
        ({"kind": "pecl"}, 2),
        ({"kind": "guided"}, 6),
        ({"kind": "lcofl"}, 6),
        ({"kind": "pecl", "w_reading": 0.01}, 6),
        ({"kind": "confidence"}, 6),
    ],
)
def test_of_a_loss_that_reads_the_last_weights_are_kept_of_others_the_best(
    make_recipe, tmp_path, monkeypatch, loss, kept
):
    psnr = {2: 30.0, 4: 20.0, 6: 10.0}
    falling = iter(psnr.values())
    monkeypatch.setattr(
        "lpsr.training.trainer.validation_scores", lambda *_: {"val_psnr": next(falling), "val_psnr_y": 0.0}
    )
    run = train(make_recipe(loss), tmp_path / "run", fabric=cpu())
    assert (run["best_iteration"], run["best"]) == (kept, psnr[kept])
    weights, facts = load_tensors(tmp_path / "run" / BEST)
    state = load_tensors(tmp_path / "run" / STATE)[0]
    assert facts["iteration"] == kept
    assert all(torch.equal(one, state[f"ema.{name}"]) for name, one in weights.items()) is (kept == 6)


def test_lcofl_keeps_its_weights_and_tells_them(make_recipe, tmp_path):
    loss = {"kind": "lcofl", "w_recognition": 0.01, "confusion_step": 0.25}
    train(make_recipe(loss), tmp_path / "run", fabric=cpu())
    told = [entry["weights"] for entry in log_of(tmp_path / "run") if "weights" in entry]
    assert len(told) == 3 and told[0] and max(told[0].values()) <= max(told[2].values())
    state = load_tensors(tmp_path / "run" / STATE)[0]
    kept = state["step.criterion.weights"]
    assert sorted(kept[kept != 1].tolist(), reverse=True) == pytest.approx(list(told[2].values()), abs=1e-4)
    # A frozen reader is no part of the state; what comes of it is the network alone.
    assert not any("recogniser" in name for name in state)
    assert load_tensors(tmp_path / "run" / BEST)[0].keys() == make_network(make_recipe(loss)).state_dict().keys()


def test_an_adversary_is_saved_as_far_as_it_learned(make_recipe, judges, tmp_path):
    train(make_recipe({"kind": "lcofl", "adversary": True}), tmp_path / "run", fabric=cpu())
    state, began = load_tensors(tmp_path / "run" / STATE)[0], load_tensors(judges["recogniser"])[0]
    learned = {name: state[f"step.criterion.recogniser.{name}"] for name in began}
    changed = {name for name in began if not torch.equal(learned[name], began[name])}
    parameters = {name for name, _ in Recogniser().named_parameters()}
    assert changed and changed <= parameters and "what.weight" in changed
    assert all("adversary" in entry for entry in log_of(tmp_path / "run") if "total" in entry)
    assert not any("recogniser" in name for name in load_tensors(tmp_path / "run" / BEST)[0])


def test_pecl_with_reading_watches_both_its_judges(make_recipe, judges, tmp_path):
    recipe = make_recipe({"kind": "pecl", "w_reading": 0.01})
    run = train(recipe, tmp_path / "run", fabric=cpu(), should_stop=stop_after(2))
    assert len({run["embedder_sha256"], run["recogniser_sha256"], None}) == 3
    state = read_json(tmp_path / "run" / RUN)
    assert state["recogniser_sha256"] == run["recogniser_sha256"]
    tensors, _ = load_tensors(judges["recogniser"])
    other = tmp_path / "recogniser.safetensors"
    save_tensors(other, {name: tensor + 1 for name, tensor in tensors.items()})
    moved = recipe.model_copy(update={"recogniser": str(other)})
    write_json(tmp_path / "run" / RECIPE, moved.model_dump(mode="json"))
    with pytest.raises(InputError, match="The recogniser is not the one that the run"):
        train(moved, tmp_path / "run", fabric=cpu())


def test_an_older_run_of_plain_pecl_goes_on(make_recipe, judges, tmp_path):
    recipe = make_recipe({"kind": "pecl"}, patch=[32, 32])
    train(recipe, tmp_path / "whole", fabric=cpu())
    train(recipe, tmp_path / "run", fabric=cpu(), should_stop=stop_after(3))
    # As the version before wrote it: without what is new, and with a weight that said nothing.
    old = recipe.model_dump(mode="json")
    old["loss"] = {key: old["loss"][key] for key in ("kind", "distance", "form", "margin", "d", "weighting")}
    old["loss"] |= {"w_contrastive": 0.01, "w_recognition": 0.001}
    write_json(tmp_path / "run" / RECIPE, old)
    tensors, facts = load_tensors(tmp_path / "run" / STATE)
    del facts["recogniser_sha256"]
    save_tensors(tmp_path / "run" / STATE, tensors, **facts)
    train(parse(Recipe, old), tmp_path / "run", fabric=cpu())
    assert log_of(tmp_path / "whole") == log_of(tmp_path / "run")
    assert not any("recognition" in entry for entry in log_of(tmp_path / "run"))


@pytest.mark.parametrize("deformable", [False, True])
def test_a_network_with_shared_attention_starts_from_one_without(make_recipe, tmp_path, tiny_network, deformable):
    plain = make_recipe({"kind": "mse"}, iterations=2)
    train(plain, tmp_path / "plain", fabric=cpu())
    start = str(tmp_path / "plain" / BEST)
    network = {**tiny_network, "shared_attention": True, "deformable": deformable}
    recipe = make_recipe({"kind": "lcofl"}, network=network, init_from=start)
    lr = torch.rand(1, 3, 4, 6)
    same = make_network(plain.model_copy(update={"init_from": start}))
    assert torch.equal(make_network(recipe)(lr), same(lr))
    train(recipe, tmp_path / "run", fabric=cpu())
    learned = load_tensors(tmp_path / "run" / BEST)[0]
    assert learned["shared.gate"] != 0
    # Nothing else may be missing, and nothing may be left over.
    for keep in (lambda name: name != "output.bias", lambda name: name != "shared.gate"):
        save_tensors(tmp_path / "some.safetensors", {name: one for name, one in learned.items() if keep(name)})
        with pytest.raises(InputError, match="does not fit the network"):
            make_network(recipe.model_copy(update={"init_from": str(tmp_path / "some.safetensors")}))
    with pytest.raises(InputError, match="does not fit the network"):
        make_network(plain.model_copy(update={"init_from": str(tmp_path / "run" / BEST)}))


def test_the_compact_network_is_trained_exported_and_recorded(make_recipe, tmp_path):
    compact = {"architecture": "compact", "channels": 4, "convolutions": 1}
    recipe = make_recipe({"kind": "confidence"}, network=compact)
    train(recipe, tmp_path / "run", fabric=cpu())
    assert log_of(tmp_path / "run")[0].keys() >= {"total", "pixel", "confidence"}
    card = export_run(tmp_path / "run", "small", tmp_path / "checkpoints")
    assert (card.title, card.architecture, card.arguments) == ("Compact", "compact", compact)
    assert card.embedder_sha256 and card.recogniser_sha256 is None
    text = (tmp_path / "checkpoints" / "small.md").read_text(encoding="utf-8")
    assert "SRVGGNet-compact" in text and "confidence of a frozen recogniser" in text
    lr = (255 * torch.rand(4, 6, 3)).byte().numpy()
    restored = load_restorer("small", tmp_path / "checkpoints").restore(lr)
    assert restored.shape == (32, 48, 3)
    trial = Trial("small", recipe, tmp_path / "run")
    # The checkpoint is rounded to half precision.
    assert abs(restorer_of(trial).restore(lr).astype(int) - restored).max() <= 1
    record = record_of(trial, "sizes", "", None)
    assert record.parameters == sum(one.numel() for one in build(recipe.network).parameters())
    assert record.losses["total"] and loss_of(record).model == "confidence"
    assert to_tensor(restored).isfinite().all()


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({"loss": {"kind": "lcofl"}}, "LCOFL"),
        ({"loss": {"kind": "lcofl", "adversary": True}}, "LCOFL-adversary"),
        ({"loss": {"kind": "pecl", "w_reading": 0.01}}, "PECL-Manhattan + reading"),
        ({"loss": {"kind": "pecl", "w_recognition": 0.001}}, "PECL-Manhattan"),
        ({"loss": {"kind": "guided"}}, "Guided"),
        ({"loss": {"kind": "confidence"}, "network": {"architecture": "compact"}}, "Compact"),
    ],
)
def test_titles(values, title):
    assert title_of(parse(Recipe, {**READS, "data": [{"folder": "x"}], **values})) == title


@pytest.mark.parametrize("kind", [{"kind": "lcofl"}, {"kind": "confidence"}, {"kind": "pecl", "w_reading": 0.01}])
@pytest.mark.parametrize("values", [{"patch": "whole"}, {"recogniser": "r.safetensors"}])
def test_what_reads_needs_whole_plates_and_a_recogniser(kind, values):
    with pytest.raises(InputError, match=r"reads whole plates: it needs patch=whole and a recogniser .*\.$"):
        parse(Settings, {"loss": kind, **values})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"loss": {"kind": "lcofl", "w_layout": -1}}, r"^loss\.w_layout: "),
        ({"loss": {"kind": "lcofl", "w_dissimilarity": 2}}, r"^loss\.w_dissimilarity: "),
        ({"loss": {"kind": "lcofl", "confusion_step": "much"}}, r"^loss\.confusion_step: "),
        ({"loss": {"kind": "lcofl", "adversary": "perhaps"}}, r"^loss\.adversary: "),
        ({"loss": {"kind": "pecl", "w_reading": 1.5}}, r"^loss\.w_reading: "),
        ({"network": {"deformable": True}}, "^network: .*set shared_attention too"),
        ({"network": {"blocks": 0}}, r"^network\.blocks: "),
        ({"network": {"architecture": "compact", "channels": 0}}, r"^network\.channels: "),
        ({"network": {"architecture": "compact", "blocks": 7}}, r"no setting 'network\.blocks'"),
        ({"network": {"architecture": "resnet"}}, "^network: .*set it to compact"),
        ({"network": 3}, "^network: "),
    ],
)
def test_an_impossible_setting_is_refused_in_a_sentence(values, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        parse(Settings, {**READS, **values})
    assert "\n" not in str(error.value)


def test_the_pipeline_trains_compact_networks_but_not_losses_that_read():
    plan = parse(Plan, {"name": "a", "settings": {"network": {"architecture": "compact", "channels": 8}}})
    assert plan.settings.network == CompactConfig(channels=8)
    line = command_line(plan)
    assert "--set network.architecture=compact" in line and "--set network.channels=8" in line
    for loss in ({"kind": "lcofl"}, {"kind": "pecl", "w_reading": 0.1}):
        with pytest.raises(InputError, match="a loss that reads is trained by the verb train"):
            parse(Plan, {"name": "a", "settings": {**READS, "loss": loss}})


def test_the_study_asks_with_and_without_an_adversary_and_the_changed_network():
    study = load_study("lcofl")
    settings = {run.name: settings_of(study, run) for run in study.runs}
    lcofl = [one for one in settings.values() if one.loss.kind == "lcofl"]
    assert {(one.loss.adversary, one.network.deformable) for one in lcofl} == {(0, 0), (1, 0), (0, 1)}
    assert [one.loss.w_reading for one in settings.values() if one.loss.kind == "pecl"] == [0.001, 0.01]
    assert isinstance(study.runs[0], StudyRun) and settings["mse"].loss.kind == "mse"


def test_a_report_takes_pecl_with_reading_for_no_pecl_of_the_papers():
    class Record:
        def __init__(self, **loss):
            self.recipe = {"loss": loss, "embedder": None}

    plain = {"kind": "pecl", "distance": "manhattan", "d": 128, "form": "attract", "w_recognition": 0.001}
    assert loss_of(Record(**plain)).model == loss_of(Record(**plain, w_reading=0.0)).model == MANHATTAN
    assert loss_of(Record(**plain, w_reading=0.01)).model == "pecl-reading"
    frozen, adversary = (loss_of(Record(kind="lcofl", adversary=one)) for one in (False, True))
    assert frozen.model == adversary.model == "lcofl" and frozen != adversary
