"""Figure 12 as HTML: generated plates and what each model makes of them."""

import base64
from collections.abc import Mapping
from html import escape
from pathlib import Path

from lpsr.app.results.html import made
from lpsr.app.words import Words
from lpsr.report.examples import Example, Examples
from lpsr.report.formats import number
from lpsr.results import EXAMPLES


def pictures(examples: Examples, folder: Path, colours: Mapping[str, str], words: Words) -> str:
    """A row a plate, the pictures of equal size; ``folder`` is that of the results."""
    rows = "".join(_row(plate, examples, folder, colours, words) for plate in examples.plates)
    how = made([EXAMPLES], examples.command, examples.passport, words)
    return (
        f'<div class="results-item results-wide"><p class="results-finding">{words.html("results.pictures")}</p>'
        f'{rows}<div class="results-foot">{how}</div></div>'
    )


def _row(plate: Example, examples: Examples, folder: Path, colours: Mapping[str, str], words: Words) -> str:
    cells = []
    for name, title in examples.titles.items():
        title = escape(title)
        content = base64.b64encode((folder / plate.pictures[name]).read_bytes()).decode()
        psnr = f"<span>{number(plate.psnr[name], 2)} dB</span>" if name in plate.psnr else ""
        cells.append(
            f'<figure style="--model: {colours[name]}">'
            f'<img src="data:image/png;base64,{content}" alt="{title}, {escape(plate.text)}">'
            f"<figcaption><b>{title}</b> {psnr}</figcaption></figure>"
        )
    title = words.html("results.plate", text=plate.text)
    return f'<div class="results-plate" role="group" aria-label="{title}">{"".join(cells)}</div>'
