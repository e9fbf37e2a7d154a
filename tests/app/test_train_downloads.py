"""What can be taken from a run."""

import io
import re
import zipfile
from pathlib import Path

import pytest

from lpsr.app.language import Words
from lpsr.app.training import downloads
from lpsr.checkpoints import CHECKPOINTS
from lpsr.errors import InputError
from lpsr.training.plan import Archive, Folder, Plan, preset
from lpsr.training.status import CHECKPOINT

WORDS = Words()


def test_every_file_can_be_downloaded(make_done_run):
    run = make_done_run()
    folder = run.folder / CHECKPOINT
    weights, card = (folder / f"mine.{suffix}" for suffix in ("safetensors", "json"))
    assert downloads.file_of(run, "weights") == ("mine.safetensors", "application/octet-stream", weights.read_bytes())
    assert downloads.file_of(run, "card") == ("mine.json", "application/json", card.read_bytes())
    name, mime, content = downloads.file_of(run, "zip")
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        assert {one: bundle.read(one) for one in bundle.namelist()} == {
            "mine/mine.safetensors": weights.read_bytes(),
            "mine/mine.json": card.read_bytes(),
        }
    assert (name, mime) == ("mine.zip", "application/zip")
    name, _, content = downloads.file_of(run, "plan")
    assert name == "mine-plan.json" and Plan.model_validate_json(content) == run.plan


def test_onnx_is_made_of_the_run_s_own_weights_and_leaves_nothing_behind(make_done_run, monkeypatch):
    made = []

    def export_onnx(name, path, folder):
        made.append((name, Path(path), Path(folder)))
        Path(path).write_bytes(b"onnx")

    monkeypatch.setattr("lpsr.onnx.export_onnx", export_onnx)
    run = make_done_run()
    assert downloads.file_of(run, "onnx") == ("mine.onnx", "application/octet-stream", b"onnx")
    ((name, path, folder),) = made
    assert name == "mine" and folder == run.folder / CHECKPOINT and not path.parent.exists()


def test_the_plan_holds_no_paths_of_the_machine(make_done_run):
    settings = preset("demo", "mine", {"kind": "mse"}).settings
    settings = settings.model_copy(update={"init_from": "/srv/a/first.safetensors", "embedder": "/srv/b/e.safetensors"})
    for source, kept in ((Folder(folder="/srv/secret/ccpd"), "ccpd"), (Archive(file="/srv/secret/up.zip"), "up.zip")):
        plan = Plan(name="mine", data=source, settings=settings)
        text = downloads.file_of(make_done_run(plan=plan), "plan")[2].decode()
        assert "/srv" not in text and kept in text and "first.safetensors" in text and "e.safetensors" in text


@pytest.mark.parametrize("kind", ["weights", "card", "zip", "onnx", "../../etc/passwd", "", None, ["weights"]])
def test_what_is_not_there_cannot_be_downloaded(make_done_run, kind):
    with pytest.raises(InputError, match="no such file"):
        downloads.file_of(make_done_run(made=False), kind)


def test_weights_that_go_meanwhile_are_told(make_done_run, monkeypatch):
    run = make_done_run()
    monkeypatch.setattr(downloads, "files", lambda run: {"weights": "mine.safetensors"})
    (run.folder / CHECKPOINT / "mine.safetensors").unlink()
    with pytest.raises(InputError, match="deleted"):
        downloads.file_of(run, "weights")


def test_buttons_are_those_of_the_files_there_are(make_done_run):
    assert re.findall('data-kind="(.*?)"', downloads.downloads(make_done_run(made=False), WORDS)) == ["plan"]
    html = downloads.downloads(make_done_run(), WORDS)
    assert re.findall('data-kind="(.*?)"', html) == list(downloads.KINDS) and "data-making=" in html


def test_it_can_be_used_in_compare_once_it_is_there(make_done_run, monkeypatch):
    run = make_done_run()
    assert not (CHECKPOINTS / "mine.safetensors").exists() and "data-use" not in downloads.downloads(run, WORDS)
    monkeypatch.setattr("lpsr.checkpoints.CHECKPOINTS", run.folder / CHECKPOINT)
    assert 'data-use="mine"' in downloads.downloads(run, WORDS)
    run.status.stages["export"].state = "running"
    assert "data-use" not in downloads.downloads(run, WORDS)
