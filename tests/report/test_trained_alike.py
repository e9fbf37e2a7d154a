"""What the cards of the shipped checkpoints decide."""

import pytest

from lpsr.app.words import Words
from lpsr.report.build import figures
from lpsr.report.cards import trained_apart
from lpsr.report.claims import claims
from lpsr.report.shapes import say


def shipped(made):
    """MSE and PECL-Manhattan, which gains 0.3 dB, and the runs that they are made of."""
    runs = {"mse": made.run("own", "mse"), "pecl-manhattan": made.run("own", "pecl-manhattan", "manhattan", gain=0.3)}
    scores = {
        name: run.measurement.models[name].model_copy(update={"sha256": name, "title": name})
        for name, run in runs.items()
    }
    return runs, scores


def pecl_psnr(made, scores, cards):
    claim = next(one for one in claims(made.results(models=scores), cards) if one.key == "pecl_psnr")
    return claim.verdict, say(claim.finding, Words("en"))


def test_checkpoints_that_were_trained_alike_decide(made):
    runs, scores = shipped(made)
    verdict, said = pecl_psnr(made, scores, [made.card(run, name) for name, run in runs.items()])
    assert verdict == "reproduced" and "Shipped checkpoints:" in said


@pytest.mark.parametrize(
    ("facts", "settings"),
    [
        ({"recipe": {"batch": 64, "seed": 1}}, "batch"),
        ({"data": [{"name": "CCPD", "split": "train", "share": 1.0, "plates": 99}]}, "data"),
        ({"recipe": {"iterations": 5}}, "iterations"),
        ({"recipe": {"seed": 2}}, "seed"),
        ({"init_sha256": "0"}, "init_sha256"),
        ({"stopped_iteration": 5}, "stopped_iteration"),
    ],
)
def test_those_that_were_not_decide_nothing_and_it_is_said(made, facts, settings):
    runs, scores = shipped(made)
    facts = facts | {"recipe": {**runs["mse"].recipe, **facts.get("recipe", {})}}
    cards = [made.card(runs["mse"], "mse", **facts), made.card(runs["pecl-manhattan"], "pecl-manhattan")]
    verdict, said = pecl_psnr(made, scores, cards)
    assert verdict == "not_shown" and f"differ in more than the loss ({settings})" in said


@pytest.mark.parametrize("facts", [{"sha256": "of other weights"}, {"name": "another"}])
def test_without_the_card_of_the_measured_weights_nothing_is_known(made, facts):
    runs, scores = shipped(made)
    cards = [made.card(runs["mse"], "mse"), made.card(runs["pecl-manhattan"], **{"name": "pecl-manhattan"} | facts)]
    verdict, said = pecl_psnr(made, scores, cards)
    assert verdict == "not_shown" and "whose cards are not here" in said


def test_seeds_still_decide_where_the_checkpoints_cannot(made):
    _, scores = shipped(made)
    found = {one.key: one.verdict for one in claims(made.results(made.trio(manhattan=-0.3), scores))}
    assert found["pecl_psnr"] == "not_reproduced"


def test_of_two_distances_all_else_of_the_loss_counts(made):
    near, far, other = (
        made.card(made.run("s", kind, kind, margin=margin), kind, embedder_sha256=embedder)
        for kind, margin, embedder in (("manhattan", 2.0, "a"), ("euclidean", 2.0, "a"), ("euclidean", 1.0, "b"))
    )
    assert trained_apart(near, far) == [] and trained_apart(near, other) == ["margin", "embedder_sha256"]
    assert trained_apart(near, made.card(made.run("s", "mse"), "mse")) == []


def test_a_run_that_ships_is_one_point(made):
    runs, scores = shipped(made)
    cards = [made.card(run, name) for name, run in runs.items()]
    again = made.run("own", "again", "manhattan", gain=0.4).model_copy(update={"seconds": 61.0})
    results = made.results([*runs.values(), again], scores)

    def points(cards):
        found = next(one for one in figures(results, cards) if one.key == "psnr_exact_models")
        return [say(band.name, Words("en")) for band in found.bands]

    assert points(cards) == ["mse", "pecl-manhattan", "own: again"]
    # The weights themselves, unrounded, are known by their digest.
    name = "pecl-manhattan"
    runs[name].measurement.models[name] = scores[name]
    assert points([]) == ["mse", "pecl-manhattan", "own: mse", "own: again"]
