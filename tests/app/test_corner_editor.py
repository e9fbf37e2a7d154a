"""The corner editor: its HTML, and what its event brings."""

import json
import re
from html import unescape
from types import SimpleNamespace

import numpy as np
import pytest

from lpsr.app.language import LANGUAGES, Words
from lpsr.app.photo import editor

EN = Words()
BOX = np.array([[60, 50], [240, 50], [240, 110], [60, 110]], np.float32)
HOSTILE = '"><img src=x onerror="window.harm = 1">&'


def attribute(html, name):
    return unescape(re.search(rf'{name}="([^"]*)"', html)[1])


def test_what_comes_from_outside_is_escaped():
    html = editor.html(HOSTILE, (300, 160), BOX, EN, view=HOSTILE)
    assert "<img src=x" not in html
    assert attribute(html, "data-view") == attribute(html, "<img src") == HOSTILE


def test_corners_are_carried_exactly_and_reset_goes_to_the_first():
    corners = (BOX + np.float32(1 / 3)).astype(np.float32)
    html = editor.html("data:,", (300, 160), corners, EN, first=BOX)
    assert np.array_equal(np.float32(json.loads(attribute(html, "data-corners"))), corners)
    assert np.array_equal(json.loads(attribute(html, "data-first")), BOX)
    html = editor.html("data:,", (300, 160), corners, EN)
    assert attribute(html, "data-first") == attribute(html, "data-corners")


def test_sentences_keep_the_same_gaps_in_every_language():
    gaps = [re.findall(r"\{\w+\}", editor.html("data:,", (9, 9), BOX, Words(one))) for one in LANGUAGES]
    assert gaps[0] == gaps[1] == gaps[2] and {"{x}", "{height}"} < set(gaps[0])


def event(data):
    return SimpleNamespace(_data=data)


def test_four_points_are_taken():
    corners = editor.sent_corners(event({"corners": [[1, 2], [3.5, -4], [5, 6], [7, 8]]}))
    assert corners.dtype == np.float32 and corners.tolist() == [[1, 2], [3.5, -4], [5, 6], [7, 8]]


GOOD = [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    "corners",
    [
        None,
        "[[1, 2]]",
        7,
        {},
        [],
        GOOD,
        [*GOOD, [7]],
        [*GOOD, [7, 8, 9]],
        [*GOOD, 7],
        [*GOOD, "78"],
        [*GOOD, ["7", "8"]],
        [*GOOD, [None, 8]],
        [*GOOD, [True, 8]],
        [*GOOD, [[7], 8]],
        [*GOOD, [float("nan"), 8]],
        [*GOOD, [float("-inf"), 8]],
        [*GOOD, [10**400, 8]],
        [*GOOD, [1e300, 8]],
        [*GOOD, [7, 8], [9, 10]],
    ],
)
def test_anything_else_is_none(corners):
    assert editor.sent_corners(event({"corners": corners})) is None


@pytest.mark.parametrize("data", [None, [], "corners", {}, {"corner": GOOD}])
def test_an_event_without_corners_is_none(data):
    assert editor.sent_corners(event(data)) is None
