"""Results made up so that what the report must say is known."""

from pathlib import Path

import numpy as np

from lpsr.checkpoints import Card
from lpsr.losses.criterion import LossConfig
from lpsr.results import Measurement, Plates, Results, RunRecord, Scores, write_measurement, write_record

PLATES = 200
PASSPORT = {"data": "made up", "split": "test", "n": PLATES, "scale": 8, "kernel": "bicubic", "reader": "none"}


def make_plates(n: int = PLATES) -> Plates:
    k = np.arange(n)
    return Plates(
        width=(80 + k % 120).tolist(),
        height=[48] * n,
        characters=[7] * n,
        province=["皖" if one % 10 else "沪" for one in k],
        brightness=[float(one % 50) if one % 2 else None for one in k],
        blurriness=[None] * n,
        kind=["crop"] * n,
    )


def make_scores(
    title: str = "made up", gain: float = 0.0, noise: float = 0.0, seed: int = 0, exact: float = 0.5, n: int = PLATES
) -> Scores:
    """The same plates for every model: PSNR about 22 dB, ``gain`` more on each, ``noise`` dB apart between plates."""
    level = 22 + 2 * np.random.default_rng(5).standard_normal(n)
    psnr = level + gain + noise * np.random.default_rng(seed + 100).standard_normal(n)
    right = np.random.default_rng(6).random(n) < exact
    return Scores(
        title=title,
        sha256=None,
        psnr=psnr.tolist(),
        psnr_y=(psnr + 0.5).tolist(),
        ssim=[0.7] * n,
        confidence=np.clip(0.9 + gain / 10 + 0.02 * np.sin(np.arange(n)), 0, 1).tolist(),
        right=np.where(right, 7, 5).tolist(),
        exact=right.tolist(),
        exact_raw=right.tolist(),
        province=right.tolist(),
        exact_without_province=right.tolist(),
    )


def make_measurement(models: dict[str, Scores], passport: dict | None = None) -> Measurement:
    return Measurement(
        command="python -m lpsr evaluate --data DIR --results test",
        passport=passport or PASSPORT,
        plates=make_plates(),
        models=models,
    )


def make_run(
    study: str, name: str, kind: str = "mse", *, seed: int = 1, gain: float = 0.0, noise: float = 0.0, **facts
):
    """A record; ``kind`` is "mse", "guided", "manhattan" or "euclidean", ``facts`` are settings of loss or recipe."""
    loss = {
        "kind": kind if kind in ("mse", "guided") else "pecl",
        "distance": "euclidean" if kind == "euclidean" else "manhattan",
    }
    loss |= {"form": "attract", "margin": 2.0, "d": 128, "weighting": "fixed", "w_contrastive": 0.01}
    recipe = {"loss": loss, "batch": 32, "seed": seed, "patch": [64, 64], "ema": 0.999, "init_from": None}
    for key, value in facts.items():
        (loss if key in loss else recipe)[key] = value
    iterations = [10, 100, 1000]
    curve = [20.0 + gain, 21.5 + gain, 22.0 + gain]
    return RunRecord(
        study=study,
        name=name,
        command=f"python -m lpsr study {study}",
        recipe=recipe,
        stages=[],
        data=[{"name": "CCPD", "split": "train", "share": 1.0, "plates": 100}],
        iterations_done=1000,
        kept_iteration=1000,
        seconds=60.0,
        device="CPU",
        precision="32-true",
        threads=1,
        parameters=1000,
        curve={"iteration": iterations, "val_psnr": curve, "val_psnr_y": [one + 0.5 for one in curve]},
        losses={
            "iteration": iterations,
            "total": [1.0, 0.5, 0.2],
            "distance": [None] * 3 if kind == "mse" else [1.0, 1.5, 1.9],
            "w_pixel": [1.0] * 3 if kind == "mse" else [0.5, 0.2, 0.0],
        },
        measurement=make_measurement({name: make_scores(name, gain, noise, seed=hash_of(study, name))}),
    )


def make_card(run: RunRecord, name: str, **facts) -> Card:
    """That of a checkpoint made of a run."""
    usual = {
        key: getattr(run, key) for key in ("recipe", "data", "stages", "seconds", "device", "precision", "threads")
    }
    usual |= {"name": name, "title": name, "architecture": "pecl", "arguments": {}, "loss": LossConfig()}
    usual |= {"iterations": run.iterations_done, "kept_iteration": run.kept_iteration, "batch": 32, "seed": 1}
    usual |= {"torch": "2", "weights_dtype": "float16", "validation": {}, "sha256": name}
    return Card.model_validate(usual | facts)


def hash_of(*parts: str) -> int:
    return sum(ord(one) * (k + 1) for k, one in enumerate("".join(parts)))


def make_trio(
    study: str = "seeds", seeds=(1, 2, 3), manhattan: float = 0.3, euclidean: float = 0.1, noise: float = 0.05
):
    """MSE and both PECL runs for each seed; the gains are planted."""
    gains = {"mse": 0.0, "euclidean": euclidean, "manhattan": manhattan}
    return [
        make_run(study, f"{kind}-{seed}", kind, seed=seed, gain=gain, noise=noise)
        for seed in seeds
        for kind, gain in gains.items()
    ]


def make_results(runs=(), models: dict[str, Scores] | None = None) -> Results:
    return Results({"test": make_measurement(models)} if models else {}, list(runs), [])


def write_results(folder: Path) -> None:
    """ "test.json", of the shipped checkpoints, and the runs "mse" and "pecl-manhattan" of study "headline"."""
    hr = make_scores("HR", exact=0.9).model_copy(update={"psnr": None, "psnr_y": None, "ssim": None})
    models = {
        "hr": hr,
        "bicubic": make_scores("Bicubic", -4.0, exact=0.05),
        "mse": make_scores("MSE", 0.0, exact=0.4),
        "pecl-manhattan": make_scores("PECL-Manhattan", 0.3, exact=0.45),
    }
    write_measurement("test", make_measurement(models), folder)
    for name, kind, gain in (("mse", "mse", 0.0), ("pecl-manhattan", "manhattan", 0.3)):
        write_record(make_run("headline", name, kind, gain=gain), folder)
