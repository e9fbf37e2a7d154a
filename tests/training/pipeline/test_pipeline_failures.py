"""A pipeline run says what went wrong, and loses nothing."""

import errno
import os
import re

import pytest
import torch
from pipeline_runs import assert_same_weights

from lpsr.checkpoints import read_card
from lpsr.errors import InputError
from lpsr.training import stages
from lpsr.training.pipeline import run_pipeline
from lpsr.training.status import PLAN, STATUS, read_status


def full_after(count: int, monkeypatch) -> None:
    """Lets so many files be written, and none after them."""
    left, real = [count], os.fsync

    def fsync(descriptor) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("count", [1, 4, 9, 14, 16, 19, 24, 30, 34])
def test_a_full_disk_loses_nothing(new, whole, monkeypatch, capfd, count):
    folder = new("parts")
    with monkeypatch.context() as patch:
        full_after(count, patch)
        status = run_pipeline(folder)
    assert (status.state, status.message) == ("failed", "The disk is full; free some space, then resume.")
    assert "Traceback (most recent call last)" not in capfd.readouterr().err
    assert [stage.state for stage in status.stages.values()].count("failed") == 1
    # The disk tells an older state, which is no other than that of a killed process.
    assert read_status(folder).state == "running"
    assert run_pipeline(folder).state == "done"
    assert_same_weights(whole, folder)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InputError("The plates are upside down."), "The plates are upside down."),
        (KeyError("psnr"), r"itself \(KeyError\)"),
        (MemoryError(), "smaller batch"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB."), "smaller batch"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."), "smaller batch"),
        (RuntimeError("size mismatch"), r"itself \(RuntimeError\)"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "disk is full"),
        (PermissionError(errno.EACCES, "Permission denied"), r"itself \(PermissionError\)"),
    ],
)
def test_what_goes_wrong_is_said_and_can_be_gone_on_from(new, monkeypatch, capfd, error, sentence):
    def broken(*_, **__):
        raise error

    folder = new("mine", iterations=1)
    with monkeypatch.context() as patch:
        patch.setattr(stages, "measure", broken)
        status = run_pipeline(folder)
    assert status == read_status(folder)
    assert status.state == "failed" and status.stages["evaluate"].state == "failed"
    assert re.search(sentence, status.message)
    assert ("Traceback" in capfd.readouterr().err) == ("itself" in sentence)
    status = run_pipeline(folder)
    assert (status.state, status.message) == ("done", "")


def test_a_name_that_is_taken_is_refused_before_the_work_and_never_overwritten(new, published, make_checkpoint):
    folder = new("mine")
    make_checkpoint(published, "mine", 5)
    theirs = (published / "mine.safetensors").read_bytes()
    status = run_pipeline(folder)
    assert status.state == "failed" and "choose another name" in status.message
    assert status.stages["data"].state == "failed" and not (folder / "train").exists()
    for suffix in (".safetensors", ".json"):
        (published / f"mine{suffix}").unlink()

    def appears(name, stage, entry) -> None:
        if name == "export":
            make_checkpoint(published, "mine", 5)

    status = run_pipeline(folder, report=appears)
    assert status.state == "failed" and status.stages["export"].state == "failed"
    assert (published / "mine.safetensors").read_bytes() == theirs
    # A card alone is somebody's, too.
    (published / "mine.safetensors").unlink()
    assert run_pipeline(folder).state == "failed"
    (published / "mine.json").unlink()
    assert run_pipeline(folder).state == "done"
    assert read_card("mine", published).title == "mine"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_device_that_is_not_there_is_said_before_the_work(new):
    status = run_pipeline(new("mine", {"device": "cuda"}))
    assert status.state == "failed" and "no CUDA device" in status.message
    assert status.stages["data"].state == "failed"


def test_without_a_reader_there_are_no_readings(new, published, monkeypatch):
    def none():
        raise InputError("There is none.")

    monkeypatch.setattr(stages, "get_reader", none)
    assert run_pipeline(new("mine", iterations=1)).state == "done"
    keys = {"passport", "n", "psnr", "psnr_y", "ssim", "beside", "provinces"}
    assert read_card("mine", published).test.keys() == keys


def test_no_plan_and_a_damaged_one_are_said(new, tmp_path):
    with pytest.raises(InputError, match="no pipeline run"):
        run_pipeline(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    folder = new("mine")
    (folder / PLAN).write_text('{"name": "mine", "colour": 3}')
    status = run_pipeline(folder)
    assert status.state == "failed" and "colour" in status.message
    (folder / STATUS).write_text('{"state": 3}')
    with pytest.raises(InputError, match="damaged"):
        run_pipeline(folder)
