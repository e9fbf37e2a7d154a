import json
import math
import tracemalloc

import numpy as np
import pytest

from lpsr.errors import InputError
from lpsr.images import luma
from lpsr.metrics.fidelity import MAX_DB, Fidelity, fidelity, psnr, psnr_y, ssim_y, summarise


def random_picture(height=56, width=160, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def nearby(picture, sigma=12.0, seed=1):
    noise = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("metric", [psnr, psnr_y])
def test_psnr_of_identical_pictures_is_infinite(metric):
    picture = random_picture()
    assert metric(picture, picture.copy()) == math.inf


def test_psnr_by_hand():
    black = np.zeros((8, 8, 3), np.uint8)
    assert psnr(black, np.full_like(black, 255)) == 0
    one_channel_off_by_ten = black.copy()
    one_channel_off_by_ten[..., 1] = 10
    assert psnr(black, one_channel_off_by_ten) == pytest.approx(10 * math.log10(255**2 / (100 / 3)))
    # Pure green of 255 has luma 149.7, which Pillow cuts to 149.
    one_channel_off_by_ten[..., 1] = 255
    assert psnr_y(black, one_channel_off_by_ten) == pytest.approx(20 * math.log10(255 / 149))


@pytest.mark.parametrize("metric", [psnr, psnr_y, ssim_y])
def test_metrics_are_symmetric_and_fall_with_the_noise(metric):
    picture = random_picture()
    assert metric(picture, nearby(picture)) == pytest.approx(metric(nearby(picture), picture))
    ladder = [metric(picture, nearby(picture, sigma)) for sigma in (1, 4, 16, 64)]
    assert ladder == sorted(ladder, reverse=True)


@pytest.mark.parametrize("metric", [psnr, psnr_y, ssim_y])
def test_wrong_pictures_are_refused(metric):
    picture = random_picture()
    with pytest.raises(InputError, match="160 × 56 and 152 × 56"):
        metric(picture, picture[:, :152])
    with pytest.raises(InputError, match="three channels"):
        metric(picture[..., 0], picture[..., 0])
    with pytest.raises(InputError, match="three channels"):
        metric(picture[:0], picture[:0])
    with pytest.raises(TypeError, match="uint8"):
        metric(picture / 255, picture / 255)


@pytest.mark.parametrize("size", [(56, 160), (11, 11), (12, 200), (11, 64)])
@pytest.mark.parametrize("seed", [0, 1])
def test_psnr_and_ssim_equal_scikit_image(size, seed):
    reference_metrics = pytest.importorskip("skimage.metrics")
    picture = random_picture(*size, seed)
    other = nearby(picture, 20 + 40 * seed)
    assert psnr(picture, other) == pytest.approx(
        reference_metrics.peak_signal_noise_ratio(picture, other, data_range=255), abs=1e-9
    )
    expected = reference_metrics.structural_similarity(
        luma(picture),
        luma(other),
        win_size=11,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
    )
    assert ssim_y(picture, other) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("size", "window"), [((8, 40), 7), ((40, 9), 9), ((10, 10), 9), ((3, 3), 3), ((2, 30), 1)])
def test_ssim_of_a_plate_below_eleven_pixels_uses_the_largest_odd_window_that_fits(size, window):
    picture = random_picture(*size)
    other = nearby(picture, 30)
    x, y = luma(picture).astype(float), luma(other).astype(float)
    offsets = np.arange(window) - window // 2
    weights = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    values = []
    for top in range(size[0] - window + 1):
        for left in range(size[1] - window + 1):
            a, b = (v[top : top + window, left : left + window] for v in (x, y))
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            variance = (weights * (a - mean_a) ** 2).sum() + (weights * (b - mean_b) ** 2).sum()
            covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = 2.55**2, 7.65**2
            values.append(
                (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1) * (2 * covariance + c2) / (variance + c2)
            )
    assert ssim_y(picture, other) == pytest.approx(np.mean(values), abs=1e-9)


def test_ssim_extremes():
    picture = random_picture()
    assert ssim_y(picture, picture) == pytest.approx(1)
    assert ssim_y(picture, 255 - picture) < -0.9
    black, white = np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 255, np.uint8)
    assert ssim_y(black, white) == pytest.approx(2.55**2 / (255**2 + 2.55**2), rel=1e-6)


def test_fidelity_is_the_three_scores():
    picture = random_picture()
    other = nearby(picture)
    found = fidelity(picture, other)
    assert found == (psnr(picture, other), psnr_y(picture, other), ssim_y(picture, other))
    assert found == Fidelity(psnr=found[0], psnr_y=found[1], ssim_y=found[2])
    with pytest.raises(InputError, match="differ in size"):
        fidelity(picture, picture[:, :152])


def test_fidelity_is_capped_where_pictures_are_the_same_or_nearly():
    picture = np.full((200, 300, 3), 90, np.uint8)
    nearly = picture.copy()
    nearly[0, 0, 0] += 1
    assert MAX_DB < psnr(picture, nearly) < math.inf
    for other in (picture, nearly):
        found = fidelity(picture, other)
        assert found[:2] == (100.0, 100.0) and found.ssim_y == pytest.approx(1)
        json.dumps(found, allow_nan=False)


def test_summary_of_known_values():
    summary = summarise([1.0, 2.0, 3.0, 4.0])
    assert summary["median"] == 2.5
    assert summary["std"] == pytest.approx(math.sqrt(1.25))
    assert summarise([7.5]) == {"median": 7.5, "std": 0.0, "ci95": [7.5, 7.5]}


def test_summary_is_seeded_and_takes_any_iterable():
    values = np.random.default_rng(3).normal(20, 3, 100)
    assert summarise(values) == summarise(iter(values.tolist()))
    assert summarise(values, seed=1)["ci95"] != summarise(values, seed=2)["ci95"]


def test_the_interval_covers_the_true_median_about_95_times_in_100():
    draw = np.random.default_rng(0)
    intervals = [summarise(draw.normal(20, 3, 60), seed)["ci95"] for seed in range(100)]
    assert 88 <= sum(low <= 20 <= high for low, high in intervals) <= 99
    # Width of the median's interval for normal values: 2 · 1.96 · 1.2533 σ / √n.
    assert np.mean([high - low for low, high in intervals]) == pytest.approx(2 * 1.96 * 1.2533 * 3 / 60**0.5, rel=0.15)


def test_infinite_values_count_as_the_largest():
    summary = summarise([20.0, 21.0, 22.0, math.inf])
    assert summary["median"] == 21.5
    assert summary["std"] == pytest.approx(np.std([20, 21, 22]))
    assert summary["ci95"][0] == 20 and not any(map(math.isnan, summary["ci95"]))
    assert summarise([math.inf, math.inf]) == {"median": math.inf, "std": 0.0, "ci95": [math.inf, math.inf]}


@pytest.mark.parametrize("values", [[], [1.0, math.nan]])
def test_no_values_and_nan_are_refused(values):
    with pytest.raises(ValueError):
        summarise(values)


def test_a_large_summary_needs_little_memory():
    values = np.random.default_rng(0).normal(size=5000)
    tracemalloc.start()
    try:
        summarise(values)
        # All resamples at once would be 80 MB of indices and 80 MB of values.
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()
