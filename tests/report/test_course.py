"""The course of a run through the stages before it."""

from lpsr.app.words import Words
from lpsr.report.course import figures, past
from lpsr.report.shapes import say

WORDS = Words("en")


def staged(made, name, init=None, kept=None, **recipe):
    run = made.run("stages", name)
    recipe = {**run.recipe, "init_from": init and f"{init}/best.safetensors", **recipe}
    return run.model_copy(update={"recipe": recipe, "kept_iteration": kept})


def test_a_past_is_followed_as_far_as_it_is_recorded(made):
    first, second, third = staged(made, "a", "gone"), staged(made, "b", "a"), staged(made, "c", "b")
    assert [run.name for run in past(third, [third, first, second])] == ["a", "b", "c"]
    loop = [staged(made, "a", "b"), staged(made, "b", "a")]
    assert len(past(loop[0], loop)) == 2


def test_stages_follow_one_another_where_the_weights_were_handed_on(made):
    first = staged(made, "a", batch=8)
    ks, values = first.curve["iteration"], first.curve["val_psnr"]
    first = first.model_copy(update={"kept_iteration": int(ks[1])})
    second = staged(made, "b", "a", kept=int(ks[-1]), batch=2, patch="whole")
    (figure,) = figures(made.results([second, first]))
    start = 8 * ks[1]
    assert [band.x for band in figure.bands] == [tuple(8 * k for k in ks[:2]), tuple(start + 2 * k for k in ks)]
    assert figure.bands[1].y == tuple(values)
    assert [say(band.name, WORDS) for band in figure.bands] == ["a, patches", "b, whole plates"]
    assert "128\u202f000\u202f000" in say(figure.finding, WORDS)


def test_without_a_recorded_past_there_is_no_course(made):
    assert figures(made.results([staged(made, "a", "gone"), made.run("headline", "mse")])) == []
    assert figures(made.results()) == []
