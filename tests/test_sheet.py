"""The sheet: what it must show, whatever the comparison."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from lpsr.compare import compare
from lpsr.data.generator import generate
from lpsr.degrade import PRESETS, enlarge
from lpsr.evidence import Support, Verdict
from lpsr.readers import Reading
from lpsr.sheet import sheet

TEXT = "皖A12345"


def reading(text: str = TEXT, confidences: tuple[float, ...] | None = None, raw: str = "A·12345") -> Reading:
    return Reading(raw, text, 0.9, confidences or (0.9,) * len(text), "test reader", 0.8)


@pytest.fixture(scope="module")
def comparison():
    return compare(generate(1, 3, text=TEXT).picture, ["bicubic"], text=TEXT)


def read(comparison, *args, **options):
    results = tuple(replace(one, reading=reading(*args, **options)) for one in comparison.results)
    return replace(comparison, results=results)


def holds(page: np.ndarray, picture: np.ndarray) -> bool:
    """Whether ``picture`` lies somewhere in ``page``, pixel by pixel."""
    _, _, (x, y), _ = cv2.minMaxLoc(cv2.matchTemplate(page, picture, cv2.TM_SQDIFF))
    return np.array_equal(page[y : y + picture.shape[0], x : x + picture.shape[1]], picture)


def test_every_picture_is_there_enlarged_by_one_whole_factor(comparison):
    page = sheet(comparison)
    assert page.dtype == np.uint8 and page.shape[2] == 3
    width = comparison.hr.shape[1]
    factor = -(-400 // width)
    for result in comparison.results:
        assert holds(page, result.picture.repeat(factor, 0).repeat(factor, 1)), result.name
    assert holds(page, comparison.lr), "LR at its true size"


def test_it_is_on_white_and_always_the_same(comparison):
    page = sheet(comparison)
    for edge in (page[:30], page[-30:], page[:, :30], page[:, -30:]):
        assert (edge == 255).all()
    assert np.array_equal(page, sheet(comparison))


def changed(first: np.ndarray, second: np.ndarray) -> bool:
    return first.shape != second.shape or not np.array_equal(first, second)


def test_numbers_names_readings_and_passport_are_written(comparison):
    whole = read(comparison)
    page = sheet(whole)
    result = whole.results[-1]
    facts = {"plates": 9, "split": "test", "n": 50, "share": 0.96, "low": 0.87, "high": 0.99}
    verdict = Verdict("A", (Support((), "A", 0.9, "reliable"),), facts, "", ())
    others = {
        "title": replace(result, title="Other"),
        "psnr": replace(result, psnr=result.psnr + 1),
        "ssim": replace(result, ssim_y=result.ssim_y + 0.1),
        "consistency": replace(result, consistency=result.consistency._replace(rmse=99.0)),
        "raw": replace(result, reading=reading(raw="B")),
        "weak": replace(result, reading=reading(confidences=(0.9, 0.2, *[0.9] * 5))),
        "wrong": replace(result, reading=reading("皖A12346")),
    }
    for name, other in others.items():
        assert changed(page, sheet(replace(whole, results=(*whole.results[:-1], other)))), name
    assert changed(page, sheet(replace(whole, degradation=PRESETS["night"])))
    assert changed(page, sheet(replace(whole, text="皖A12340")))
    judged = sheet(replace(whole, verdict=verdict))
    assert changed(page, judged)
    for measured in (facts | {"share": 0.95}, facts | {"n": 0, "share": None}, None):
        assert changed(judged, sheet(replace(whole, verdict=replace(verdict, measured=measured)))), measured
    for fact in ({"reader": "another"}, {"checkpoints": {"mse": "0" * 64}}, {"packages": {"lpsr": "9"}}):
        assert changed(page, sheet(replace(whole, passport=whole.passport | fact))), fact


def test_who_alone_decided_is_written(comparison, monkeypatch):
    written = []
    monkeypatch.setattr("lpsr.sheet._paragraph", lambda image, y, text, *rest, **how: written.append(text) or y)
    more = (replace(comparison.results[-1], name=name, title=name.upper()) for name in ("mse", "own"))
    whole = read(replace(comparison, results=(*comparison.results, *more)))
    for names, told in ((("mse",), True), (("mse", "own"), False)):
        support = Support(tuple((name, "A", 0.9) for name in names), "A", 0.9, "guess")
        written.clear()
        sheet(replace(whole, verdict=Verdict("A", (support,), None, "direct", ())))
        assert any("guesses: A; decided by MSE alone." in one for one in written) == told


def test_gains_have_their_sign(comparison):
    hr, lr, bicubic = comparison.results
    up, down = (sheet(replace(comparison, results=(hr, replace(lr, gain=gain), bicubic))) for gain in (0.5, -0.5))
    assert changed(up, down)


def test_marks_differ_in_shape_and_not_only_in_colour(comparison):
    def grey(page):
        return page.astype(int).sum(axis=2) > 3 * 128

    weak, wrong = (0.9, 0.2, *[0.9] * 5), "皖B12345"
    kinds = [sheet(read(comparison, *args)) for args in ((TEXT,), (TEXT, weak), (wrong,), (wrong, weak))]
    for i, one in enumerate(kinds):
        for other in kinds[:i]:
            assert (grey(one) != grey(other)).sum() > 20


def test_a_picture_restored_directly_has_a_sheet():
    lr = np.random.default_rng(0).integers(0, 256, (7, 19, 3), dtype=np.uint8)
    comparison = compare(lr, ["bicubic"], direct=True)
    assert holds(sheet(read(comparison)), enlarge(lr, 8, "nearest").repeat(3, 0).repeat(3, 1))


@pytest.mark.parametrize("shape", [(8, 8), (8, 640), (640, 8), (640, 640), (400, 400)])
def test_every_shape_of_a_picture_fits(shape):
    comparison = read(compare(np.full((*shape, 3), 90, np.uint8), ["bicubic"], text=TEXT))
    page = sheet(comparison)
    assert page.shape[0] < 3000 and page.shape[1] < 2200


@pytest.mark.parametrize(
    "text",
    ["", "W" * 300, "<b>&\n\t\0", "漢字かな가 🚗", "赣×−–·", "ß" * 50],
)
def test_whatever_is_written_stays_inside(comparison, text):
    hard = read(comparison, raw=text)
    hard = replace(hard, results=tuple(replace(one, title=text or "?") for one in hard.results), text=text or None)
    page = sheet(replace(hard, passport=hard.passport | {"reader": text}))
    for edge in (page[:, :30], page[:, -30:]):
        assert (edge == 255).all()


def test_a_long_name_leaves_the_numbers_free(comparison):
    *others, last = comparison.results
    long = sheet(replace(comparison, results=(*others, replace(last, title="W" * 300))))
    page = sheet(comparison)
    assert changed(page, long)
    # The last 90 pixels before the margin: its PSNR.
    assert not changed(page[:, -126:], long[:, -126:])


@pytest.mark.parametrize(("count", "columns"), [(3, 3), (4, 2), (5, 3), (6, 3), (9, 3)])
def test_panels_stand_in_two_or_three_columns(comparison, count, columns):
    results = (*comparison.results, *[comparison.results[-1]] * (count - 3))
    width = max(comparison.hr.shape[1] * -(-400 // comparison.hr.shape[1]), 400)
    assert sheet(replace(comparison, results=results)).shape[1] == 72 + columns * width + (columns - 1) * 32
