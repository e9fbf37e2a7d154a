"""The page's state in its address."""

from urllib.parse import parse_qs

import pytest

from lpsr.app.engines import ENGINES
from lpsr.app.link import KEYS, Settings, from_query, preset_of, to_query
from lpsr.degrade import PAPER, PRESETS, Degradation
from lpsr.errors import InputError

OWN = Degradation(
    kernel="area", blur=1.25, motion=3, angle=-15, noise=2, jpeg=40, blur_at="after", noise_at="before", seed=7
)


def back(query):
    return from_query({key: values[0] for key, values in parse_qs(query).items()})


@pytest.mark.parametrize("degradation", [*PRESETS.values(), OWN, Degradation(jpeg=1), Degradation(jpeg_at="before")])
@pytest.mark.parametrize("models", [None, ("mse",), ("mse", "my-run.2"), ()])
@pytest.mark.parametrize("reader", ENGINES)
def test_settings_survive_the_address(degradation, models, reader):
    settings = Settings(degradation, models, reader)
    assert back(to_query("rendered-5", settings)) == settings or models == ()


def test_only_what_differs_from_the_paper_is_in_the_address():
    assert to_query("rendered-5", Settings()) == "plate=rendered-5"
    assert to_query("real-1", Settings(PRESETS["night"])) == "plate=real-1&preset=night"
    assert to_query("real-1", Settings(Degradation(noise=3.0))) == "plate=real-1&noise=3.0"
    assert to_query("real-1", Settings(models=("mse", "b"))) == "plate=real-1&models=mse,b"
    assert to_query("real-1", Settings(reader="plate-hr")) == "plate=real-1&reader=plate-hr"
    assert set(parse_qs(to_query("p", Settings(OWN, ("mse",), "plate-hr")))) <= set(KEYS)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"preset": "fog"}, "no preset 'fog'"),
        ({"reader": "paddle-native"}, "no reader 'paddle-native'"),
        ({"blur": "much"}, "blur cannot be 'much'"),
        ({"blur": "nan"}, "blur"),
        ({"blur": "1e9"}, "between 0 and 50"),
        ({"jpeg": "0"}, "between 1 and 100"),
        ({"jpeg": "4.5"}, "jpeg cannot be"),
        ({"kernel": "<script>"}, "no kernel"),
        ({"noise_at": "never"}, "before"),
        ({"seed": "-1"}, "seed"),
    ],
)
def test_a_query_that_cannot_be_used_gets_a_sentence(query, words):
    with pytest.raises(InputError, match=words):
        from_query(query)


def test_other_parts_of_a_query_are_left_alone():
    assert from_query({"__theme": "dark", "scale": "4", "pair": "mse,hr"}) == Settings()


def test_presets_have_names():
    assert preset_of(PAPER) == "paper" and preset_of(PRESETS["cctv"]) == "cctv" and preset_of(OWN) is None
