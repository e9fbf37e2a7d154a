import io

import cv2
import numpy as np
import pytest
from PIL import Image

from lpsr.data.generator import CLEAN, generate
from lpsr.data.plates import open_plates
from lpsr.degrade import degrade, enlarge
from lpsr.images import bounding_crop, luma
from lpsr.metrics.degradation import MAPS, blur_map, compression_map, grid_phase, noise_map

NOISE = (0, 1, 2, 4, 8, 16, 32)
BLUR = (0, 0.5, 1, 1.5, 2, 3, 4, 6)
QUALITY = (90, 70, 50, 30, 15, 5)


def plate(seed, height=56, width=160):
    """A clean blue plate, drawn four times as large: border, seven strokes of characters, no noise, blur or JPEG."""
    draw = np.random.default_rng(seed)
    picture = np.full((4 * height, 4 * width, 3), (25, 70, 165), np.uint8)
    cv2.rectangle(picture, (10, 10), (4 * width - 11, 4 * height - 11), (235, 235, 240), 5)
    for i in range(7):
        character = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"[draw.integers(34)]
        place = int(36 + i * (4 * width - 60) / 7.2 + (12 if i > 1 else 0)), 4 * height - 50
        cv2.putText(picture, character, place, cv2.FONT_HERSHEY_SIMPLEX, height / 14, (238, 238, 242), 11)
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def noisy(picture, sigma):
    noise = np.random.default_rng(0).normal(0, sigma, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def blurred(picture, sigma):
    return cv2.GaussianBlur(picture, (0, 0), sigma) if sigma else picture


def compressed(picture, quality):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


PLATES = [plate(seed) for seed in range(8)]
LADDERS = [("noise", noisy, NOISE), ("blur", blurred, BLUR), ("compression", compressed, QUALITY)]


def means(name, pictures, degradation, ladder):
    function = MAPS[name].function
    return [float(np.median([function(degradation(picture, step)).mean() for picture in pictures])) for step in ladder]


@pytest.mark.parametrize(("name", "degradation", "ladder"), LADDERS)
def test_a_map_rises_with_its_own_degradation_on_rendered_plates(name, degradation, ladder):
    found = means(name, PLATES, degradation, ladder)
    assert (np.diff(found) > 0).all(), found


@pytest.mark.parametrize(("name", "degradation", "ladder"), LADDERS)
def test_a_map_rises_with_its_own_degradation_on_real_plates(ccpd_root, name, degradation, ladder):
    pictures = [one.hr() for one in open_plates(ccpd_root, "test")[10::17]]
    found = means(name, pictures, degradation, ladder)
    assert len(pictures) >= 30
    assert (np.diff(found) > 0).all(), found


@pytest.fixture(scope="module")
def generated():
    plates = [generate(0, index, style=CLEAN) for index in range(12)]
    return [np.ascontiguousarray(bounding_crop(one.picture, one.corners)) for one in plates]


@pytest.mark.parametrize(("name", "degradation", "ladder"), LADDERS)
def test_a_map_rises_with_its_own_degradation_on_generated_plates(generated, name, degradation, ladder):
    found = means(name, generated, degradation, ladder)
    assert (np.diff(found) > 0).all(), found


@pytest.mark.parametrize(("name", "limit"), [("noise", 0.15), ("blur", 0.1), ("compression", 0.01)])
def test_a_clean_generated_plate_is_near_zero(generated, name, limit):
    assert np.median([MAPS[name].function(picture).mean() for picture in generated]) < limit


@pytest.mark.parametrize(("name", "limit"), [("noise", 0.1), ("blur", 0.06), ("compression", 0.01)])
def test_a_clean_plate_is_near_zero(name, limit):
    assert np.median([MAPS[name].function(picture).mean() for picture in PLATES]) < limit


@pytest.mark.parametrize("sigma", [2, 5, 10, 20])
def test_noise_is_the_standard_deviation_on_luma(sigma):
    flat = np.full((56, 160, 3), 128, np.uint8)
    assert noise_map(noisy(flat, sigma)).mean() == pytest.approx(np.std(luma(noisy(flat, sigma))), rel=0.08)
    assert np.median([noise_map(noisy(one, sigma)).mean() for one in PLATES]) == pytest.approx(0.669 * sigma, rel=0.15)


def test_noise_is_local():
    picture = np.full((60, 200, 3), 128, np.uint8)
    picture[:, 100:] = noisy(picture[:, 100:], 15)
    found = noise_map(picture)
    assert found[:, :80].mean() < 1 < 8 < found[:, 120:].mean()


def test_blur_is_local():
    picture = np.zeros((60, 200, 3), np.uint8)
    picture[:, ::20] = picture[:, 1::20] = 255
    picture[:, 100:] = blurred(picture, 3)[:, 100:]
    found = blur_map(picture)
    assert found[:, :80].mean() < 0.1 < 0.4 < found[:, 120:].mean()


def test_a_step_has_no_blur_and_the_flat_areas_take_the_edges_blur():
    picture = np.zeros((40, 120, 3), np.uint8)
    picture[:, 60:] = 200
    assert blur_map(picture).max() < 1e-5
    soft = blur_map(blurred(picture, 4))
    assert soft[:, 60].mean() > 0.5
    assert soft[:, 5].mean() == pytest.approx(soft[:, 60].mean(), abs=0.1)


def test_compression_is_local():
    picture = np.hstack([plate(0), plate(1)])
    picture[:, :160] = compressed(picture, 10)[:, :160]
    found = compression_map(picture)
    assert found[:, :140].mean() > 4 * found[:, 180:].mean()


@pytest.mark.parametrize("quality", [90, 60, 20])
def test_the_grid_is_found_at_all_64_phases(quality):
    picture = compressed(plate(3, 64, 168), quality)
    for row in range(8):
        for column in range(8):
            phase, certainty = grid_phase(luma(picture[row : row + 56, column : column + 160]).astype(np.float32))
            assert phase == (-row % 8, -column % 8)
            assert certainty > 0


def test_the_grid_is_found_on_real_plates_compressed_again(ccpd_root):
    for i, one in enumerate(open_plates(ccpd_root, "test")[5::26]):
        row, column = divmod(i * 11 % 64, 8)
        framed = cv2.copyMakeBorder(one.hr(), 8, 8, 8, 8, cv2.BORDER_REPLICATE)
        phase, _ = grid_phase(luma(compressed(framed, 60)[row:, column:]).astype(np.float32))
        assert phase == (-row % 8, -column % 8)


def test_the_map_does_not_depend_on_where_the_grid_lies():
    picture = compressed(plate(2, 64, 168), 20)
    found = [compression_map(picture[k : k + 56, k : k + 160]).mean() for k in range(8)]
    assert min(found) > 0.7 * max(found) > 0


def test_no_grid_without_jpeg():
    for picture in PLATES:
        for other in (noisy(picture, 3), blurred(picture, 1.5), enlarge(degrade(picture))):
            assert compression_map(other).mean() < 0.1


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (7, 19), (8, 8), (8, 200), (57, 163)])
def test_shape_dtype_and_finite_values_at_any_size(name, size):
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    found = MAPS[name].function(picture)
    assert found.shape == size and found.dtype == np.float32
    assert np.isfinite(found).all() and found.min() >= 0
    if name != "noise":
        assert found.max() <= MAPS[name].range[1]


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("level", [0, 90, 255])
@pytest.mark.parametrize("size", [(8, 8), (56, 160)])
def test_a_flat_or_saturated_picture_is_zero(name, level, size):
    found = MAPS[name].function(np.full((*size, 3), level, np.uint8))
    assert found.dtype == np.float32 and not found.any()


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_picture_has_the_mirrored_map(name, axis):
    function = MAPS[name].function
    picture = compressed(noisy(plate(4, 59, 163), 3), 30)
    found = function(picture)
    assert found.any()
    np.testing.assert_allclose(
        function(np.ascontiguousarray(np.flip(picture, axis))), np.flip(found, axis), atol=2e-3 * MAPS[name].range[1]
    )


@pytest.mark.parametrize("name", MAPS)
def test_brightness_does_not_count_and_the_input_stays(name):
    function = MAPS[name].function
    grey = luma(compressed(noisy(np.clip(plate(5), 90, 150), 2), 40))
    picture, brighter = (np.repeat(values[..., None], 3, axis=2) for values in (grey, grey + np.uint8(20)))
    before = picture.copy()
    # Pillow's luma of a grey pixel is not always its value: rounding leaves a little.
    assert function(brighter).mean() == pytest.approx(function(picture).mean(), rel=0.03)
    np.testing.assert_array_equal(picture, before)


def test_the_registry_describes_itself():
    assert list(MAPS) == ["noise", "blur", "compression"]
    for name, one in MAPS.items():
        assert one.name == name and one.title and one.description.endswith(".")
        assert one.range[0] == 0 < one.range[1]
