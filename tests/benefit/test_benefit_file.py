"""The result's numbers from its outcomes, the file, what is refused, and parts that are joined."""

import json

import pytest
from made_benefit import make_benefit, make_votes
from pydantic import ValidationError

from lpsr.benefit.frames import NONE
from lpsr.benefit.merge import check_alike, joined, with_votes
from lpsr.benefit.result import CLASSES, Benefit, Cell, ClassResult, outcome
from lpsr.errors import InputError
from lpsr.results import BENEFIT, read_benefit, read_results, write_benefit


def test_an_outcome_says_what_was_read():
    assert outcome(7, 7, True, True) == "7" and outcome(8, 8, True, False) == "8"
    assert outcome(7, 0, False, False) == "a" and outcome(7, 6, False, True) == "G"
    # All in place and one too many.
    assert outcome(7, 7, False, False) == "h"


def test_the_rates_by_hand():
    cell = Cell(restorer=NONE, reader="a", outcomes="78hGfAa", seconds=0.12345678)
    one = ClassResult(name="x8", width=19, plates=range(7), characters="7877777", cells=[cell])
    assert (cell.n, cell.exact.right, cell.ge6.right, cell.ge5.right) == (7, 2, 4, 5)
    assert cell.right == (7, 8, 7, 6, 5, 0, 0) and cell.hits == (True, True) + (False,) * 5
    assert cell.false_confident.right == 2
    found = one.characters_right(cell)
    assert (found.right, found.n) == (33, 50)


def test_what_is_written_is_read_again(tmp_path):
    benefit = make_benefit(votes=make_votes())
    path = write_benefit(benefit, tmp_path / BENEFIT)
    assert read_benefit(path) == benefit and read_results(tmp_path).benefit == benefit
    assert read_results(tmp_path).measurements == {}
    lines = path.read_text(encoding="utf-8").splitlines()
    # A line a cell's column, so that a change can be read.
    assert sum('"outcomes": "' in line for line in lines) == sum(len(one.cells) for one in benefit.classes)


def test_without_a_file_there_is_none(tmp_path):
    assert read_results(tmp_path).benefit is None
    with pytest.raises(InputError, match="is not a file"):
        read_benefit(tmp_path / "none.json")


def changed(change) -> bytes:
    values = json.loads(make_benefit(votes=make_votes()).model_dump_json())
    change(values)
    return json.dumps(values).encode()


def cell_of(values: dict) -> dict:
    return values["classes"][0]["cells"][0]


BROKEN = {
    "cut off": (changed(lambda one: None)[:500], "cut off or not JSON"),
    "a list": (b"[]", "no benefit of this version"),
    "infinite": (changed(lambda one: cell_of(one).update(seconds=0.5)).replace(b"0.5", b"1e999"), "finite"),
    "negative time": (changed(lambda one: cell_of(one).update(seconds=-1)), "seconds"),
    "an unknown outcome": (changed(lambda one: cell_of(one).update(outcomes="?" * 200)), "an outcome is no digit"),
    "8 of 7": (changed(lambda one: cell_of(one).update(outcomes="8" * 200)), "does not fit"),
    "few outcomes": (changed(lambda one: cell_of(one).update(outcomes="7")), "1 outcomes or characters of 200"),
    "a plate text": (changed(lambda one: one["classes"][0].update(characters="皖" * 200)), "characters"),
    "a plate twice": (changed(lambda one: one["classes"][0].update(plates=[0] * 200)), "twice"),
    "another class": (changed(lambda one: one["classes"][0].update(name="x16")), "name"),
    "a class twice": (changed(lambda one: one["classes"].append(one["classes"][0])), "order"),
    "no classes": (changed(lambda one: one["classes"].clear()), "classes"),
    "a missing cell": (changed(lambda one: one["classes"][0]["cells"].pop()), "other pipelines"),
    "a path for a name": (changed(lambda one: one["readers"][0].update(name="../x")), "name"),
    "two of one name": (changed(lambda one: one["models"].append(one["models"][0])), "one name"),
    "checkpoints": (changed(lambda one: one["passport"].update(checkpoints=[1])), "checkpoints"),
    "a foreign vote": (changed(lambda one: one["votes"][0].update(reader="other")), "not among"),
    "half a vote": (changed(lambda one: one["votes"][0]["outcomes"].pop()), "votes"),
    "another key": (changed(lambda one: one.update(texts=["皖A12345"])), "texts"),
}


@pytest.mark.parametrize(("content", "sentence"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_one_sentence_and_the_rest_stands(tmp_path, content, sentence):
    (tmp_path / BENEFIT).write_bytes(content)
    found = read_results(tmp_path)
    (problem,) = found.problems
    assert found.benefit is None and sentence in problem
    assert problem.startswith(f"{BENEFIT} ") and "\n" not in problem and len(problem) < 400


def test_a_width_class_is_in_its_place():
    one = make_benefit()
    with pytest.raises(ValidationError, match="order"):
        Benefit(**{**dict(one), "classes": one.classes[::-1]})


def facts(benefit: Benefit) -> dict:
    return {key: getattr(benefit, key) for key in ("command", "passport", "crop", "models", "readers")}


def split(benefit: Benefit) -> tuple[Benefit, Benefit]:
    """The same by two processes, the wide classes first."""
    wide, narrow = (
        Benefit(
            **{
                **dict(benefit),
                "classes": classes,
                "command": f"python -m lpsr does-it-help {number}",
                "passport": {**benefit.passport, "most": {classes[0].name: number}},
            }
        )
        for number, classes in enumerate((benefit.classes[4:], benefit.classes[:4]), 1)
    )
    return wide, narrow


def test_parts_make_the_whole():
    whole = make_benefit()
    wide, narrow = split(whole)
    check_alike([wide, narrow], **facts(whole))
    found = joined([wide, narrow])
    assert [one.name for one in found.classes] == list(CLASSES) and found.classes == whole.classes
    assert found.passport["most"] == {"40-60": 1, "x8": 2}
    assert found.command == "python -m lpsr does-it-help 1\npython -m lpsr does-it-help 2"


def test_votes_of_one_part_stay():
    wide, narrow = split(make_benefit())
    voted = with_votes(wide, make_votes(), {"views": 10}, "python -m lpsr does-it-help --frames 10")
    for parts in ([voted, narrow], [narrow, voted]):
        found = joined(parts)
        assert found.votes == tuple(make_votes()) and found.passport["votes"] == {"views": 10}
    with pytest.raises(InputError, match="Two results have votes"):
        check_alike([voted, with_votes(narrow, make_votes(), {}, "")], **facts(wide))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"crop": "box"}, "crop"),
        ({"passport": {"data": "other"}}, "data"),
        ({"models": ()}, "models"),
        ({"readers": ()}, "readers"),
    ],
)
def test_parts_that_were_measured_otherwise_are_refused(change, sentence):
    whole = make_benefit()
    with pytest.raises(InputError, match=f"measured otherwise: .*{sentence}"):
        check_alike([whole], **{**facts(whole), **change})


def test_a_class_of_two_parts_is_refused():
    whole = make_benefit()
    with pytest.raises(InputError, match="Two results have the class 100"):
        check_alike([whole, whole], **facts(whole))
