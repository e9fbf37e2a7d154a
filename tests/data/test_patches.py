"""Training patches: deterministic, degraded as the protocol says, rightly labelled."""

import numpy as np
import pytest

from lpsr.data.layout import BLUE
from lpsr.data.patches import NO_AUGMENTATION, Augmentation, PatchSampler, Source, load_sources, shown_characters
from lpsr.data.plates import open_plates
from lpsr.degrade import degrade
from lpsr.errors import InputError
from lpsr.plates import ALPHABET

TEXT = "皖A12345"


def plate(width: int = 440, height: int = 140, text: str | None = TEXT, seed: int = 0) -> Source:
    """A plate that fills its picture, seen straight on: 1 mm is 1 pixel."""
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    return Source(picture, corners, text)


def shift(x: float, y: float) -> np.ndarray:
    """The affine map of a patch whose top left corner is at (x, y) of the picture."""
    return np.array([[1.0, 0, -x], [0, 1, -y]])


def labels(size: tuple[int, int], x: float, y: float, text: str | None = TEXT) -> dict[str, float]:
    values = shown_characters(plate(text=text), shift(x, y), size)
    assert values.shape == (65,) and values.dtype == np.float32
    return {character: value for character, value in zip(ALPHABET, values, strict=True) if value != 0}


def test_a_patch_depends_on_seed_iteration_and_place_alone():
    sources = [plate(seed=number) for number in range(3)]
    first, second = (PatchSampler([(sources, 1)], (64, 64), seed=5, augmentation=Augmentation()) for _ in range(2))
    second.batch(0, range(4))
    expected = first.batch(7, range(6))
    # Drawn in another order, and by two processes.
    parts = [second.batch(7, range(3, 6)), second.batch(7, range(3))]
    for whole, (high, low) in zip(expected, zip(*parts, strict=True), strict=True):
        assert np.array_equal(whole, np.concatenate([low, high]))
    hr = expected[0]
    assert not np.array_equal(hr[0], hr[1])
    assert not np.array_equal(hr, first.batch(8, range(6))[0])
    assert not np.array_equal(hr, PatchSampler([(sources, 1)], (64, 64), 6, Augmentation()).batch(7, range(6))[0])


def test_lr_is_the_degraded_hr(plate_folder):
    sampler = PatchSampler([(load_sources(open_plates(plate_folder, "train")), 1)], (64, 96), 1, Augmentation())
    hr, lr = sampler.batch(0, range(5))
    assert hr.shape == (5, 64, 96, 3) and lr.shape == (5, 8, 12, 3)
    assert hr.dtype == lr.dtype == np.uint8
    assert all(np.array_equal(small, degrade(large)) for large, small in zip(hr, lr, strict=True))


def test_without_augmentation_a_patch_is_a_cut_of_the_picture():
    source = plate()
    sampler = PatchSampler([([source], 1)], (64, 64), 2, NO_AUGMENTATION)
    for place in range(5):
        patch, _, matrix = sampler.patch(0, place)
        x, y = (-matrix[:, 2]).astype(int)
        assert np.array_equal(patch, source.picture[y : y + 64, x : x + 64])


def test_colour_augmentation_stays_near_and_changes_something():
    grey = Source(np.full((140, 440, 3), 128, np.uint8), plate().corners, None)
    sampler = PatchSampler([([grey], 1)], (64, 64), 0, Augmentation(geometric=0))
    levels = np.array([sampler.patch(0, place)[0][0, 0] for place in range(200)]).astype(int)
    assert np.abs(levels - 128).max() <= 21
    assert levels.std() > 5


def test_characters_wholly_inside_are_shown_and_others_are_not():
    (left, _, _, _), (_, _, right, _) = BLUE.boxes[2], BLUE.boxes[3]
    assert labels((140, int(right - left) + 2), left - 1, 0) == {"1": 1, "2": 1}


def test_a_character_half_inside_is_unknown():
    left, _, right, _ = BLUE.boxes[2]
    found = labels((140, 300), (left + right) / 2, 0)
    assert np.isnan(found.pop("1"))
    assert found == {"2": 1, "3": 1, "4": 1, "5": 1}


@pytest.mark.parametrize(("share", "expected"), [(0.75, 1), (0.65, np.nan), (0.35, np.nan), (0.25, 0)])
def test_the_visible_share_decides(share, expected):
    left, _, right, _ = BLUE.boxes[6]
    values = shown_characters(plate(), shift(left + (1 - share) * (right - left), 0), (140, 100))
    np.testing.assert_equal(values[ALPHABET.index("5")], np.float32(expected))


def test_the_clearest_of_two_equal_characters_decides():
    left, _, right, _ = BLUE.boxes[2]
    # The first 1 is half visible; the second whole, then also half, then out of sight.
    start = (left + right) / 2
    assert labels((140, 300), start, 0, "皖A12341")["1"] == 1
    half = (BLUE.boxes[6][0] + BLUE.boxes[6][2]) / 2 - start
    assert np.isnan(labels((140, int(half)), start, 0, "皖A12341")["1"])
    assert np.isnan(labels((140, 60), start, 0, "皖A12341")["1"])


def test_a_plate_of_unknown_text_labels_nothing():
    assert np.isnan(shown_characters(plate(text=None), shift(0, 0), (64, 64))).all()


def test_labels_fit_the_generators_own_characters(plate_folder):
    sources = load_sources(open_plates(plate_folder, "train"))
    height, width = sources[0].picture.shape[:2]
    values = shown_characters(sources[0], shift(0, 0), (height, width))
    assert {ALPHABET[i] for i in np.flatnonzero(values)} == set(sources[0].text)


def test_groups_are_drawn_by_their_shares():
    groups = [([plate(seed=1)], 3.0), ([], 5.0), ([plate(seed=2)], 1.0)]
    sampler = PatchSampler(groups, (8, 8), 0)
    drawn = [sampler.patch(0, place)[1] is groups[0][0][0] for place in range(2000)]
    assert np.mean(drawn) == pytest.approx(0.75, abs=0.03)


def test_a_small_picture_is_mirrored_not_padded():
    source = plate(40, 20)
    bright = Source(np.maximum(source.picture, 100), source.corners, None)
    patch, _, _ = PatchSampler([([bright], 1)], (64, 64), 0, Augmentation(0.0, 0, 0, 0, 0, 0)).patch(0, 0)
    assert patch.min() >= 100
    assert {tuple(pixel) for pixel in patch.reshape(-1, 3)} <= {tuple(pixel) for pixel in bright.picture.reshape(-1, 3)}


def test_plates_without_corners_count_whole_and_bad_texts_as_unknown(plate_folder, tmp_path):
    (tmp_path / "index.csv").write_text("file,text,split\np.jpg,not a plate,train\n", encoding="utf-8")
    (tmp_path / "p.jpg").write_bytes(open_plates(plate_folder)[0].path.read_bytes())
    (source,) = load_sources(open_plates(tmp_path))
    height, width = source.picture.shape[:2]
    assert source.text is None
    assert source.corners.tolist() == [[0, 0], [width, 0], [width, height], [0, height]]


@pytest.mark.parametrize("groups", [[], [([], 1.0)], [([plate()], 0.0)]])
def test_nothing_to_train_on_is_said(groups):
    with pytest.raises(InputError, match="no plates"):
        PatchSampler(groups)
