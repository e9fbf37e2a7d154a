"""The endpoint ``/compare``."""

import re

import httpx
import pytest

from lpsr.compare import compare, read
from lpsr.images import open_picture
from lpsr.readers import get_reader

gradio_client = pytest.importorskip("gradio_client")


@pytest.fixture(scope="module")
def ask(address):
    client = gradio_client.Client(address, verbose=False, analytics_enabled=False)
    return lambda path: client.predict(path and gradio_client.handle_file(str(path)), api_name="/compare")


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


def test_trouble_gets_one_sentence_or_an_answer(ask, hostile):
    for path, words in hostile.values():
        if words is None:
            assert ask(path)["hr_size"][0] > 64, path.name
            continue
        with pytest.raises(gradio_client.exceptions.AppError) as error:
            ask(path)
        sentence = str(error.value)
        assert re.search(words, sentence), (path.name, sentence)
        assert "Traceback" not in sentence and "\n" not in sentence and sentence.endswith(".")
    with pytest.raises(gradio_client.exceptions.AppError, match="Send a picture"):
        ask(None)


def test_only_compare_is_offered(address):
    client = gradio_client.Client(address, verbose=False, analytics_enabled=False)
    assert list(client.view_api(return_format="dict")["named_endpoints"]) == ["/compare"]


def test_nobody_passes_the_queue(address):
    for kind in ("run", "api"):
        answer = httpx.post(f"{address}gradio_api/{kind}/compare", json={"data": [None]})
        assert answer.status_code == 404 and "queue" in answer.text
