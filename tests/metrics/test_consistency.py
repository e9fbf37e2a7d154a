"""Consistency against its definition, and HR as the yardstick."""

from dataclasses import replace

import numpy as np
import pytest

from lpsr.degrade import PAPER, PRESETS, Degradation, degrade, enlarge
from lpsr.errors import InputError
from lpsr.metrics.consistency import consistency

HR = np.random.default_rng(0).integers(0, 256, (56, 160, 3), dtype=np.uint8)
OTHER = np.random.default_rng(1).integers(0, 256, (56, 160, 3), dtype=np.uint8)


def test_it_is_the_root_mean_square_of_the_difference():
    lr = degrade(HR)
    found = consistency(OTHER, lr, PAPER)
    difference = degrade(OTHER).astype(float) - lr
    assert found.rmse == pytest.approx(np.sqrt((difference**2).mean()))
    assert found.map.shape == (7, 20) and found.map.dtype == np.float32
    np.testing.assert_allclose(found.map, np.sqrt((difference**2).mean(axis=2)), rtol=1e-5)
    assert np.sqrt((found.map.astype(float) ** 2).mean()) == pytest.approx(found.rmse, rel=1e-5)


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if not preset.noise])
def test_hr_fits_exactly_where_there_was_no_noise(name):
    found = consistency(HR, degrade(HR, PRESETS[name]), PRESETS[name])
    assert found.rmse == 0 and not found.map.any()


def test_hr_keeps_the_noise_as_its_distance():
    large = np.full((800, 800, 3), 128, np.uint8)
    noisy = Degradation(noise=6.0)
    assert consistency(large, degrade(large, noisy), noisy).rmse == pytest.approx(6, rel=0.02)
    # Whichever noise fell: a picture is not asked to repeat it.
    assert consistency(large, degrade(large, noisy), replace(noisy, seed=1)).rmse == pytest.approx(6, rel=0.02)


def test_one_wrong_level_in_one_channel_is_found_in_its_place():
    lr = degrade(HR)
    flat = np.full_like(lr, 100)
    changed = flat.copy()
    changed[3, 4, 1] += 3
    found = consistency(enlarge(flat, kernel="nearest"), changed, PAPER)
    assert found.map[3, 4] == pytest.approx(np.sqrt(3)) and (found.map > 0).sum() == 1


def test_black_against_white_does_not_wrap():
    white = np.full((7, 20, 3), 255, np.uint8)
    assert consistency(np.zeros((56, 160, 3), np.uint8), white, PAPER).rmse == 255


def test_another_size_is_refused():
    with pytest.raises(InputError, match="shape"):
        consistency(HR, degrade(HR)[:, 1:], PAPER)
