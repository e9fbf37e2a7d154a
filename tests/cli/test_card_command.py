"""``card``: names in, model cards beside the cards."""

from lpsr.cli import main


def test_all_are_written_and_what_is_broken_is_said(checkpoints, make_checkpoint, capsys):
    make_checkpoint(checkpoints, "photo")
    (checkpoints / "mse.json").write_text("{}", encoding="utf-8")
    assert main(["card", "--all", "--checkpoints", str(checkpoints)]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [str(checkpoints / f"{name}.md") for name in ("pecl-manhattan", "photo")]
    assert err.startswith("lpsr: ") and "mse.json" in err and err.count("\n") == 1
    assert sorted(path.stem for path in checkpoints.glob("*.md")) == ["pecl-manhattan", "photo"]
    assert "PHOTO" in (checkpoints / "photo.md").read_text(encoding="utf-8")


def test_one_is_written(checkpoints, capsys):
    assert main(["card", "mse", "--checkpoints", str(checkpoints)]) == 0
    assert capsys.readouterr().out == f"{checkpoints / 'mse.md'}\n"
    assert [path.name for path in checkpoints.glob("*.md")] == ["mse.md"]


def test_names_or_all(checkpoints, capsys):
    for arguments in ([], ["mse", "--all"]):
        assert main(["card", *arguments, "--checkpoints", str(checkpoints)]) == 2
        assert "--all" in capsys.readouterr().err
    assert not list(checkpoints.glob("*.md"))
