"""The generator: reproducible, truthful about where things are, and safe with folders."""

import json
import math
from dataclasses import replace
from itertools import combinations

import cv2
import numpy as np
import pytest

from lpsr.data.generator import CLEAN, Range, Style, generate, just, synthesize, write_gallery
from lpsr.data.generator.glyphs import character_mask
from lpsr.data.layout import character_quads
from lpsr.data.plates import open_plates
from lpsr.errors import InputError
from lpsr.plates import ALPHABET, PROVINCES, is_plate

TURNED = replace(CLEAN, tilt=just(5), turn=just(25), pitch=just(10))


def filled(quad, picture, grow=0.0):
    """A boolean mask of a quadrilateral (pixel i covers [i, i + 1)), moved outwards by ``grow`` pixels."""
    quad = np.float64(quad)
    outward = quad - quad.mean(0)
    quad = quad + np.sign(outward) * grow
    mask = cv2.fillPoly(
        np.zeros(picture.shape[:2], np.uint8), [np.rint((quad - 0.5) * 16).astype(int)], 1, cv2.LINE_8, 4
    )
    return mask.astype(bool)


def is_sheet(picture):
    """Where a picture has the blue of a plate: blue far above red."""
    return picture[..., 2].astype(int) - picture[..., 0] > 80


def test_same_seed_and_index_give_the_same_bytes_in_any_order():
    style = Style(kind="mixed")
    forward = [generate(7, index, style=style) for index in range(6)]
    for index in reversed(range(6)):
        again = generate(7, index, style=style)
        assert again.picture.tobytes() == forward[index].picture.tobytes()
        assert again.corners.tobytes() == forward[index].corners.tobytes()
        assert again.text == forward[index].text


def test_other_seeds_and_indices_give_other_plates():
    pictures = [generate(seed, index).picture.tobytes() for seed in range(3) for index in range(3)]
    assert len(set(pictures)) == 9


@pytest.mark.parametrize("kind", ["blue", "green"])
def test_a_plate_says_what_it_is(kind):
    plates = [generate(3, index, style=Style(kind=kind)) for index in range(31)]
    assert {plate.kind for plate in plates} == {kind}
    assert {len(plate.text) for plate in plates} == {7 if kind == "blue" else 8}
    assert all(is_plate(plate.text) for plate in plates)
    assert {plate.text[0] for plate in plates} == set(PROVINCES)


def test_default_plates_look_like_ccpd_in_size_and_stay_in_the_picture():
    plates = [generate(11, index) for index in range(60)]
    widths = [np.ptp(plate.corners[:, 0]) for plate in plates]
    assert 140 < np.median(widths) < 170
    for plate in plates:
        height, width = plate.picture.shape[:2]
        assert plate.picture.dtype == np.uint8 and plate.corners.dtype == np.float32
        assert (plate.corners > 2).all() and (plate.corners < (width - 2, height - 2)).all()


@pytest.mark.parametrize("style", [CLEAN, TURNED], ids=["straight", "turned"])
def test_the_sheet_ends_where_the_corners_say(style):
    # Large enough for 3 pixels of sheet between the edge and the frame line; none of these cars is blue.
    for index in range(4):
        plate = generate(5, index, style=replace(style, width=just(460)))
        sheet = is_sheet(plate.picture)
        near = {grow: filled(plate.corners, plate.picture, grow) for grow in (-2.2, -0.8, 0.8, 2.2)}
        assert sheet[near[-0.8] & ~near[-2.2]].mean() > 0.9
        assert sheet[near[2.2] & ~near[0.8]].mean() < 0.1


@pytest.mark.parametrize("text", ["皖A8B0H6", "京CD84H6B"])
def test_character_quads_hold_the_strokes(text):
    plate = generate(2, 0, text=text, style=TURNED)
    grey = plate.picture.astype(int).sum(2)
    ink = grey > 450 if len(text) == 7 else grey < 180
    boxes = [filled(quad, plate.picture) for quad in plate.character_quads]
    assert all(0.2 < ink[box].mean() < 0.75 for box in boxes)
    # Between neighbours (their boxes' gap, without the blur at their edges) there is no ink.
    grown = [filled(quad, plate.picture, grow=0.8) for quad in plate.character_quads]
    row = [
        plate.character_quads[2][0],
        plate.character_quads[-1][1],
        plate.character_quads[-1][2],
        plate.character_quads[2][3],
    ]
    gaps = filled(row, plate.picture, grow=-2) & ~np.logical_or.reduce(grown)
    assert gaps.sum() > 50 and ink[gaps].mean() < 0.02


def test_character_quads_are_the_layouts():
    plate = generate(4, 4)
    np.testing.assert_array_equal(plate.character_quads, character_quads(plate.text, plate.corners))


def test_the_requested_text_is_drawn():
    one, other = (generate(1, 1, text=text, style=CLEAN) for text in ("粤B88888", "粤B81888"))
    changed = np.abs(one.picture.astype(int) - other.picture).sum(2) > 60
    box = filled(one.character_quads[3], one.picture, grow=2)
    assert changed[box].mean() > 0.1 and not changed[~box].any()


def test_every_character_has_a_shape_of_its_own():
    masks = {character: character_mask(character, 45, 90).astype(float) / 255 for character in ALPHABET}
    assert all(0.08 < mask.mean() < 0.75 for mask in masks.values())
    for one, other in combinations(ALPHABET, 2):
        assert np.abs(masks[one] - masks[other]).mean() > 0.03, (one, other)


def test_characters_fill_their_box():
    for character in set(ALPHABET) - {"1"}:
        mask = character_mask(character, 45, 90) > 100
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert rows[0] <= 2 and rows[-1] >= 87, character
        assert columns[0] <= 4 and columns[-1] >= 40, character


def test_style_asks_for_province_tilt_and_sharpness():
    plate = generate(1, 5, style=replace(CLEAN, province="藏", tilt=just(8), width=just(180)))
    assert plate.text[0] == "藏"
    across = plate.corners[1] - plate.corners[0]
    assert np.degrees(np.arctan2(across[1], across[0])) == pytest.approx(8, abs=0.1)
    assert np.ptp(plate.corners[:, 0]) == pytest.approx(180, abs=0.01)
    sharp, soft = (generate(1, 5, style=replace(CLEAN, defocus=just(sigma))).picture for sigma in (0, 1.5))
    assert cv2.Laplacian(soft, cv2.CV_64F).std() < 0.5 * cv2.Laplacian(sharp, cv2.CV_64F).std()


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [("exposure", 0.6, 1.2), ("dirt", 0.0, 0.8), ("wear", 0.0, 0.35), ("noise", 0.0, 5.0), ("jpeg", 25, 101)],
)
def test_each_quantity_acts(field, low, high):
    one, other = (generate(1, 5, style=replace(CLEAN, **{field: just(value)})).picture for value in (low, high))
    assert np.abs(one.astype(int) - other).mean() > 0.5


def test_range_draws_within_and_around_its_mode():
    rng = np.random.default_rng(0)
    values = [Range(10, 30, 12).draw(rng) for _ in range(2000)]
    assert min(values) >= 10 and max(values) <= 30
    # A triangular distribution's mean is (low + mode + high) / 3.
    assert np.mean(values) == pytest.approx(52 / 3, abs=0.4)
    assert just(4).draw(rng) == 4


@pytest.mark.parametrize("arguments", [{"kind": "red"}, {"province": "A"}, {"width": Range(5, 100)}])
def test_unusable_styles_are_refused(arguments):
    with pytest.raises(InputError):
        Style(**arguments)


def test_unusable_requests_are_refused():
    with pytest.raises(InputError, match="not a plate text"):
        generate(1, 1, text="皖AO1234")
    with pytest.raises(InputError, match="negative"):
        generate(-1, 0)


def test_a_folder_round_trips(tmp_path):
    calls = []
    folder = synthesize(tmp_path / "plates", 5, 9, suffix=".png", progress=lambda *call: calls.append(call))
    plates = open_plates(folder)
    assert len(plates) == 5 and {plate.split for plate in plates} == {"train"}
    assert calls == [(number, 5) for number in range(1, 6)]
    for index, plate in enumerate(plates):
        known = generate(9, index)
        assert plate.text == known.text
        np.testing.assert_array_equal(plate.picture(), known.picture)
        np.testing.assert_allclose(plate.corners, known.corners, atol=0.006)
        np.testing.assert_allclose(json.loads(plate.extra["char_quads"]), known.character_quads, atol=0.006)
        assert plate.extra["kind"] == "blue"
        assert min(plate.hr().shape[:2]) >= 8


def test_hr_is_every_pixel_that_the_plate_touches(tmp_path):
    folder = synthesize(tmp_path / "plates", 6, 9, suffix=".png")
    for plate in open_plates(folder):
        # Pixel i covers [i, i + 1): a plate from x0 to x1 touches the pixels from floor(x0) to ceil(x1) - 1.
        (x0, y0), (x1, y1) = np.floor(plate.corners.min(0)).astype(int), np.ceil(plate.corners.max(0)).astype(int)
        np.testing.assert_array_equal(plate.hr(multiple=1), plate.picture()[y0:y1, x0:x1])


def test_the_same_request_writes_the_same_folder(tmp_path):
    first, second = (synthesize(tmp_path / name, 3, 4) for name in "ab")
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(files) == 4
    assert all((first / file).read_bytes() == (second / file).read_bytes() for file in files)


def test_splits_have_their_shares_and_no_text_in_common(tmp_path):
    folder = synthesize(tmp_path / "plates", 40, 1, split={"train": 0.8, "val": 0.1, "test": 0.1})
    texts = {name: [plate.text for plate in open_plates(folder, name)] for name in ("train", "val", "test")}
    assert {name: len(found) for name, found in texts.items()} == {"train": 32, "val": 4, "test": 4}
    assert len(set().union(*texts.values())) == 40


def test_texts_do_not_repeat(tmp_path, monkeypatch):
    """Two plates of the same text are one too many, whatever splits they would fall into."""
    monkeypatch.setattr("lpsr.data.generator.folder.generate", lambda seed, index, style: generate(seed, index // 2))
    plates = open_plates(synthesize(tmp_path / "plates", 4, 1))
    assert [plate.text for plate in plates] == [generate(1, index).text for index in range(4)]


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="already holds something"):
        synthesize(tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_failure_leaves_nothing_behind(tmp_path):
    def interrupt(done, count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesize(tmp_path / "plates", 2, progress=interrupt)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        {"count": 0},
        {"seed": -1},
        {"suffix": ".gif"},
        {"split": ""},
        {"split": {}},
        *({"split": {"train": 1.0, "test": share}} for share in (0, -1, math.inf, math.nan)),
        {"split": {"train": 1e308, "test": 1e308}},
    ],
)
def test_senseless_requests_are_refused(tmp_path, arguments):
    with pytest.raises(InputError):
        synthesize(tmp_path / "plates", **({"count": 2} | arguments))
    assert not list(tmp_path.iterdir())


def test_the_gallery_is_varied_and_small(tmp_path):
    plates = open_plates(write_gallery(tmp_path / "gallery"))
    assert len(plates) == 28
    assert len({plate.text[0] for plate in plates}) == 28
    assert {plate.extra["kind"] for plate in plates} == {"blue", "green"}
    assert all(plate.extra["caption"] for plate in plates)
    assert all(140 <= np.ptp(plate.corners[:, 0]) <= 221 for plate in plates)
    assert sum(plate.path.stat().st_size for plate in plates) < 2.5e6
