"""``onnx``: a checkpoint in, an ONNX file and two lines out."""

import onnxruntime

from lpsr.cli import main


def test_onnx_writes_the_file_and_says_how_near_it_is(checkpoints, tmp_path, capfd):
    path = tmp_path / "out" / "mse.onnx"
    assert main(["onnx", "mse", str(path), "--checkpoints", str(checkpoints)]) == 0
    out, err = capfd.readouterr()
    first, second = out.splitlines()
    assert first.startswith(f"{path}: ") and first.endswith(" MB")
    assert second.startswith("Differs from PyTorch by ") and "1 × 1 × 1, " in second
    assert err == ""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["name"] == "mse"


def test_what_is_no_network_is_said_with_what_there_is(checkpoints, tmp_path, capsys):
    for name, words in (("bicubic", "no network"), ("vgg", "there are: bicubic, mse, pecl-manhattan.")):
        assert main(["onnx", name, str(tmp_path / "a.onnx"), "--checkpoints", str(checkpoints)]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("lpsr: ") and words in err and err.count("\n") == 1
    assert not (tmp_path / "a.onnx").exists()
