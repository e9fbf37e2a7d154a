"""The command line as a whole: help, and one sentence for whatever cannot be used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import lpsr
from lpsr.cli import VERBS, main
from lpsr.errors import InputError

NAMES = [verb.replace("_", "-") for verb in VERBS]


def fails(capsys, *arguments) -> str:
    """Run, expect exit status 2 and one line on stderr, and return that."""
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    assert status == 2
    assert out == "" and err.startswith("lpsr: ") and err.count("\n") == 1, err
    return err


def test_help_names_every_verb_and_imports_nothing_heavy():
    code = (
        "import sys; from lpsr.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print([name for name in ('torch', 'onnxruntime', 'paddleocr', 'gradio', 'plotly') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(lpsr.__file__).parents[1]
    )
    *text, heavy = done.stdout.splitlines()
    assert heavy == "[]"
    assert all(any(line.split()[:1] == [name] for line in text) for name in NAMES)


def test_python_m_lpsr_gives_the_exit_status():
    done = subprocess.run(
        [sys.executable, "-m", "lpsr", "degrade", "nowhere.png", "--output", os.devnull],
        capture_output=True,
        text=True,
        cwd=Path(lpsr.__file__).parents[1],
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "lpsr: There is no file or folder nowhere.png.\n"


@pytest.mark.parametrize("name", NAMES)
def test_every_verb_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: python -m lpsr {name}")
    description = text.split("\n\n")[1]
    assert len(description) > 30 and not description.startswith("positional")


def test_unknown_verbs_and_options_are_said(capsys):
    assert "'fly'" in fails(capsys, "fly") and "VERB" in fails(capsys)
    assert "--output" in fails(capsys, "degrade", "a.png")
    assert "whole number" in fails(capsys, "evaluate", "--data", "x", "--limit", "many")
    assert "at least 1" in fails(capsys, "evaluate", "--data", "x", "--limit", "0")


def test_a_wrong_folder_is_said(capsys, tmp_path):
    missing = tmp_path / "missing"
    assert f"There is no folder {missing}." in fails(capsys, "evaluate", "--data", missing)
    for verb in ("train", "pretrain-embedder"):
        assert f"There is no folder {missing}." in fails(
            capsys, verb, tmp_path / "run", "--data", missing, "--accelerator", "cpu"
        )
        # The folder stays free for the command without the mistake.
        assert not (tmp_path / "run").exists()
    (tmp_path / "empty").mkdir()
    assert "holds no plates" in fails(capsys, "evaluate", "--data", tmp_path / "empty")
    assert "holds no run" in fails(capsys, "export", tmp_path / "empty", "mine")


def test_a_wrong_split_is_said_with_the_known_ones(capsys, plate_folder):
    assert "test, train, val" in fails(capsys, "evaluate", "--data", plate_folder, "--split", "exam")


def test_an_unknown_model_is_said_with_the_known_ones(capsys, plate_folder, checkpoints, tmp_path):
    folder = "--checkpoints", checkpoints
    for arguments in (
        ("evaluate", "--data", plate_folder, "--no-readings", *folder),
        ("restore", tmp_path / "a.png", "--output", tmp_path, *folder),
    ):
        assert "there are: bicubic, mse, pecl-manhattan." in fails(capsys, *arguments, "--models", "vgg")


def test_an_unknown_reader_is_said_with_the_known_ones(capsys, plate_folder):
    for arguments in (("evaluate", "--data", plate_folder), ("read", "a.png")):
        assert "paddle-onnx" in fails(capsys, *arguments, "--reader", "magic")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "epochs=3"), "no setting 'epochs'"),
        (("--set", "loss.lambda=3"), "no setting 'loss.lambda'"),
        (("--set", "batch.size=3", "--batch", "2"), "batch has no settings inside it"),
        (("--set", "epochs"), "write KEY=VALUE"),
        (("--set", "patch=[60,64]"), "multiples of 8"),
        (("--iterations", "0"), "iterations"),
        (("--learning-rate", "fast"), "fast"),
        (("--recipe", "missing.json"), "missing.json"),
        (("--init-from", "missing.safetensors", "--accelerator", "cpu"), "There is no file missing.safetensors"),
    ],
)
def test_a_wrong_setting_is_said(capsys, plate_folder, tmp_path, arguments, words):
    assert words in fails(capsys, "train", tmp_path / "run", "--data", plate_folder, *arguments)


def test_training_without_data_is_said(capsys, tmp_path):
    (tmp_path / "list.json").write_text("[1]")
    assert "nothing to train on" in fails(capsys, "train", tmp_path / "run")
    assert "nothing to train on" in fails(capsys, "pretrain-embedder", tmp_path / "run")
    assert "holds no recipe" in fails(capsys, "train", tmp_path / "run", "--recipe", tmp_path / "list.json")
    assert not (tmp_path / "run").exists()


def test_a_wrong_degradation_is_said(capsys, tmp_path):
    for option, value in (("--scale", 1), ("--kernel", "magic"), ("--blur", -1), ("--noise", "nan"), ("--jpeg", 0)):
        fails(capsys, "degrade", tmp_path / "a.png", "--output", tmp_path, option, value)


def test_contradictions_are_said(capsys):
    fails(capsys, "evaluate", "--data", "x", "--no-readings", "--reader", "rapidocr")
    fails(capsys, "evaluate", "--data", "x", "--update-cards", "--limit", "3")


@pytest.mark.parametrize(("error", "status"), [(InputError("No."), 2), (KeyboardInterrupt(), 130)])
def test_an_interruption_leaves_no_traceback(monkeypatch, capsys, error, status):
    from lpsr.cli import degrade

    def run(args):
        raise error

    monkeypatch.setattr(degrade, "run", run)
    assert main(["degrade", "x", "--output", "y"]) == status
    assert capsys.readouterr().err.startswith("lpsr: ")
