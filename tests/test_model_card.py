"""Model cards: made of the card alone, readable by the Hub, and true to the numbers."""

import re
from pathlib import Path

import numpy as np
import pytest

import lpsr
from lpsr.checkpoints import CORNERS, EMBEDDER, PLATE, WeightsCard, auxiliary_of, read_card
from lpsr.errors import InputError
from lpsr.files import write_json
from lpsr.images import open_picture, save_png
from lpsr.model_card import any_card, model_card, write_model_card
from lpsr.plates import is_plate

SHIPPED = Path(lpsr.__file__).parents[1] / "checkpoints"
NAMES = sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


def summary(median, low, high):
    return {"median": median, "std": 2.0, "ci95": [low, high]}


SCORES = {
    "n": 40,
    "psnr": summary(22.927, 22.64, 23.19),
    "psnr_y": summary(26.0, 25.4, 26.5),
    "ssim": summary(0.7606, 0.7557, 0.7651),
    "ocr_confidence": summary(0.9544, 0.9491, 0.9625),
    "exact": 0.25,
    "exact_ci95": [0.142, 0.402],
    "ge6": 0.75,
    "ge5": 0.9,
    "char_accuracy": 0.85,
    "province": 0.5,
    "exact_without_province": 0.6,
    "n_read": 40,
}
PASSPORT = {
    "data": "CCPD: crops",
    "split": "test",
    "n": 40,
    "blur_sigma_px": 0.0,
    "jpeg_quality": None,
    "reader": "R 1",
}


@pytest.fixture
def card(checkpoints, make_checkpoint):
    """``card(**facts)``: that of a tiny checkpoint called mine."""

    def make(test=None, **facts):
        recipe = {"iterations": 3000, "batch": 32, "seed": 2, "patch": [64, 64], "ema": 0.999, "learning_rate": 2e-4}
        usual = {"recipe": recipe, "kept_iteration": 2500, "iterations": 2500, "batch": 32, "seconds": 5400.0}
        return make_checkpoint(checkpoints, "mine", **usual | facts).model_copy(update={"test": test})

    return make


def matter(text):
    """The front matter, as the Hub reads it."""
    yaml = pytest.importorskip("yaml")
    assert text.startswith("---\n")
    return yaml.safe_load(text.split("\n---\n")[0])


def section(text, title):
    """Its lines."""
    return re.search(rf"^## {title}\n\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)[1].splitlines()


def row(lines, name):
    """Cells of the first row that begins so."""
    rows = ([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if line.startswith("|"))
    return next(cells[1:] for cells in rows if cells[0] == name)


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_model_cards_are_what_their_cards_give(name):
    written = (SHIPPED / f"{name}.md").read_text(encoding="utf-8")
    assert written == model_card(any_card(name, SHIPPED)), "write it anew: python -m lpsr card --all"


@pytest.mark.parametrize("name", NAMES)
def test_the_hub_understands_the_shipped_ones(name):
    hub = pytest.importorskip("huggingface_hub")
    card = any_card(name, SHIPPED)
    values = hub.ModelCard((SHIPPED / f"{name}.md").read_text(encoding="utf-8")).data
    assert (values.license, values.model_name) == ("mit", name)
    assert values.datasets and all(re.fullmatch("[a-z0-9.-]+", one) for one in values.datasets)
    assert {one.metric_type for one in values.eval_results} == set(values.metrics)
    first = values.eval_results[0]
    if kind := auxiliary_of(name):
        if kind == PLATE and card.test:
            expected = "exact_match", "test", card.test["exact"]["hr"]["box"]["share"]
        else:
            key, metric = {
                EMBEDDER: ("val_precision", "precision"),
                CORNERS: ("val_plate", "accuracy"),
                PLATE: ("val_exact", "exact_match"),
            }[kind]
            expected = metric, "val", card.validation[key]
        assert (first.metric_type, first.dataset_split, first.metric_value) == (*expected[:2], round(expected[2], 4))
    else:
        assert (first.metric_type, first.dataset_split, first.dataset_args) == ("psnr", "test", {"plates": 520})
        assert first.metric_value == pytest.approx(card.test["psnr"]["median"], abs=1e-4)
        assert first.metric_args["interval_95"] == pytest.approx(card.test["psnr"]["ci95"], abs=1e-4)


def code(text, block=0):
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)[block]


@pytest.mark.parametrize("name", NAMES)
def test_the_three_lines_load_the_shipped_ones(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_png("photo.jpg", np.full((48, 64, 3), 90, np.uint8))
    save_png("plate.png", np.full((48, 160, 3), 90, np.uint8))
    save_png("lr.png", np.random.default_rng(0).integers(0, 256, (5, 9, 3), dtype=np.uint8))
    lines = code((SHIPPED / f"{name}.md").read_text(encoding="utf-8"))
    assert len([line for line in lines.splitlines() if line]) == 3
    # Wherever the tests take checkpoints from.
    monkeypatch.setattr("lpsr.checkpoints.CHECKPOINTS", SHIPPED)
    monkeypatch.setattr("lpsr.checkpoints.load_restorer.__defaults__", (SHIPPED,))
    found = {}
    exec(lines, found)
    if auxiliary_of(name) == CORNERS:
        assert isinstance(found["plates"], list)
    elif auxiliary_of(name) == PLATE:
        assert is_plate(found["reading"].plate_text)
    elif auxiliary_of(name):
        import torch

        embedded = found["embedder"](torch.rand(2, 3, 64, 64))
        assert embedded.shape == (2, 128)
        assert torch.allclose(embedded.norm(dim=1), torch.ones(2), atol=1e-4)
    else:
        assert open_picture("sr.png").shape == (40, 72, 3)


def test_the_lines_for_the_hub_load_what_was_fetched(card, checkpoints, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub, "snapshot_download", lambda repository: str(checkpoints))
    text = model_card(card())
    found = {}
    exec(code(text, 1), found)
    assert found["restorer"].sha256 == read_card("mine", checkpoints).sha256


def test_the_numbers_stand_beside_those_of_bicubic_and_the_plate(card):
    bare = {"n": 40, "psnr": None, "psnr_y": None, "ssim": None, "exact": 0.825, "n_read": 40}
    bicubic = {"n": 40, "psnr": summary(18.61, 18.41, 19.0)}
    text = model_card(card({"passport": PASSPORT, **SCORES, "beside": {"hr": bare, "bicubic": bicubic}}))
    lines = section(text, "Numbers")
    assert row(lines, "") == ["HR itself", "bicubic", "MINE"]
    mine = "22.93 ± 2.00 [22.64, 23.19]"
    assert row(lines, "PSNR_RGB [dB]") == ["–", "18.61 ± 2.00 [18.41, 19.00]", mine]
    # Wilson intervals of 33 and 10 of 40.
    assert row(lines, "plates read exactly [%]") == ["82.5 [68.1, 91.3]", "–", "25.0 [14.2, 40.2]"]
    assert row(lines, "characters right [%]") == ["–", "–", "85.0"]
    # What no reader confirms is said where it must not be used.
    warning = " ".join(section(text, "What it must not be used for"))
    assert "75.0 %" in warning and "(17.5 % of the plates before" in warning and "0.954" in warning
    # The passport, with names in words.
    assert row(lines, "blur sigma px") == ["0"] and row(lines, "reader") == ["R 1"]
    assert "40 plates of CCPD: crops, split test" in lines[0]
    assert "2.20 dB below and 0.08 dB above" in "\n".join(lines)


def test_the_paper_is_no_measure_for_other_plates(card):
    text = model_card(card({"passport": {**PASSPORT, "data": "generated plates"}, **SCORES}))
    assert "25.13" not in text and row(section(text, "Numbers"), "") == ["MINE"]


def test_the_readings_of_each_province_are_shown(card):
    groups = [
        {"name": "皖", "n": 30, "n_read": 30, "psnr": summary(22.0, 21.0, 23.0), "exact": 0.5, "province": 0.8},
        {"name": "others", "n": 10, "n_read": 10, "psnr": summary(21.0, 20.0, 22.0), "exact": 0.1, "province": 0.2},
    ]
    lines = section(model_card(card({"passport": PASSPORT, **SCORES, "provinces": groups})), "Data and its bias")
    assert row(lines, "皖")[:2] == ["30", "22.00 ± 2.00 [21.00, 23.00]"]
    assert row(lines, "others")[3] == "20.0 [5.7, 51.0]"
    assert any("read right on 50.0 % and all the other characters on 60.0 %" in line for line in lines)


def test_training_is_told_as_it_was_run(card):
    loss = {"kind": "pecl", "distance": "manhattan", "form": "printed", "margin": 2.0, "d": 128}
    warm_up = {
        "recipe": {"iterations": 11000, "batch": 64, "seed": 1, "loss": {"kind": "mse"}, "novelty": True},
        "iteration": 11000,
        "best_iteration": 10000,
        "best": 22.561,
        "seconds": 90.0,
        "device": "GPU",
    }
    data = [
        {"name": "CCPD plate crops", "split": "train", "share": 3, "plates": 7847},
        {"name": "my plates", "share": 1},
    ]
    made = card(
        stages=[warm_up],
        stopped_iteration=2600,
        iterations=12500,
        data=data,
        validation={"val_psnr": 22.648, "n": 7, "data": "CCPD", "split": "val"},
        loss={**loss, "weighting": "fixed", "w_contrastive": 0.01},
        embedder_sha256="e" * 64,
    )
    lines = section(model_card(made), "Training, as it was run")
    assert row(lines, "iterations run") == ["11 000", "2 600 of 3 000"]
    assert row(lines, "kept from iteration") == ["10 000", "2 500"]
    assert row(lines, "validation PSNR_RGB [dB]") == ["22.56", "22.65"]
    assert row(lines, "time") == ["1.5 min", "1.5 h"]
    assert row(lines, "device") == ["GPU", "CPU"]
    # What a recipe of another version says is shown as it is.
    assert row(lines, "novelty") == ["yes", "–"]
    assert row(lines, "patch") == ["–", "64 × 64"]
    text = "\n".join(lines)
    assert "optimiser step 12 500, which came after 720 000 pictures" in text
    assert "0.56 % of the paper's budget" in text
    assert f"frozen network of the loss `{'e' * 64}`" in text and made.sha256 in text
    whole = model_card(made)
    assert "drives the embeddings apart, margin 2)" in whole and "Not measured on a test split yet" in whole
    assert "model-index" not in matter(whole)
    shares = section(whole, "Data and its bias")
    assert row(shares, "CCPD plate crops") == ["train", "7 847", "75"] and row(shares, "my plates") == [
        "all",
        "–",
        "25",
    ]
    assert any("96 %" in line for line in shares)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ({"kind": "mse"}, "Loss: MSE (equation 14)."),
        ({"kind": "guided", "w_recognition": 0.002}, "MSE plus 0.002 times the cross-entropy of a frozen recogniser"),
        ({"kind": "pecl", "distance": "euclidean", "weighting": "uncertainty"}, "Euclidean distance of embeddings"),
        ({"kind": "pecl", "w_reading": 0.01}, "w_contrastive 0.01; plus 0.01 times the cross-entropy of a frozen"),
        ({"kind": "lcofl", "w_recognition": 0.004}, "0.004 times the cross-entropy of a frozen recogniser that reads"),
        ({"kind": "lcofl", "adversary": True}, "a recogniser that learns to tell SR from HR"),
        ({"kind": "confidence"}, "mean absolute error plus 0.05 times 1 − the confidence of a frozen recogniser"),
    ],
)
def test_the_loss_is_said_in_words(card, loss, words):
    assert words in model_card(card(loss=loss))


def test_what_a_card_does_not_know_is_not_invented(card):
    text = model_card(card({"psnr": {"median": 22.5}}, recipe={}))
    assert row(section(text, "Numbers"), "PSNR_RGB [dB]") == ["22.50"]
    assert "What it was trained on is not on its card." in text and "CCPD" not in text
    assert "None" not in text and "nan" not in text


HOSTILE = 'no: "x"\n---\n# | <b>`*[\\]\u2028\x85\x7f\ufeff😀 - 1e5'


def test_hostile_names_break_neither_the_front_matter_nor_the_page(card):
    passport = {**PASSPORT, "data": HOSTILE, "split": "yes", HOSTILE: [True, HOSTILE]}
    made = card({"passport": passport, **SCORES}, title=HOSTILE, data=[{"name": HOSTILE, "share": 1}], device=HOSTILE)
    text = model_card(made)
    result = matter(text)["model-index"][0]["results"][0]
    assert (result["dataset"]["name"], result["dataset"]["split"]) == (HOSTILE, "yes")
    assert matter(text)["datasets"] == ["no-x-b-1e5"]
    assert text.count("\n---\n") == 1 and "<b>" not in text.split("\n---\n")[1]
    # Each table keeps its columns.
    assert all(len(row(section(text, "Numbers"), name)) == 1 for name in ("reader", "PSNR_RGB [dB]", "data"))
    assert len([line for line in text.splitlines() if line.startswith("# ")]) == 1


def test_an_embedder_has_a_card_too(tmp_path):
    facts = any_card(EMBEDDER, SHIPPED).model_dump() | {"name": "embedder-2", "title": "Other"}
    card = WeightsCard.model_validate(facts)
    text = model_card(card)
    assert row(section(text, "Numbers"), "recall") == [f"{100 * card.validation['val_recall']:.1f}"]
    assert 'CHECKPOINTS / "embedder-2.safetensors"' in text and "load_restorer" not in text
    assert matter(text)["pipeline_tag"] == "image-feature-extraction"


def test_an_auxiliarys_card_under_another_name_is_refused(tmp_path):
    write_json(tmp_path / "embedder-3.json", any_card(EMBEDDER, SHIPPED).model_dump(mode="json") | {"name": "other"})
    with pytest.raises(InputError, match="the card of 'other'"):
        write_model_card("embedder-3", tmp_path)


def test_it_lies_beside_its_card_and_hides_nothing(checkpoints):
    from lpsr.checkpoints import known_models

    before = known_models(checkpoints)
    path = write_model_card("mse", checkpoints)
    assert path == checkpoints / "mse.md"
    assert path.read_bytes().decode() == model_card(read_card("mse", checkpoints))
    assert known_models(checkpoints) == before


@pytest.mark.parametrize("name", ["vgg", "../mse", "embedder", "evidence", 'a"); import os; ("', ""])
def test_without_a_card_there_is_no_model_card(checkpoints, name):
    with pytest.raises(InputError):
        write_model_card(name, checkpoints / "..")
    with pytest.raises(InputError):
        write_model_card(name, checkpoints)
    assert not list(checkpoints.parent.rglob("*.md"))


def test_a_card_that_does_not_fit_its_architecture_is_refused(card):
    with pytest.raises(InputError, match="does not fit its architecture"):
        model_card(card().model_copy(update={"arguments": {"depth": 2}}))
