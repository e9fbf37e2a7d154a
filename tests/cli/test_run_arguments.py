"""``--data DIR[@SPLIT][:SHARE]`` of the training verbs, odd paths included."""

import argparse

import pytest

from lpsr.cli.runs import add_data, recipe_values


def data(*texts: str) -> list[dict]:
    parser = argparse.ArgumentParser()
    add_data(parser)
    args = parser.parse_args([part for text in texts for part in ("--data", text)])
    return recipe_values(args, {}, ())["data"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("plates", {"folder": "plates"}),
        ("plates:0.3", {"folder": "plates", "share": 0.3}),
        ("plates@val", {"folder": "plates", "split": "val"}),
        ("/a/plates@val:2", {"folder": "/a/plates", "split": "val", "share": 2.0}),
        # Signs of a path's own, that exists or not.
        ("/home/me@work/plates", {"folder": "/home/me@work/plates"}),
        ("/home/me@work/plates@val:1", {"folder": "/home/me@work/plates", "split": "val", "share": 1.0}),
        ("C:\\plates", {"folder": "C:\\plates"}),
        ("plates:", {"folder": "plates:"}),
        ("plates@", {"folder": "plates@"}),
        ("@val", {"folder": "@val"}),
        ("a" * 5000, {"folder": "a" * 5000}),
        ("a\0b", {"folder": "a\0b"}),
    ],
)
def test_a_source_is_taken_apart(text, values):
    assert data(text) == [values]


@pytest.mark.parametrize("name", ["mine@val", "mine:0.5", "mine@val:2", "12:30"])
def test_a_folder_that_is_there_is_taken_by_its_whole_name(tmp_path, monkeypatch, name):
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert data(name, f"{name}:0.25", f"{name}@test") == [
        {"folder": name},
        {"folder": name, "share": 0.25},
        {"folder": name, "split": "test"},
    ]
