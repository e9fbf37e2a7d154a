"""Pictures to learn reading from: reproducible, with their texts, and as coarse as asked."""

import numpy as np
import pytest

from lpsr.data import reader_samples
from lpsr.data.generator import CLEAN, generate
from lpsr.data.patches import Source
from lpsr.data.reader_samples import ReaderSampler
from lpsr.errors import InputError
from lpsr.images import outline
from lpsr.plates import is_plate

SIZE = (32, 128)


def source(index: int, text: str | None = "") -> Source:
    plate = generate(5, index, style=CLEAN)
    return Source(plate.picture, np.float32(plate.corners), plate.text if text == "" else text)


@pytest.fixture(scope="module")
def plates() -> list[Source]:
    return [source(index) for index in range(6)]


def detail(picture: np.ndarray) -> float:
    """How much neighbours along the plate differ."""
    return float(np.abs(np.diff(picture.astype(float), axis=1)).mean())


def test_the_same_seed_gives_the_same_bytes(plates):
    one, two = (ReaderSampler([(plates, 1.0)], SIZE, 8, seed=3) for _ in range(2))
    pictures, texts = one.batch(7, range(5))
    # Whatever was drawn before, and in whatever order.
    two.batch(2, range(3))
    again = [two.sample(7, place) for place in reversed(range(5))][::-1]
    assert pictures.shape == (5, *SIZE, 3) and pictures.dtype == np.uint8
    assert [picture.tobytes() for picture in pictures] == [picture.tobytes() for picture, _ in again]
    assert texts == [text for _, text in again]
    other = ReaderSampler([(plates, 1.0)], SIZE, 8, seed=4).batch(7, range(5))[0]
    assert not np.array_equal(other, pictures)


def test_each_picture_has_the_text_of_its_plate(monkeypatch):
    # Plates told apart by their colour, which the photograph leaves alone here.
    monkeypatch.setattr(reader_samples, "_photograph", lambda picture, rng: picture)
    colours = {"皖A00001": 40, "粤B00002": 120, "京C00003D": 200}
    plain = [Source(np.full((30, 90, 3), level, np.uint8), outline(90, 30), text) for text, level in colours.items()]
    pictures, texts = ReaderSampler([(plain, 1.0)], SIZE, 4).batch(0, range(40))
    assert set(texts) == set(colours)
    # But for JPEG.
    assert all(abs(np.median(one) - colours[text]) <= 3 for one, text in zip(pictures, texts, strict=True))


def test_linear_factors_are_large_more_often(plates, monkeypatch):
    factors = {"logarithmic": [], "linear": []}
    for how, drawn in factors.items():

        def note(picture, corners, factor, rng, drawn=drawn):
            drawn.append(factor)
            return picture, corners

        monkeypatch.setattr(reader_samples, "_reduced", note)
        ReaderSampler([(plates, 1.0)], SIZE, 8, how).batch(0, range(200))
    # Means of both distributions on [1, 8].
    assert np.mean(factors["linear"]) == pytest.approx(4.5, abs=0.4)
    assert np.mean(factors["logarithmic"]) == pytest.approx(7 / np.log(8), abs=0.4)
    assert all(1 <= one <= 8 for drawn in factors.values() for one in drawn)


def test_reduced_plates_have_less_detail(plates, monkeypatch):
    monkeypatch.setattr(reader_samples, "_photograph", lambda picture, rng: picture)
    means = [
        np.mean([detail(one) for one in ReaderSampler([(plates, 1.0)], SIZE, coarsest).batch(0, range(40))[0]])
        for coarsest in (1, 16)
    ]
    assert means[1] < 0.9 * means[0]


def test_what_has_no_text_that_can_be_read_is_left_out(plates):
    odd = [source(9, None), source(10, "皖A1234警"), source(11, "皖AO2345")]
    _, texts = ReaderSampler([([*odd, plates[0]], 0.5), (odd, 0.5)], SIZE).batch(0, range(20))
    assert set(texts) == {plates[0].text}
    with pytest.raises(InputError, match="None of the plates has a text"):
        ReaderSampler([(odd, 1.0)], SIZE)
    with pytest.raises(InputError, match="None of the plates has a text"):
        ReaderSampler([(plates, 0.0)], SIZE)


def test_every_text_of_a_plate_is_drawn_and_rare_provinces_more_often():
    plates = [source(index) for index in range(40)]
    assert all(is_plate(one.text) for one in plates)
    texts = [one._replace(text=f"{'皖' if i < 36 else '藏'}A{i:05}") for i, one in enumerate(plates)]
    sampler = ReaderSampler([(texts, 1.0)], SIZE)
    rng = np.random.default_rng(0)
    drawn = np.searchsorted(sampler.chances[id(sampler.groups[0][0])], rng.random(20_000), "right")
    assert set(drawn) == set(range(40))
    # Of 36 and 4 plates the roots are 6 and 2.
    assert np.mean(drawn >= 36) == pytest.approx(2 / 8, abs=0.01)


def test_shares_are_kept(plates):
    one, two = ([plate._replace(text=text) for plate in plates] for text in ("皖A00001", "粤B00002"))
    _, texts = ReaderSampler([(one, 3.0), (two, 1.0)], SIZE).batch(0, range(200))
    assert texts.count("皖A00001") == pytest.approx(150, abs=20)


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (5, 2), (3, 60)])
def test_the_smallest_files_do_not_break(shape):
    tiny = Source(np.zeros((*shape, 3), np.uint8), outline(shape[1], shape[0]), "皖A12345")
    pictures, _ = ReaderSampler([([tiny], 1.0)], SIZE, 16).batch(0, range(20))
    assert pictures.shape == (20, *SIZE, 3)
