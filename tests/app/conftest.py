"""A page on a free port with three tiny untrained models, and a browser; both are started once."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lpsr.data.generator import generate

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Seconds that the start of the page, and its first comparison, may take.
PATIENCE = 180
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


@pytest.fixture(scope="session")
def tiny_checkpoints(tmp_path_factory):
    """A folder with the four shipped checkpoints and four more, each a few thousand random weights, and the networks
    that find and read plates as they ship."""
    import torch

    from lpsr.checkpoints import ORDER, save_checkpoint
    from lpsr.losses.criterion import LossConfig
    from lpsr.models.network import NetworkConfig, SuperResolutionNetwork

    folder = tmp_path_factory.mktemp("checkpoints")
    config = NetworkConfig(channels=8, blocks=1, growth=4, dense_layers=1, reduction=4, upsample_channels=(8, 8, 4))
    titles = dict(zip(ORDER, ("MSE", "PECL-Euclidean", "PECL-Manhattan", "MSE-long"), strict=True))
    for seed, name in enumerate((*ORDER, "extra-1", "extra-2", "extra-3", "extra-4")):
        torch.manual_seed(seed)
        facts = {
            "name": name,
            "title": titles.get(name, name),
            "architecture": "pecl",
            "arguments": config.model_dump(mode="json"),
            "loss": LossConfig(),
            "recipe": {},
            "stages": [],
            "data": [],
            "iterations": 0,
            "batch": 1,
            "seed": seed,
            "device": "cpu",
            "threads": 1,
            "precision": "32",
            "seconds": 0.0,
            "torch": torch.__version__,
            "kept_iteration": 0,
            "weights_dtype": "float32",
            "validation": {},
        }
        save_checkpoint(folder, SuperResolutionNetwork(config).state_dict(), facts)
    for name in ("corners", "plate-hr"):
        for suffix in ("safetensors", "json"):
            shutil.copy(ROOT / "checkpoints" / f"{name}.{suffix}", folder)
    return folder


@pytest.fixture(scope="session")
def runs_folder(tmp_path_factory):
    """Where the page keeps what it trains."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def address(tiny_checkpoints, runs_folder, plate_file, tmp_path_factory):
    """The running page's address, once it has compared a plate; after the tests it must leave no file."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("log") / "page.txt"
    files = tmp_path_factory.mktemp("files")
    environment = os.environ | {"LPSR_CHECKPOINTS": str(tiny_checkpoints), "TMPDIR": str(files)}
    environment["LPSR_RUNS"] = str(runs_folder)
    for name in ("CCPD_ROOT", "GRADIO_TEMP_DIR", "LPSR_TRAINING"):
        environment.pop(name, None)
    with open(log, "w") as file:
        process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port)], cwd=ROOT, env=environment, stdout=file, stderr=file
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        _wait_until(url, plate_file, process, log)
        yield url
        assert list(files.glob("lpsr-*")), "The page keeps uploads elsewhere than this test looks."
    finally:
        process.terminate()
        process.wait(30)
    assert "Traceback" not in log.read_text(), log.read_text()
    assert list(files.glob("lpsr-*")) == []


def _wait_until(url, picture, process, log):
    """Until the page answers, and then until it compares ``picture``: a busy machine loads the models for long."""
    from gradio_client import Client, handle_file

    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(url, timeout=5).close()
            break
        except OSError:
            time.sleep(0.25)
    else:
        pytest.fail(f"The page did not start: {log.read_text()}")
    client = Client(url, verbose=False, analytics_enabled=False, httpx_kwargs={"timeout": PATIENCE})
    client.submit(handle_file(str(picture)), api_name="/compare").result(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium; the tests that need it are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("the browser tests need Chromium (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        instance = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield instance
        instance.close()


@pytest.fixture
def visitor(browser):
    """``visitor(**options)``: an empty page of a new visitor."""
    contexts = []

    def come(**options):
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}} | options)
        context.set_default_timeout(60_000)
        contexts.append(context)
        return context.new_page()

    yield come
    for context in contexts:
        context.close()


@pytest.fixture
def visit(visitor, address):
    """Open the page as a new visitor; ``visit(**options)`` gives the page once a plate is compared."""

    def open_page(query="", **options):
        page = visitor(**options)
        page.foreign = []
        page.on("request", lambda request: _note(page, request.url, address))
        page.goto(address + query)
        page.wait_for_selector("section.result .card")
        return page

    return open_page


def _note(page, url, address):
    if not url.startswith((address, "data:", "blob:")):
        page.foreign.append(url)


@pytest.fixture(scope="session")
def plate_file(tmp_path_factory):
    """A plate that is not in the gallery."""
    path = tmp_path_factory.mktemp("plates") / "mine.png"
    Image.fromarray(generate(5, 77).picture).save(path)
    return path


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    """Files that are trouble: name -> (path, words of the sentence, or None where the file can be used)."""
    folder = tmp_path_factory.mktemp("hostile")
    plate = Image.fromarray(np.ascontiguousarray(generate(5, 78).picture))
    whole = folder / "whole.png"
    plate.save(whole)
    (folder / "text.png").write_text("not a picture")
    (folder / "cut.png").write_bytes(whole.read_bytes()[:2000])
    (folder / "empty.png").touch()
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    Image.new("1", (10_000, 10_000)).save(folder / "huge.png")
    plate.save(folder / "animated.gif", save_all=True, append_images=[plate.rotate(5)])
    plate.convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(np.asarray(plate.convert("L")).astype(np.uint16) * 257).save(folder / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 3
    plate.rotate(180).save(folder / "turned.jpg", exif=exif, quality=95)
    transparent = plate.convert("RGBA")
    transparent.putalpha(128)
    transparent.save(folder / "transparent.png")
    words = {
        "text.png": "cannot|can be read",
        "cut.png": "damaged or incomplete",
        "empty.png": "0 bytes",
        "dot.png": "1 × 1 pixels",
        "huge.png": "50 megapixels",
    }
    return {path.name: (path, words.get(path.name)) for path in sorted(folder.iterdir())}


@pytest.fixture
def one_checkpoint(tmp_path, make_checkpoint, monkeypatch):
    """A folder with one checkpoint, "mse", of a tiny network."""
    import lpsr.checkpoints

    make_checkpoint(tmp_path / "checkpoints", "mse")
    monkeypatch.setattr(lpsr.checkpoints, "CHECKPOINTS", tmp_path / "checkpoints")
    monkeypatch.setattr(lpsr.checkpoints.list_checkpoints, "__defaults__", (tmp_path / "checkpoints",))
    return tmp_path / "checkpoints"


@pytest.fixture
def measured(monkeypatch):
    """Stands for the estimates: the plans that were measured; one with seed 13 cannot be."""
    from lpsr.errors import InputError
    from lpsr.training import estimate

    done = []

    def known(plan, cache, plates=None):
        one = estimate.Estimate({"data": 6.0, "train": 80.0 + len(plates or ())}, 7.5, 86.0 + len(plates or ()))
        return one if plan.settings.loss in done else None

    def measure(plan, cache, plates=None):
        if plan.settings.seed == 13:
            raise InputError("There is not enough memory.")
        done.append(plan.settings.loss)

    monkeypatch.setattr(estimate, "known", known)
    monkeypatch.setattr(estimate, "measure", measure)
    return done


@pytest.fixture
def make_form(tmp_path, one_checkpoint, measured):
    """``make_form(mode, training)`` is a form of training whose runs lie in tmp_path/runs."""
    import gradio as gr

    from lpsr.app.training.form import Form

    def make(mode="full", training=lambda: False):
        with gr.Blocks():
            return Form(mode, ["/plates"], tmp_path / "runs", training)

    return make


@pytest.fixture
def make_done_run(tmp_path, make_checkpoint):
    """``make_done_run(result=None, made=True, plan=None, early=False)``: a run "mine" that is done."""
    from lpsr.files import write_json
    from lpsr.losses.criterion import LossConfig
    from lpsr.training.plan import preset
    from lpsr.training.runs import Run
    from lpsr.training.status import CHECKPOINT, EVALUATION, Stage, Status

    def make(result=None, made=True, plan=None, early=False, name="mine"):
        folder = tmp_path / "mine"
        folder.mkdir(exist_ok=True)
        status = Status(state="done", created=1.0, place=1.0, early=early)
        status.stages |= {"train": Stage(state="done", done=250, of=600), "export": Stage(state="done")}
        if result is not None:
            write_json(folder / EVALUATION, result)
        if made:
            facts = {
                "data": [{"name": "generated", "split": "train", "share": 1.0, "plates": 1480}],
                "iterations": 600,
                "kept_iteration": 500,
                "loss": LossConfig(kind="pecl"),
                "seconds": 125.0,
                "validation": {"val_psnr": 21.5, "val_psnr_y": 22.25, "n": 24},
            }
            make_checkpoint(folder / CHECKPOINT, "mine", **facts)
        return Run(name, folder, plan or preset("demo", "mine", {"kind": "mse"}), status, None, "")

    return make
