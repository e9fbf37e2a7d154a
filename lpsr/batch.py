"""Many pictures, many models: one comparison after the other, their summary, and all of it as a ZIP."""

import csv
import io
import json
import logging
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpsr import bundle
from lpsr.checkpoints import CHECKPOINTS
from lpsr.compare import Comparison, compare, read
from lpsr.data.archive import Refused
from lpsr.data.gather import Inputs, Source
from lpsr.degrade import PAPER, Degradation
from lpsr.errors import InputError
from lpsr.evaluation import SEED, score
from lpsr.files import replacing
from lpsr.metrics.fidelity import Fidelity, summarise
from lpsr.readers import Reader, Reading

log = logging.getLogger(__name__)

FAULT = "It could not be compared because of a fault in the program; its log says more."
SUMMARIES = ("psnr", "psnr_y", "ssim", "gain", "ocr_confidence")
RATES = ("exact", "ge6", "ge5", "char_accuracy", "province", "exact_without_province")


@dataclass(frozen=True)
class Item:
    """One picture of a batch: its comparison, or the sentence that says why there is none."""

    source: Source
    comparison: Comparison | None
    error: str = ""


def run(
    inputs: Inputs,
    models: Sequence[str] | None = None,
    degradation: Degradation = PAPER,
    reader: Reader | None = None,
    stop: Callable[[], bool] = lambda: False,
    folder: str | Path = CHECKPOINTS,
) -> Iterator[Item]:
    """Compare the pictures one by one, each when it is asked for; ``stop`` is asked before each.

    ``models``, ``degradation`` and ``folder`` as for ``compare``; without a reader nothing is read.
    """
    for source in inputs.sources:
        if stop():
            return
        comparison, error = None, ""
        try:
            picture, corners = source.plate()
            comparison = compare(
                picture, models, degradation=degradation, text=source.text, corners=corners, folder=folder
            )
            comparison = comparison if reader is None else read(comparison, reader, folder)
        except InputError as refusal:
            error = str(refusal)
        except Exception:
            # One picture must not end the batch.
            log.exception("A picture of a batch failed.")
            error = FAULT
        yield Item(source, comparison, error)


class Tally:
    """What the pictures of a batch scored so far; it keeps numbers and readings, no pictures."""

    def __init__(self) -> None:
        self.compared = 0
        self.failed: list[tuple[str, str]] = []
        self._titles: dict[str, str] = {}
        self._fidelities: dict[str, list[Fidelity]] = defaultdict(list)
        self._gains: dict[str, list[float]] = defaultdict(list)
        self._readings: dict[str, list[tuple[str | None, Reading]]] = defaultdict(list)
        self._reduced = 0
        self._passport: dict[str, Any] = {}

    def add(self, item: Item) -> None:
        """Count one picture."""
        comparison = item.comparison
        if comparison is None:
            self.failed.append((item.source.file, item.error))
            return
        self.compared += 1
        self._reduced += comparison.reduced_from is not None
        self._passport = comparison.passport
        for result in comparison.results:
            self._titles[result.name] = result.title
            if result.psnr is not None:
                self._fidelities[result.name].append(Fidelity(result.psnr, result.psnr_y, result.ssim_y))
                self._gains[result.name].append(result.gain)
            if result.reading is not None:
                self._readings[result.name].append((comparison.text, result.reading))

    def summary(self) -> dict[str, Any]:
        """The batch in numbers: ``{"compared", "failed", "models": {name: {...}}, "passport": {...}}``.

        Of each model what ``evaluate`` gives, with its ``title`` and the ``gain`` over bicubic in dB, picture by
        picture; HR has readings alone.
        """
        models = {}
        for name, title in self._titles.items():
            scores = score(self._fidelities.get(name), self._readings[name])
            gains = self._gains.get(name)
            models[name] = {"title": title, "n": self.compared, **scores, "gain": gains and summarise(gains, SEED)}
        passport = {
            **self._passport,
            "source": "a batch of pictures",
            "n": self.compared,
            "crop": "bounding box of the corners (the whole picture where unknown), right and bottom to multiples of 8",
            "reduced_from": f"{self._reduced} of the pictures were larger and reduced first, OpenCV area",
            "seed": SEED,
        }
        return {"compared": self.compared, "failed": len(self.failed), "models": models, "passport": passport}


def to_csv(summary: dict[str, Any]) -> str:
    """A row a model: median, standard deviation and 95 % interval of each score, shares of the readings."""
    columns = ["model", "title", "n"]
    columns += [f"{key}_{part}" for key in SUMMARIES for part in ("median", "std", "ci95_low", "ci95_high")]
    columns += ["n_read", *RATES, "exact_ci95_low", "exact_ci95_high"]
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for name, scores in summary["models"].items():
        row = {"model": name, "title": scores["title"], "n": scores["n"], "n_read": scores.get("n_read", "")}
        for key in SUMMARIES:
            if scores.get(key):
                row |= {f"{key}_{part}": f"{scores[key][part]:.6f}" for part in ("median", "std")}
                row |= _ends(key, scores[key]["ci95"])
        if "exact" in scores:
            row |= {key: f"{scores[key]:.6f}" for key in RATES} | _ends("exact", scores["exact_ci95"])
        writer.writerow(row)
    return file.getvalue()


def pack(path: str | Path, items: Iterable[Item], tally: Tally, refused: Iterable[Refused] = ()) -> Iterator[Item]:
    """Pass the items on, count each in ``tally`` and write it into a ZIP, which is at ``path`` after the last.

    It holds a folder for each picture (``bundle.files``), ``summary.csv``, ``summary.json``, ``pictures.csv`` (with
    ``Verdict.reliable``, and ``Verdict.reason`` as ``reliable_reason``) and ``refused.txt``. It grows on the disk
    under another name, which goes where the iteration is closed early. Raises InputError where it cannot be written.
    """
    table = io.StringIO()
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for item in items:
            tally.add(item)
            if item.comparison is not None:
                for name, content in bundle.files(item.comparison).items():
                    bundle.add(archive, f"{item.source.name}/{name}", content)
                _extend(table, item)
            yield item
        summary = tally.summary()
        if tally.compared:
            bundle.add(archive, "summary.csv", to_csv(summary).encode("utf-8-sig"))
            bundle.add(archive, "pictures.csv", table.getvalue().encode("utf-8-sig"))
        text = json.dumps(summary, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        bundle.add(archive, "summary.json", text.encode())
        lines = [f"{one.file}: {one.sentence}" if one.file else one.sentence for one in refused]
        lines += [f"{file}: {sentence}" for file, sentence in tally.failed]
        bundle.add(archive, "refused.txt", ("\n".join(lines or ["Every file was used."]) + "\n").encode())


def _ends(key: str, interval: Sequence[float]) -> dict[str, str]:
    low, high = interval
    return {f"{key}_ci95_low": f"{low:.6f}", f"{key}_ci95_high": f"{high:.6f}"}


def _extend(table: io.StringIO, item: Item) -> None:
    """Write the rows of one picture under those before it."""
    # The passport is the same for all, and in the summary.
    verdict = item.comparison.verdict
    place = {
        "folder": item.source.name,
        "file": bundle.cell(item.source.file),
        "reliable": bundle.cell(verdict and verdict.reliable),
        "reliable_reason": verdict.reason if verdict else "",
    }
    rows = [place | row for row in bundle.rows(item.comparison)]
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
    if not table.tell():
        writer.writeheader()
    writer.writerows(rows)
