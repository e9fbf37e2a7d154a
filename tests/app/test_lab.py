"""Controls to settings, and back."""

import pytest

from lpsr.app.engines import ENGINES
from lpsr.app.lab import card_line, describe, engine_picker, settings_of, values_of
from lpsr.app.language import LANGUAGES, Words
from lpsr.app.link import Settings
from lpsr.degrade import PAPER, PRESETS, Degradation
from lpsr.errors import InputError
from lpsr.readers import DEFAULT

HEADLINE = ["mse", "pecl-manhattan"]
EN = Words()


@pytest.mark.parametrize(
    "degradation", [*PRESETS.values(), Degradation(blur=2, blur_at="after", jpeg=30, jpeg_at="before")]
)
def test_controls_show_what_they_set(degradation):
    for reader in ENGINES:
        values = [*values_of(degradation), HEADLINE, reader]
        assert settings_of(values, HEADLINE) == Settings(degradation, reader=reader)


def test_the_place_of_what_is_not_there_does_not_count():
    kernel, *_ = values_of(PAPER)
    values = [kernel, 0, 0, 45, "after", 0, "before", 20, "none", HEADLINE, DEFAULT]
    assert settings_of(values, HEADLINE) == Settings()


def test_models_are_the_visitors_only_where_they_differ_from_the_headline():
    values = values_of(PAPER)
    assert settings_of([*values, ["mse"], DEFAULT], HEADLINE).models == ("mse",)
    assert settings_of([*values, [], DEFAULT], HEADLINE).models == ()
    assert settings_of([*values, HEADLINE, DEFAULT], HEADLINE).models is None


@pytest.mark.parametrize("reader", ["paddle-native", "", None, ["plate-hr"]])
def test_a_reader_that_cannot_be_chosen_is_refused(reader):
    with pytest.raises(InputError, match="no such reader"):
        settings_of([*values_of(PAPER), HEADLINE, reader], HEADLINE)


def test_only_readers_whose_weights_are_here_are_offered(monkeypatch, tmp_path):
    monkeypatch.setattr("lpsr.checkpoints.CHECKPOINTS", tmp_path)
    (tmp_path / "plate-hr.safetensors").touch()
    (tmp_path / "plate-multiscale.safetensors").touch()
    (tmp_path / "plate-multiscale.json").touch()
    shown = engine_picker(Settings(reader="plate-hr"), EN)
    assert [name for _, name in shown["choices"]] == [DEFAULT, "plate-multiscale"] and shown["value"] == DEFAULT
    assert engine_picker(Settings(reader="plate-multiscale"), EN)["value"] == "plate-multiscale"


def test_a_degradation_is_described_in_every_language():
    assert describe(PAPER, EN) == "bicubic ×8"
    assert (
        describe(PRESETS["night"], EN)
        == "Night: bicubic ×8, blur σ 2 px before, noise σ 8 after, JPEG quality 70 after"
    )
    own = Degradation(kernel="nearest", motion=5, angle=10, blur_at="after")
    assert describe(own, EN) == "own degradation: nearest neighbour ×8, motion 5 px at 10° after"
    for language in LANGUAGES:
        assert "70" in describe(PRESETS["night"], Words(language))


def test_a_checkpoint_says_what_it_is(tmp_path, make_checkpoint):
    from lpsr.losses.criterion import LossConfig

    card = make_checkpoint(tmp_path, "mine", iterations=12345, device="abacus")
    assert card_line(card, EN) == "MINE (mine): loss MSE · 12,345 iterations · abacus · not tested yet"
    tested = {"psnr": {"median": 22.126}, "exact": 0.25, "n": 520}
    card = make_checkpoint(tmp_path, "other", loss=LossConfig(kind="pecl", distance="euclidean"), test=tested)
    assert "PECL, euclidean, attract, d = 128, fixed" in card_line(card, EN)
    assert "test 22.13 dB, 25.0 % read exactly, n = 520" in card_line(card, EN)
    del tested["exact"]
    assert card_line(card.model_copy(update={"test": tested}), EN).endswith("· test 22.13 dB, n = 520")


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ({"kind": "lcofl", "w_recognition": 0.004}, "loss LCOFL with a frozen recogniser, weight 0.004 ·"),
        ({"kind": "lcofl", "adversary": True}, "loss LCOFL with the recogniser as an adversary, weight 0.001 ·"),
        ({"kind": "pecl", "w_reading": 0.01}, "d = 128, fixed, and reading by a recogniser, weight 0.01 ·"),
        ({"kind": "confidence"}, "loss L1 and a recogniser's confidence, weight 0.05 ·"),
    ],
)
def test_a_loss_that_reads_is_named_in_every_language(tmp_path, make_checkpoint, loss, said):
    from lpsr.losses.criterion import LossConfig

    card = make_checkpoint(tmp_path, "mine", loss=LossConfig.model_validate(loss))
    assert said in card_line(card, EN)
    assert len({card_line(card, Words(language)) for language in LANGUAGES}) == len(LANGUAGES)
