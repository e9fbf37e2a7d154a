"""The photo panel's bar as HTML: the plates in the photo, what the chosen one is worth, and what to expect of it."""

from html import escape
from typing import TYPE_CHECKING

from lpsr.app.gallery import data_uri, thumbnail
from lpsr.app.photo.state import DOUBTFUL, Photo
from lpsr.app.session import FEW_PIXELS, Choice
from lpsr.app.words import Words
from lpsr.errors import InputError
from lpsr.rectify import effective_width, plate_size, rectify

if TYPE_CHECKING:
    # For annotations only: they import torch, which the first paint need not wait for.
    from lpsr.evidence import Share
    from lpsr.locate import View
    from lpsr.readability import Expectation


def html(choice: Choice, words: Words) -> str:
    """The bar of a choice that has a photo; ``static/photo.js`` tells the server which of its buttons was pressed.

    The panel unfolds by itself (``data-open``) where no plate was found, or a doubtful one.
    """
    photo = choice.photo
    open_ = not photo.found or photo.view.score < DOUBTFUL
    facts, advice, rates, buttons = _facts(choice, words) if photo.ready else _proposal(words)
    role, fold = ("status", "correct") if photo.ready else ("alert", "set")
    return (
        f'<section class="photo-bar" data-photo="{photo.number}" data-open="{str(open_).lower()}" '
        f'aria-label="{words.html("photo.panel")}">{_plates(photo, words)}<p class="facts" role="{role}">{facts} '
        f'<span class="advice">{advice}</span></p><span class="tools">{buttons}<button type="button" data-fold '
        f'aria-controls="photo-inside" aria-expanded="{str(open_).lower()}">{words.html(f"photo.{fold}")}</button>'
        f'</span><p class="rates">{rates}</p></section>'
    )


def _plates(photo: Photo, words: Words) -> str:
    """Those to choose from: a photo's, or the frames of each plate of a clip."""
    if photo.seen:
        rows, first = [], 0
        for seen in photo.seen:
            name = words("photo.seen", text=seen.text or words("photo.unread"), frames=seen.frames)
            buttons = "".join(_frame(photo, first + i, *moment, words) for i, moment in enumerate(seen.moments))
            rows.append(
                f'<div class="plates" role="group" aria-label="{escape(name)}"><p>{escape(name)}</p>{buttons}</div>'
            )
            first += len(seen.moments)
        return f'<div class="clips">{"".join(rows)}</div>'
    if len(photo.views) > 1:
        buttons = "".join(_plate(one, i, i == photo.which, words) for i, one in enumerate(photo.views))
        return f'<div class="plates" role="group" aria-label="{words.html("photo.plates")}">{buttons}</div>'
    return _thumb(photo.view, words) if photo.found else ""


def _frame(photo: Photo, number: int, index: int, seconds: float | None, words: Words) -> str:
    view = photo.views[number]
    when = words("photo.number", number=index + 1) if seconds is None else words("photo.seconds", seconds=seconds)
    text = words.html("photo.score", text=view.text or words("compare.nothing"), score=view.score)
    return _button(number, number == photo.which, f"{escape(when)} · {text}", _thumb(view, words), when)


def _facts(choice: Choice, words: Words) -> tuple[str, str, str, str]:
    """What the plate is, what to expect of it in a sentence and in numbers, and what may be done."""
    from lpsr.compare import MAX_DIRECT_PIXELS
    from lpsr.readability import expect, load_readability

    photo = choice.photo
    plate = rectify(photo.view.picture, photo.corners)
    width, height = plate_size(photo.corners)
    worth = effective_width(plate)
    tall = height > width
    turned = photo.how == "box" and photo.turned and not tall
    if photo.which in photo.placed:
        title = "placed"
    elif photo.view.score < DOUBTFUL:
        title = "doubtful"
    elif photo.seen:
        title = "followed"
    else:
        title = "found" if len(photo.views) == 1 else "found_several"
    parts = [
        f"<b>{words.html(f'photo.{title}', count=len(photo.views))}</b>",
        f'<span title="{words.html("photo.worth_tip")}">'
        f"{words.html('photo.worth', width=width, height=height, worth=worth)}</span>",
        f"<span>{words.html('photo.cut_turned' if turned else f'photo.cut_{photo.how}')}</span>",
    ]
    measured = load_readability()
    expected = expect(worth, measured) if measured else None
    advice = rates = buttons = ""
    if tall:
        advice = words.html("photo.tall")
    elif photo.cut_off:
        advice = words.html("photo.cut_off")
    elif expected and title != "doubtful":
        advice = words.html(f"photo.{expected.advice}")
        # How a soft plate fares between its worth and its pixels depends on what made it soft, which is not known.
        if expected.advice != expect(width, measured).advice:
            advice += " " + words.html("photo.soft")
        rates = _rates(expected, measured.model, words)
    small = width <= FEW_PIXELS or (expected is not None and expected.advice == "restore")
    fits = choice.picture.shape[0] * choice.picture.shape[1] <= MAX_DIRECT_PIXELS
    if small and fits and not tall and not choice.direct:
        buttons = f'<button type="button" data-direct>{words.html("photo.direct")}</button>'
    return " ".join(parts), advice, rates, buttons


def _proposal(words: Words) -> tuple[str, str, str, str]:
    whole = f'<button type="button" data-whole>{words.html("photo.whole")}</button>'
    return f"<b>{words.html('photo.none')}</b>", words.html("photo.place"), "", whole


def _rates(expected: "Expectation", model: str, words: Words) -> str:
    """How plates of this width were read."""
    values = {"low": expected.low, "high": expected.high}
    key = "class_open" if expected.high is None else "class"
    parts = [words("photo.as_is", **_share(expected.direct.exact))]
    if expected.restored is not None:
        parts.append(words("photo.restored", model=model, **_share(expected.restored.exact)))
    return escape(words(f"photo.{key}", rates=words("photo.comma").join(parts), **values))


def _share(share: "Share") -> dict[str, object]:
    return {"share": 100 * share.share, "least": 100 * share.low, "most": 100 * share.high, "n": share.n}


def _plate(view: "View", number: int, chosen: bool, words: Words) -> str:
    if view.score is None:
        return _button(number, chosen, words.html("photo.elsewhere_tip"), "", words("photo.elsewhere"))
    tip = words.html("photo.score", text=view.text or words("compare.nothing"), score=view.score)
    return _button(number, chosen, tip, _thumb(view, words), f"{view.text or '–'} · {view.score:.2f}")


def _button(number: int, chosen: bool, tip: str, thumb: str, text: str) -> str:
    """``tip`` and ``thumb`` are HTML."""
    return (
        f'<button type="button" data-plate="{number}" aria-pressed="{str(chosen).lower()}" title="{tip}">'
        f"{thumb}<small>{escape(text)}</small></button>"
    )


def _thumb(view: "View", words: Words) -> str:
    try:
        picture = thumbnail(rectify(view.picture, view.corners))
    except InputError:
        return ""
    alt = words.html("photo.alt", text=view.text or "")
    return f'<img src="{data_uri(picture)}" alt="{alt}" width="{picture.shape[1]}" height="{picture.shape[0]}">'
