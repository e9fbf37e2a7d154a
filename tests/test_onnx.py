"""Checkpoints as ONNX files: what ONNX Runtime computes is what PyTorch computes, or there is no file."""

import copy
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import lpsr
from lpsr.checkpoints import load_restorer, read_card
from lpsr.errors import InputError
from lpsr.onnx import EXAMPLE, SIZES, Parity, export_onnx, measure_parity


@pytest.fixture(scope="module")
def folder(make_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    make_checkpoint(folder, "mse", 1)
    make_checkpoint(folder, "other", 2)
    return folder


@pytest.fixture(scope="module")
def exported(folder):
    """The file of "mse", and its parity."""
    path = folder / "made" / "mse.onnx"
    return path, export_onnx("mse", path, folder)


@pytest.fixture
def network(folder):
    return load_restorer("mse", folder).network


@pytest.fixture
def pretend(monkeypatch):
    """``pretend(content, returncode, stderr)`` instead of the process that exports."""

    def prepare(content=b"", returncode=0, stderr=""):
        def run(command, **options):
            Path(command[-1]).write_bytes(content)
            return subprocess.CompletedProcess(command, returncode, "", stderr)

        monkeypatch.setattr(subprocess, "run", run)

    return prepare


def test_onnx_runtime_restores_what_pytorch_restores(exported, network):
    path, parity = exported
    assert parity.max_abs_difference < 1e-5 and parity.max_levels <= 1 and parity.sizes == SIZES
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for n, height, width in ((1, 1, 1), (2, 1, 9), (5, 11, 3), (1, 70, 90)):
        lr = torch.rand(n, 3, height, width)
        with torch.inference_mode():
            expected = network(lr).numpy()
        np.testing.assert_allclose(session.run(None, {"lr": lr.numpy()})[0], expected, atol=1e-5)


def test_the_check_takes_sizes_that_the_export_did_not():
    assert EXAMPLE not in SIZES and len(set(SIZES)) == len(SIZES)
    assert any(n > 1 for n, _, _ in SIZES) and (1, 1, 1) in SIZES
    assert any(height % 2 and width % 2 and height * width > 1 for _, height, width in SIZES)


def test_the_file_says_what_it_is_and_nothing_of_this_machine(exported, folder):
    path, _ = exported
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (lr,), (sr,) = session.get_inputs(), session.get_outputs()
    assert (lr.name, lr.type, lr.shape) == ("lr", "tensor(float)", ["n", 3, "h", "w"])
    assert (sr.name, sr.type, sr.shape) == ("sr", "tensor(float)", ["n", 3, "8*h", "8*w"])
    assert session.get_modelmeta().custom_metadata_map == {
        "name": "mse",
        "title": "MSE",
        "sha256": read_card("mse", folder).sha256,
        "scale": "8",
        "licence": "MIT",
        "lpsr": lpsr.__version__,
    }
    content = path.read_bytes()
    for place in (Path(lpsr.__file__).parent, Path(torch.__file__).parent, folder):
        assert str(place).encode() not in content
    onnx.checker.check_model(path, full_check=True)


def test_another_checkpoints_weights_do_not_pass(exported, folder):
    parity = measure_parity(exported[0], load_restorer("other", folder).network)
    assert parity.max_abs_difference > 1e-3 and parity.max_levels > 1


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("cubic_coeff_a", -0.5), ("coordinate_transformation_mode", b"align_corners"), ("mode", b"linear")],
)
def test_another_enlargement_does_not_pass(exported, network, tmp_path, attribute, value):
    model = onnx.load(exported[0])
    (resize,) = (node for node in model.graph.node if node.op_type == "Resize")
    (found,) = (one for one in resize.attribute if one.name == attribute)
    found.CopyFrom(onnx.helper.make_attribute(attribute, value))
    onnx.save(model, tmp_path / "changed.onnx")
    parity = measure_parity(tmp_path / "changed.onnx", network)
    assert parity.max_abs_difference > 1e-3 and parity.max_levels > 1


def test_nan_does_not_pass(exported, network):
    broken = copy.deepcopy(network)
    torch.nn.init.constant_(broken.output.bias, np.nan)
    assert measure_parity(exported[0], broken) == Parity(np.inf, 255, SIZES)


def test_a_file_that_differs_is_not_left_and_the_old_one_stays(exported, folder, tmp_path, pretend):
    pretend(exported[0].read_bytes())
    for old in (None, b"old"):
        path = tmp_path / str(old) / "other.onnx"
        if old:
            path.parent.mkdir()
            path.write_bytes(old)
        with pytest.raises(InputError, match=r"differs from PyTorch on other by .* of 255 levels"):
            export_onnx("other", path, folder)
        assert [one.read_bytes() for one in path.parent.iterdir()] == ([old] if old else [])


def test_an_export_that_fails_is_said_and_leaves_nothing(folder, tmp_path, pretend):
    pretend(b"half", 1, "W1 a warning\nOSError: [Errno 28] No space left on device\n")
    with pytest.raises(InputError, match=r"mse could not be exported \(OSError: .* No space left"):
        export_onnx("mse", tmp_path / "mse.onnx", folder)
    pretend(b"half", -9)
    with pytest.raises(InputError, match="no reason given"):
        export_onnx("mse", tmp_path / "mse.onnx", folder)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_is_said_at_once(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("started the export"))
    with pytest.raises(InputError, match="'bicubic' is no network"):
        export_onnx("bicubic", tmp_path / "a.onnx", folder)
    with pytest.raises(InputError, match=r"no checkpoint '\.\./mse'"):
        export_onnx("../mse", tmp_path / "a.onnx", folder)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="Cannot write"):
        export_onnx("mse", tmp_path / "file" / "a.onnx", folder)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
