"""What can be taken from a run: its files, and its checkpoint to the tab *Compare*."""

import base64
import io
import json
import logging
import tempfile
import zipfile
from collections.abc import Callable
from html import escape
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from lpsr.app.language import Words, words_for
from lpsr.app.uploads import sent
from lpsr.errors import InputError

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.training.runs import Run

log = logging.getLogger(__name__)

# What can be downloaded: what its file's name ends in, and its MIME type.
KINDS = {
    "weights": (".safetensors", "application/octet-stream"),
    "card": (".json", "application/json"),
    "zip": (".zip", "application/zip"),
    "onnx": (".onnx", "application/octet-stream"),
    "plan": ("-plan.json", "application/json"),
}

_numbers = count(1)


def files(run: "Run") -> dict[str, str]:
    """Kind and file name of what can be downloaded now."""
    made = weights_of(run).is_file() and weights_of(run).with_suffix(".json").is_file()
    return {kind: run.name + ending for kind, (ending, _) in KINDS.items() if made or kind == "plan"}


def file_of(run: "Run", kind: str) -> tuple[str, str, bytes]:
    """File name, MIME type and content of a download.

    ONNX is made on the way, which takes some ten seconds. Raises InputError for a kind that there is not (yet).
    """
    made = files(run)
    # Of the browser, which may send anything.
    if not isinstance(kind, str) or kind not in made:
        raise InputError(f"The run {run.name} has no such file; wait until its checkpoint is made.")
    weights = weights_of(run)
    make: dict[str, Callable[[], bytes]] = {
        "weights": lambda: _read(weights),
        "card": lambda: _read(weights.with_suffix(".json")),
        "zip": lambda: _archive(run),
        "onnx": lambda: _onnx(run),
        "plan": lambda: _plan(run),
    }
    return made[kind], KINDS[kind][1], make[kind]()


def downloads(run: "Run", words: Words) -> str:
    """A button for each file, and one that takes the checkpoint to the tab *Compare*.

    ``static/numbers.js`` asks for a ``data-kind``, ``static/train_after.js`` for ``data-use``.
    """
    buttons = "".join(
        f'<button type="button" data-kind="{kind}" title="{escape(name)}">{words.html("train_after.get_" + kind)}'
        "</button>"
        for kind, name in files(run).items()
    )
    use = ""
    if _is_in_compare(run):
        use = (
            f'<button type="button" class="use" data-use="{escape(run.name)}">{words.html("train_after.use")}</button>'
        )
    title = words.html("train_after.download")
    return (
        f'<div class="downloads after-downloads" role="group" aria-label="{title}"><span>{title}</span>{buttons}{use}'
        f'<span class="status" role="status" data-making="{words.html("train_after.making")}"></span></div>'
    )


def _is_in_compare(run: "Run") -> bool:
    from lpsr.checkpoints import CHECKPOINTS

    return run.status.stages["export"].state == "done" and (CHECKPOINTS / f"{run.name}.safetensors").is_file()


def weights_of(run: "Run") -> Path:
    """Where a run's own checkpoint lies, once it is made."""
    from lpsr.training.status import CHECKPOINT

    return run.folder / CHECKPOINT / f"{run.name}.safetensors"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name} can no longer be read; the run may have been deleted.") from error


def _archive(run: "Run") -> bytes:
    from lpsr.bundle import add

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for path in (weights_of(run), weights_of(run).with_suffix(".json")):
            add(bundle, f"{run.name}/{path.name}", _read(path))
    return buffer.getvalue()


def _onnx(run: "Run") -> bytes:
    from lpsr.onnx import export_onnx

    with tempfile.TemporaryDirectory(prefix="lpsr-") as folder:
        path = Path(folder) / f"{run.name}.onnx"
        export_onnx(run.name, path, weights_of(run).parent)
        return _read(path)


def _plan(run: "Run") -> bytes:
    """Without the paths of this machine."""
    values = run.plan.model_dump(mode="json")
    for part, key in (
        (values["data"], "folder"),
        (values["data"], "file"),
        *((values["settings"], key) for key in ("init_from", "embedder")),
    ):
        if part.get(key):
            part[key] = Path(part[key]).name
    return (json.dumps(values, ensure_ascii=False, indent=2) + "\n").encode()


def download(name: str, event: gr.EventData, request: gr.Request) -> dict:
    """The buttons again, and the file that one of them asks for, or a sentence."""
    from lpsr.training.runs import RUNS, read_run

    words = words_for(request)
    # Numbered, so that the same file can be asked for again.
    file: dict[str, Any] = {"number": next(_numbers)}
    buttons = ""
    try:
        run = read_run(RUNS, name)
        buttons = downloads(run, words)
        stem, mime, content = file_of(run, sent(event, "kind"))
        file |= {"name": stem, "mime": mime, "data": base64.b64encode(content).decode()}
    except InputError as error:
        file["error"] = str(error)
    except Exception:
        log.exception("A download failed.")
        file["error"] = words("train.sorry")
    return {"buttons": buttons, "file": file}


def use(event: gr.EventData) -> tuple:
    """The checkpoint for the tab *Compare*, which opens."""
    from lpsr.checkpoints import known_models

    name = sent(event, "name")
    if name not in known_models():
        return gr.skip(), gr.skip()
    return (name, next(_numbers)), gr.Tabs(selected="compare")
