"""The evaluation protocol is the paper's: bicubic ×8 on the real test split gives the paper's bicubic row."""

import numpy as np
import pytest

from lpsr.data.plates import open_plates
from lpsr.degrade import degrade, enlarge
from lpsr.metrics.fidelity import psnr, psnr_y, summarise


@pytest.fixture(scope="module")
def bicubic(ccpd_root):
    scores = []
    for plate in open_plates(ccpd_root, "test"):
        hr = plate.hr()
        sr = enlarge(degrade(hr))
        scores.append((psnr(hr, sr), psnr_y(hr, sr)))
    return np.array(scores)


@pytest.mark.parametrize(("column", "median", "std"), [(0, 18.61, 2.61), (1, 18.93, 2.65)], ids=["RGB", "luma"])
def test_bicubic_on_the_real_test_split_gives_the_protocols_figures(bicubic, column, median, std):
    assert len(bicubic) == 520
    summary = summarise(bicubic[:, column])
    assert summary["median"] == pytest.approx(median, abs=0.005)
    assert summary["std"] == pytest.approx(std, abs=0.005)
    assert summary["ci95"][0] < median < summary["ci95"][1]
