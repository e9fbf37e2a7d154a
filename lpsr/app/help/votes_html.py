"""A vote as HTML: the frames with their readings, and for each place of the plate the shares of its characters."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from lpsr.app.cards import chips, confidence
from lpsr.app.engines import read_by
from lpsr.app.gallery import data_uri
from lpsr.app.language import Words
from lpsr.plates import matches
from lpsr.voting import VOTES, Tally, strangers, vote

if TYPE_CHECKING:
    from lpsr.app.help.votes import Frames, Round

# Characters of a place that are named; the others are summed.
MOST_SHARES = 4


def votes(
    frames: "Frames",
    rounds: "Sequence[Round]",
    qualities: Sequence[float],
    reader: Any,
    words: Words,
    pending: bool = False,
) -> str:
    """The frames and their votes, without restoration and with it (``pending``: still to come)."""
    known = f' · {words.html("compare.truth")} <b class="truth">{escape(frames.text)}</b>' if frames.text else ""
    by = read_by(reader.name, words)
    heading = words.html("help.vote_found", count=len(frames.pictures))
    notes = "".join(f'<p class="note">{escape(one)}</p>' for one in frames.notes)
    if frames.others:
        notes += f'<p class="note">{words.html("help.vote_others", count=frames.others)}</p>'
    shown = "".join(_round(one, frames, qualities, reader.threshold, words) for one in rounds)
    more = f'<p class="minor" role="status">{words.html("help.vote_restoring")}</p>' if pending else ""
    return (
        f'<section class="votes" aria-busy="{str(pending).lower()}"><p class="heading" role="status">'
        f"{heading}{known} · {by}</p>{notes}{shown}{more}</section>"
    )


def _round(one: "Round", frames: "Frames", qualities: Sequence[float], threshold: float | None, words: Words) -> str:
    name = words.html("help.vote_restored", model=one.restorer) if one.restorer else words.html("help.vote_as_is")
    tallies = {weights: vote(one.readings, weights, qualities) for weights in VOTES}
    # Where one vote goes to another text, it is not told which frame is of another plate.
    strange = zip(*(strangers(tally, one.readings, threshold) for tally in tallies.values()), strict=True)
    remarks = [
        ["another_plate"] * all(other) + ["apart"] * (not fits)
        for other, fits in zip(strange, tallies["majority"].counted, strict=True)
    ]
    figures = "".join(
        _frame(picture, name, size.shape, reading, said, frames.text, threshold, words)
        for picture, name, size, reading, said in zip(
            one.pictures, frames.names, frames.pictures, one.readings, remarks, strict=True
        )
    )
    exact = ""
    if frames.text:
        alone = sum(reading.plate_text == frames.text for reading in one.readings)
        exact = f' <span class="minor">{words.html("help.vote_alone", count=alone, all=len(one.readings))}</span>'
    voted = "".join(_tally(key, tally, frames.text, threshold, words) for key, tally in tallies.items())
    return (
        f'<section class="votes-round"><h3>{name}{exact}</h3><div class="votes-tallies">{voted}</div>'
        f'<div class="votes-frames" role="group" aria-label="{words.html("help.vote_views")}">{figures}</div></section>'
    )


def _frame(
    picture, name, size, reading, remarks: Sequence[str], text: str | None, threshold: float | None, words: Words
) -> str:
    height, width = picture.shape[:2]
    said = "".join(f" <small>{words.html(f'help.vote_{remark}')}</small>" for remark in remarks)
    alt = words.html("help.vote_alt", name=name, width=size[1], height=size[0])
    return (
        f'<figure><img src="{data_uri(picture)}" alt="{alt}" width="{width}" height="{height}">'
        f"<figcaption><small>{escape(name)} · {size[1]} × {size[0]} px</small>"
        f"{chips(reading, text, words, threshold)}{said}</figcaption></figure>"
    )


def _tally(weights: str, tally: Tally, text: str | None, threshold: float | None, words: Words) -> str:
    """One vote: a column a place, the characters read there, each with its share."""
    head = f"<h4>{words.html(f'help.vote_{weights}')}</h4>"
    if not tally.places:
        return f'<div class="votes-tally">{head}<p>{words.html("compare.reads_nothing")}</p></div>'
    right = matches(text, tally.text) + [False] * (len(tally.text) - len(text)) if text else [None] * len(tally.text)
    places = "".join(
        _place(place, sure, fits, weak, words)
        for place, sure, fits, weak in zip(tally.places, tally.confidences, right, tally.weak(threshold), strict=False)
    )
    said = words.html(
        "compare.reads", text=tally.text, verdict=words("help.vote_sure", value=confidence(tally.confidence))
    )
    return f'<div class="votes-tally">{head}<p class="unseen">{said}</p><ol>{places}</ol></div>'


def _place(place: dict[str, float], sure: float, fits: bool | None, weak: bool, words: Words) -> str:
    first, *others = place.items()
    kind = ("weak" if weak else "sure") if fits is None else ("right" if fits else "wrong") + " weak" * weak
    told = words.html(f"compare.{kind.replace(' ', '_')}")
    lines = "".join(_share(character, share) for character, share in (first, *others[: MOST_SHARES - 1]))
    if rest := others[MOST_SHARES - 1 :]:
        lines += _share("…", sum(share for _, share in rest))
    return (
        f'<li><b class="chip {kind}" title="{told}, {words.html("help.vote_sure", value=confidence(sure))}">'
        f'{escape(first[0])}<span class="unseen"> {told} </span></b>{lines}</li>'
    )


def _share(character: str, share: float) -> str:
    return (
        f'<span class="votes-share" style="--value: {share:.3f}"><i>{escape(character)}</i> '
        f'{100 * share:.0f}<span class="unseen"> %</span></span>'
    )
