"""The numbers of a comparison: one chart, one table, and everything as files to download."""

import base64
import logging
from collections.abc import Callable, Sequence
from html import escape
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING

import gradio as gr

from lpsr.app.cards import marked, signed
from lpsr.app.colours import COLOURS, colours
from lpsr.app.language import Words, label, words_for
from lpsr.app.link import preset_of
from lpsr.app.session import PROCESSOR, Choice
from lpsr.app.theme import script

if TYPE_CHECKING:
    # For annotations only: they import torch and Plotly, which the first paint need not wait for.
    import plotly.graph_objects as go

    from lpsr.compare import Comparison, Result

log = logging.getLogger(__name__)

# What can be downloaded: suffix and MIME type.
KINDS = {"png": "image/png", "csv": "text/csv", "json": "application/json", "zip": "application/zip"}
# Title, field of ``Result`` and digits of what is measured against HR.
_FIDELITY = (("PSNR, dB", "psnr", 2), ("PSNR_Y, dB", "psnr_y", 2), ("SSIM", "ssim_y", 3))
# Reference lines of the chart, bicubic first; HR's colour on the page is that of its text, which Plotly does not know.
_LINES = {"bicubic": (COLOURS["bicubic"], "dash"), "hr": ("#8a8a8a", "dot")}
# From so many CSS pixels on, panels are four in a row, or two.
_WIDE, _MEDIUM = 1000, 520
_WIDTH_JS = "(choice, width) => [choice, window.innerWidth]"

_answers = count(1)


class NumbersPanel:
    """The components; they follow the visitor's choice."""

    def __init__(self) -> None:
        # One text each: the browser translates no more in one piece of HTML.
        gr.HTML("<h2>" + label("numbers.heading") + "</h2>", elem_classes="numbers-how")
        gr.HTML("<p>" + label("numbers.how") + "</p>", elem_classes="numbers-how")
        self.width = gr.Number(1440, visible=False)
        self.plot = gr.Plot(label=label("numbers.chart"), show_label=False, elem_id="numbers-chart", buttons=[])
        self.table = gr.HTML("", elem_id="numbers-table")
        # The file travels beside the buttons and is saved by the browser: nothing of a visitor's is written to disk.
        self.downloads = gr.HTML(
            {"buttons": "", "file": None},
            html_template="${value.buttons}",
            js_on_load=script("numbers"),
            elem_id="downloads",
        )

    def listen(self, choice: gr.State) -> None:
        """Bind the events to the visitor's choice."""
        choice.change(
            _show,
            [choice, self.width],
            [self.plot, self.table, self.downloads],
            js=_WIDTH_JS,
            api_visibility="private",
            show_progress="hidden",
            trigger_mode="always_last",
        )
        self.downloads.select(
            _download,
            choice,
            self.downloads,
            concurrency_id=PROCESSOR,
            concurrency_limit=1,
            api_visibility="private",
            show_progress="hidden",
        )


def _show(choice: Choice | None, width: float, request: gr.Request) -> tuple:
    """Chart, table and buttons."""
    words = words_for(request)
    if choice is None or choice.comparison is None:
        return None, "", {"buttons": "", "file": None}
    return (
        chart(choice.comparison, words, width),
        table(choice.comparison, words),
        {"buttons": downloads(words), "file": None},
    )


def _download(choice: Choice | None, event: gr.EventData, request: gr.Request) -> dict:
    """The buttons again, and the file that one of them asks for, or a sentence."""
    words = words_for(request)
    # Numbered, so that the same file can be asked for again.
    file = {"number": next(_answers)}
    try:
        if choice is None or choice.comparison is None:
            file["error"] = words("numbers.gone")
        else:
            preset = "direct" if choice.direct else preset_of(choice.settings.degradation) or "custom"
            stem = f"lpsr-{choice.key or 'own'}-{preset}"
            name, mime, content = file_of(choice.comparison, event.kind, stem)
            file |= {"name": name, "mime": mime, "data": base64.b64encode(content).decode()}
    except Exception:
        log.exception("A download failed.")
        file["error"] = words("numbers.sorry")
    return {"buttons": downloads(words), "file": file}


def file_of(comparison: "Comparison", kind: str, name: str) -> tuple[str, str, bytes]:
    """File name, MIME type and content of a download; ``kind`` is a key of ``KINDS``, ``name`` a file name's stem."""
    from lpsr.bundle import archive, to_csv, to_json
    from lpsr.images import encode_png
    from lpsr.sheet import sheet

    make: dict[str, Callable[[], bytes]] = {
        "png": lambda: encode_png(sheet(comparison)),
        # Excel takes UTF-8 for what it is only with its mark.
        "csv": lambda: to_csv(comparison).encode("utf-8-sig"),
        "json": lambda: to_json(comparison).encode(),
        "zip": lambda: archive(comparison, name),
    }
    return f"{name}.{kind}", KINDS[kind], make[kind]()


def downloads(words: Words) -> str:
    """A button for each file, and a line that says what becomes of it."""
    buttons = "".join(
        f'<button type="button" data-kind="{kind}">{words.html(f"numbers.{kind}")}</button>' for kind in KINDS
    )
    return (
        f'<div class="downloads" role="group" aria-label="{words.html("numbers.download")}">'
        f"<span>{words.html('numbers.download')}</span>{buttons}"
        f'<span class="status" role="status" data-making="{words.html("numbers.making")}"></span></div>'
    )


def chart(comparison: "Comparison", words: Words, width: float = 1440) -> "go.Figure":
    """PSNR, PSNR_Y, SSIM and the reader's confidence of bicubic and the restorations; ``width`` in CSS pixels.

    Bicubic is a line as well, and HR in confidence. Without HR there is the confidence alone.
    """
    from lpsr.app.charts import Dots, dot_panels

    found = {result.name: result for result in comparison.results}
    shown = [result for result in comparison.results if result.name not in ("hr", "lr")]
    colour = colours(found)

    def panel(title: str, value: "Callable[[Result], float | None]", digits: int, **options: object) -> Dots:
        lines = [(value(found[name]), *line) for name, line in _LINES.items() if name in found]
        lines = [line for line in lines if line[0] is not None]
        return Dots(title, [value(one) for one in shown], lines, digits, **options)

    panels = [
        panel(title, attrgetter(name), digits)
        for title, name, digits in (_FIDELITY if comparison.hr is not None else ())
    ]
    hr = found["hr"].reading if "hr" in found else None
    title = words("numbers.confidence") + (f" (HR {hr.raw_confidence:.2f})" if hr else "")
    panels.append(panel(title, lambda one: one.reading and one.reading.raw_confidence, 2, limits=(0.0, 1.0)))
    columns = 4 if width >= _WIDE else 2 if width >= _MEDIUM else 1
    rows = [(result.title, colour[result.name]) for result in shown]
    return dot_panels(rows, panels, columns, words("numbers.no_readings"))


def table(comparison: "Comparison", words: Words) -> str:
    """The same and more as HTML, the best of each column underlined; what only HR can tell is left out without it."""
    from lpsr.bundle import gains

    results, gained = comparison.results, gains(comparison)
    # Heading, cells and rows of the best, a column each.
    columns: list[tuple[str, list[str], set[int]]] = []
    for index, (title, name, digits) in enumerate(_FIDELITY if gained else ()):
        values = [getattr(result, name) for result in results]
        more = [gained[one.name][index] if one.name in gained and one.name != "bicubic" else None for one in results]
        columns.append((title, [_number(value, digits) for value in values], _best(results, values, digits)))
        columns.append(
            (words.html("numbers.gain"), ["" if value is None else signed(value, digits) for value in more], set())
        )
    residuals = [result.consistency and result.consistency.rmse for result in results]
    # None is the best: below HR's own it is noise that is followed.
    columns.append((words.html("numbers.consistency"), [_number(value, 2) for value in residuals], set()))
    if comparison.text is not None:
        found = [_right(result, comparison) for result in results]
        cells = [_characters(one, len(comparison.text), words) for one in found]
        right = [one and one[0] for one in found]
        columns.append((words.html("numbers.characters"), cells, _best(results, right, 0)))
    head = "".join(f'<th scope="col">{name}</th>' for name in (words.html("numbers.model"), *(c[0] for c in columns)))
    colour = colours(result.name for result in results)
    body = "".join(
        f'<tr><th scope="row" style="--model: {colour[result.name]}">{escape(result.title)}</th>'
        + "".join(_cell(cells[row], row in best, words) for _, cells, best in columns)
        + "</tr>"
        for row, result in enumerate(results)
    )
    title = words.html("numbers.table")
    return (
        f'<div class="numbers-scroll" role="region" tabindex="0" aria-label="{title}"><table>'
        f'<caption class="unseen">{title}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f"<p>{words.html('numbers.note' if gained else 'numbers.note_direct')}</p>"
    )


def _cell(text: str, best: bool, words: Words) -> str:
    if best:
        return f'<td class="best">{text}<span class="unseen">, {words.html("numbers.best")}</span></td>'
    return f"<td>{text or '–'}</td>"


def _best(results: "Sequence[Result]", values: Sequence[float | None], digits: int) -> set[int]:
    """The rows whose value, as it is shown, is the largest of those that restore (HR and LR do not)."""
    rivals = {
        row: round(value, digits)
        for row, (result, value) in enumerate(zip(results, values, strict=True))
        if result.name not in ("hr", "lr") and value is not None
    }
    return {row for row, value in rivals.items() if value == max(rivals.values())} if len(rivals) > 1 else set()


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _right(result: "Result", comparison: "Comparison") -> tuple[int, int] | None:
    """How many characters are right, and how many are left open."""
    if result.reading is None:
        return None
    kinds = [kind for _, kind in marked(result.reading, comparison.text, comparison.threshold)]
    return sum(kind.startswith("right") for kind in kinds), kinds.count("open")


def _characters(found: tuple[int, int] | None, total: int, words: Words) -> str:
    if found is None:
        return ""
    right, left_open = found
    text = words.html("numbers.exact" if right == total else "numbers.of", right=right, all=total)
    return text + (f", {words.html('readers.open_of', count=left_open)}" if left_open else "")
