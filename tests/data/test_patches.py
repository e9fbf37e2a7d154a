"""Training patches: deterministic, degraded as the protocol says, rightly labelled."""

import numpy as np
import pytest

from lpsr.data.layout import BLUE
from lpsr.data.patches import (
    NO_AUGMENTATION,
    Augmentation,
    PatchSampler,
    Source,
    WholePlateSampler,
    load_sources,
    shown_characters,
)
from lpsr.data.plates import open_plates
from lpsr.degrade import degrade
from lpsr.errors import InputError
from lpsr.images import bounding_crop, crop_to_multiple
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


def in_picture(width: int, height: int, margin: int = 10, seed: int = 0) -> Source:
    """A plate whose corners name pixels, as CCPD's do, with ``margin`` pixels of its picture around it."""
    shape = height + 2 * margin, width + 2 * margin, 3
    picture = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    right, bottom = margin + width - 1, margin + height - 1
    return Source(picture, np.float32([[margin, margin], [right, margin], [right, bottom], [margin, bottom]]), TEXT)


def smooth(width: int, height: int, margin: int = 10) -> Source:
    """A plate that is black at its left and white at its right end, in grey."""
    source = in_picture(width, height, margin)
    ramp = np.clip((np.arange(source.picture.shape[1]) - margin) / (width - 1), 0, 1) * 255
    picture = np.full_like(source.picture, 128)
    picture[margin : margin + height] = ramp.astype(np.uint8)[None, :, None]
    return source._replace(picture=picture)


class TestWholePlates:
    def test_a_batch_depends_on_seed_iteration_and_places_alone(self, plate_folder):
        sources = load_sources(open_plates(plate_folder))
        first, second = (WholePlateSampler([(sources, 1)], 5, Augmentation()) for _ in range(2))
        # Drawn in another order, and by two processes.
        second.batch(2, range(4))
        parts = [second.batch(7, range(3, 6)), second.batch(7, range(3))]
        expected = first.batch(7, range(6))
        for whole, (high, low) in zip(expected, zip(*parts, strict=True), strict=True):
            assert np.array_equal(whole, np.concatenate([low, high]))
        other = WholePlateSampler([(sources, 1)], 6, Augmentation())
        assert any(
            first.size_of(i) != other.size_of(i) or not np.array_equal(first.batch(i, [0])[0], other.batch(i, [0])[0])
            for i in range(3)
        )

    def test_every_patch_is_what_the_protocol_cuts_but_for_two_pixels(self):
        sources = [in_picture(width, 53, seed=width) for width in (90, 117, 160)]
        sampler = WholePlateSampler([(sources, 1)], 0, NO_AUGMENTATION)
        sizes, shifts = set(), set()
        for iteration in range(30):
            patch, source, matrix = sampler.patch(iteration, 0)
            crop = crop_to_multiple(bounding_crop(source.picture, source.corners), 8)
            assert patch.shape == crop.shape and patch.shape[:2] == sampler.size_of(iteration)
            y, x = (-matrix[::-1, 2]).astype(int)
            assert np.array_equal(patch, source.picture[y : y + patch.shape[0], x : x + patch.shape[1]])
            sizes.add(patch.shape[:2])
            shifts |= {y - 10, x - 10}
        assert sizes == {(48, 88), (48, 112), (48, 160)}
        assert shifts == {-2, -1, 0, 1, 2}

    def test_lr_is_the_degraded_hr(self, plate_folder):
        sampler = WholePlateSampler([(load_sources(open_plates(plate_folder, "train")), 1)], 1, Augmentation())
        hr, lr = sampler.batch(0, range(5))
        height, width = sampler.size_of(0)
        assert hr.shape == (5, height, width, 3) and lr.shape == (5, height // 8, width // 8, 3)
        assert all(np.array_equal(small, degrade(large)) for large, small in zip(hr, lr, strict=True))

    def test_a_scaled_plate_fills_the_patch_from_end_to_end(self):
        # Of the two sizes each is within reach of the other.
        sources = [smooth(104, 48), smooth(112, 48)]
        flat = Augmentation(geometric=1.0, rotation=0, brightness=0, contrast=0, colour=0)
        sampler = WholePlateSampler([(sources, 1)], 0, flat)
        drawn = set()
        for place in range(20):
            patch, source, matrix = sampler.patch(0, place)
            drawn.add(source.picture.shape)
            assert not np.array_equal(matrix[:, :2], np.eye(2))
            middle = patch[patch.shape[0] // 2, :, 0].astype(int)
            # Shifted by two pixels, and up to seven are cut off at the right.
            assert middle[0] <= 10 and middle[-1] >= 255 * (1 - 10 / 104)
        assert len(drawn) == 2

    def test_plates_out_of_reach_are_not_scaled_where_there_are_others(self):
        near = [in_picture(100 + k % 3, 48, seed=k) for k in range(20)]
        sampler = WholePlateSampler([([*near, in_picture(300, 90)], 1)], 0, Augmentation(geometric=1.0))
        far = 0
        for iteration in range(60):
            width = sampler.size_of(iteration)[1]
            drawn = [sampler.patch(iteration, place)[1].picture.shape[1] - 20 for place in range(4)]
            if width < 200:
                assert max(drawn) < 110
            else:
                far += 1
        # A size that few have takes the nearest there are.
        assert far and sampler.patch(0, 0)[0].shape[:2] == sampler.size_of(0)

    def test_half_of_the_patches_are_copied_pixels(self):
        sampler = WholePlateSampler([([in_picture(104, 48, seed=k) for k in range(5)], 1)], 3, Augmentation())
        copied = [np.array_equal(sampler.patch(0, place)[2][:, :2], np.eye(2)) for place in range(400)]
        assert np.mean(copied) == pytest.approx(0.5, abs=0.08)

    def test_plates_and_sizes_are_drawn_by_the_shares_of_their_groups(self):
        groups = [([in_picture(104, 48)], 3.0), ([], 5.0), ([in_picture(160, 64)], 1.0)]
        sampler = WholePlateSampler(groups, 0)
        first = groups[0][0][0]
        drawn = [[sampler.patch(i, place)[1] is first for place in range(3)] for i in range(1000)]
        sizes = [sampler.size_of(i) == (48, 104) for i in range(1000)]
        assert np.mean(sizes) == pytest.approx(0.75, abs=0.05)
        assert np.mean(drawn, 0) == pytest.approx(0.75, abs=0.05)
        # No place is bound to the group that gave the size.
        assert np.abs([np.corrcoef(sizes, column)[0, 1] for column in np.transpose(drawn)]).max() < 0.15

    @pytest.mark.parametrize(
        ("corners", "size"),
        [
            ([[-5, 4], [60, 4], [60, 43], [-5, 43]], (40, 56)),
            ([[50, 4], [900, 4], [900, 43], [50, 43]], (40, 48)),
            ([[500, 500], [520, 500], [520, 510], [500, 510]], (8, 8)),
            ([[20, 20], [23, 20], [23, 22], [20, 22]], (8, 8)),
        ],
        ids=["left of the picture", "right of it", "outside", "a speck"],
    )
    def test_impossible_corners_still_give_a_patch(self, corners, size):
        source = in_picture(80, 40)._replace(corners=np.float32(corners))
        sampler = WholePlateSampler([([source], 1)], 0, Augmentation())
        assert sampler.size_of(0) == size
        assert sampler.batch(0, range(6))[0].shape == (6, *size, 3)

    def test_a_photo_without_corners_is_not_trained_on_at_its_full_size(self):
        sampler = WholePlateSampler([([plate(1300, 700)], 1)], 0)
        hr, lr = sampler.batch(0, range(1))
        assert hr.shape == (1, 512, 512, 3) and lr.shape == (1, 64, 64, 3)

    def test_labels_are_of_the_patch_as_it_is(self):
        sampler = WholePlateSampler([([plate(440, 140)], 1)], 0, NO_AUGMENTATION)
        _, labels = sampler.labelled_batch(0, range(3))
        assert all({ALPHABET[i] for i in np.flatnonzero(one)} == set(TEXT) for one in labels)

    def test_texts_come_with_their_plates(self):
        texts = ["皖A00001", "皖A00002", None]
        sources = [in_picture(104, 48, seed=k)._replace(text=text) for k, text in enumerate(texts)]
        sampler = WholePlateSampler([(sources, 1)], 0)
        hr, read = sampler.read_batch(0, range(12))
        assert set(read) == set(texts)
        assert [sampler.patch(0, place)[1].text for place in range(12)] == read
        assert np.array_equal(hr, sampler.batch(0, range(12))[0])

    def test_nothing_to_train_on_is_said(self):
        with pytest.raises(InputError, match="no plates"):
            WholePlateSampler([([], 1.0)])
