import hashlib
import json
import os
import stat

import pytest

from lpsr.errors import InputError
from lpsr.files import read_json, remove_leftovers, replacing, sha256, write_bytes, write_csv, write_json


def names(folder):
    return sorted(os.listdir(folder))


def test_a_file_appears_whole_in_folders_that_are_made(tmp_path):
    path = tmp_path / "a" / "b" / "file.bin"
    write_bytes(path, b"content")
    assert path.read_bytes() == b"content"
    assert names(path.parent) == ["file.bin"]
    assert sha256(path) == hashlib.sha256(b"content").hexdigest()


def test_a_failure_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.bin"
    write_bytes(path, b"old")
    with pytest.raises(RuntimeError, match="halfway"), replacing(path) as temporary:
        temporary.write_bytes(b"ha")
        assert path.read_bytes() == b"old"
        raise RuntimeError("halfway")
    assert path.read_bytes() == b"old" and names(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "file.bin"
    write_bytes(path, b"old")
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_bytes(b"ha")
        raise error
    assert path.read_bytes() == b"old" and names(tmp_path) == ["file.bin"]


def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    calls = []

    def fsync(descriptor):
        calls.append(("flush", os.fstat(descriptor).st_ino, os.fstat(descriptor).st_size))

    def rename(source, target):
        calls.append(("rename", os.stat(source).st_ino, os.stat(source).st_size))

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", rename)
    write_bytes(tmp_path / "file.bin", b"content")
    flush, renaming = calls
    assert flush == ("flush", *renaming[1:]) and flush[2] == 7


def test_a_full_disk_is_a_sentence(tmp_path):
    path = tmp_path / "file.bin"
    write_bytes(path, b"old")
    with pytest.raises(InputError, match=r"Cannot write .*file\.bin: No space left on device\."), replacing(path):
        raise OSError(28, "No space left on device")
    assert path.read_bytes() == b"old" and names(tmp_path) == ["file.bin"]


def test_where_nothing_can_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("a file, no folder")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "inside.json", tmp_path / "folder"):
        with pytest.raises(InputError, match="Cannot write"):
            write_json(path, {})
    assert names(tmp_path) == ["file", "folder"]


def test_the_temporary_keeps_the_suffix_and_the_file_the_usual_permissions(tmp_path):
    path = tmp_path / "picture.png"
    with replacing(path) as temporary:
        assert temporary.suffix == ".png" and temporary.parent == tmp_path
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_long_and_chinese_names(tmp_path):
    path = tmp_path / ("皖A12345" * 9 + ".json")
    write_json(path, {"text": "皖"})
    assert read_json(path) == {"text": "皖"} and names(tmp_path) == [path.name]


def test_json_is_readable_utf8(tmp_path):
    write_json(tmp_path / "a.json", {"text": "皖A12345", "values": [1, 2.5, None]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "皖A12345" in text and text.endswith("}\n")
    assert read_json(tmp_path / "a.json") == {"text": "皖A12345", "values": [1, 2.5, None]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_lacks_become_null(tmp_path, value):
    write_json(tmp_path / "a.json", {"psnr": value, "all": [1.5, (value, 2)]})
    assert read_json(tmp_path / "a.json") == {"psnr": None, "all": [1.5, [None, 2]]}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000])
def test_what_is_no_json_is_a_sentence(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=r"not valid JSON"):
        read_json(tmp_path / "a.json")


def test_json_that_is_missing_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="Cannot read"):
        read_json(tmp_path / "a.json")


def test_csv(tmp_path):
    write_csv(tmp_path / "a.csv", ["file", "text"], [{"file": "a,b.png", "text": "皖"}, {"file": "c"}])
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == 'file,text\n"a,b.png",皖\nc,\n'
    with pytest.raises(ValueError, match="other"):
        write_csv(tmp_path / "a.csv", ["file"], [{"other": 1}])
    assert json.dumps(names(tmp_path)) == '["a.csv"]'


@pytest.mark.parametrize("name", ["state.safetensors", "mse-2.1.json", "a" * 60 + ".png", "control"])
def test_what_a_killed_process_was_writing_can_be_removed(tmp_path, name):
    kept = [".lock", ".mine", ".gitignore", ".state.safetensors", "state.abcdefgh.json", name]
    for one in kept:
        (tmp_path / one).write_text("whole")
    with replacing(tmp_path / name) as temporary:
        remove_leftovers(tmp_path)
        assert not temporary.exists()
        temporary.write_text("again")
    assert names(tmp_path) == sorted(kept)
