"""The endpoints ``/compare`` and ``/locate``."""

import re

import httpx
import numpy as np
import pytest
from PIL import Image

from lpsr.compare import compare, read
from lpsr.data.generator import generate_photo
from lpsr.images import open_picture
from lpsr.locate import locate
from lpsr.readers import get_reader

gradio_client = pytest.importorskip("gradio_client")


@pytest.fixture(scope="module")
def client(address):
    return gradio_client.Client(address, verbose=False, analytics_enabled=False)


@pytest.fixture(scope="module", params=["/compare"])
def ask(client, request):
    return lambda path: client.predict(path and gradio_client.handle_file(str(path)), api_name=request.param)


def test_it_gives_what_compare_gives(ask, plate_file, tiny_checkpoints):
    found = ask(plate_file)
    expected = read(compare(open_picture(plate_file), folder=tiny_checkpoints), get_reader()).to_json()
    assert found["hr_size"] == expected["hr_size"]
    names = ["hr", "lr", "bicubic", "mse", "pecl-euclidean", "pecl-manhattan", "mse-long"]
    assert [one["name"] for one in found["models"]] == names
    for one, other in zip(found["models"], expected["models"], strict=True):
        assert one["psnr"] == pytest.approx(other["psnr"], abs=1e-3) if other["psnr"] else one["psnr"] is None
        assert one["psnr_y"] == pytest.approx(other["psnr_y"], abs=1e-3) if other["psnr_y"] else one["psnr_y"] is None
        assert one["ssim"] == pytest.approx(other["ssim"], abs=1e-4) if other["ssim"] else one["ssim"] is None
        assert one["reading"]["raw_text"] == other["reading"]["raw_text"]
        assert one["reading"]["plate_text"] == other["reading"]["plate_text"]


def test_locate_gives_what_locate_gives(client, tmp_path):
    photo = generate_photo(3, 1, plates=2)
    Image.fromarray(photo.picture).save(tmp_path / "photo.png")
    found = client.predict(gradio_client.handle_file(str(tmp_path / "photo.png")), api_name="/locate")
    expected = [one.to_json() for one in locate(photo.picture, reader=get_reader())]
    assert len(found["plates"]) == len(expected) >= 2
    for one, other in zip(found["plates"], expected, strict=True):
        assert one["text"] == other["text"] and one["score"] == pytest.approx(other["score"], abs=1e-3)
        np.testing.assert_allclose(one["corners"], other["corners"], atol=0.05)
    assert {one.text for one in photo.plates} == {one["text"] for one in found["plates"][:2]}


def test_locate_finds_nothing_where_there_is_nothing(client, tmp_path):
    Image.new("RGB", (200, 300), (90, 90, 90)).save(tmp_path / "wall.png")
    path = gradio_client.handle_file(str(tmp_path / "wall.png"))
    assert client.predict(path, api_name="/locate") == {"plates": []}


@pytest.mark.parametrize("ask", ["/compare", "/locate"], indirect=True)
def test_trouble_gets_one_sentence_or_an_answer(ask, hostile):
    for path, words in hostile.values():
        if words is None:
            assert ask(path), path.name
            continue
        with pytest.raises(gradio_client.exceptions.AppError) as error:
            ask(path)
        sentence = str(error.value)
        assert re.search(words, sentence), (path.name, sentence)
        assert "Traceback" not in sentence and "\n" not in sentence and sentence.endswith(".")
    with pytest.raises(gradio_client.exceptions.AppError, match=r"Send a (picture|photo)"):
        ask(None)


def test_no_other_is_offered(client):
    assert list(client.view_api(return_format="dict")["named_endpoints"]) == ["/compare", "/locate"]


def test_nobody_passes_the_queue(address):
    for path in ("run/compare", "api/compare", "run/locate", "api/locate"):
        answer = httpx.post(f"{address}gradio_api/{path}", json={"data": [None]})
        assert answer.status_code == 404 and "queue" in answer.text
