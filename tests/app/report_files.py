"""A folder of results made up: the shipped checkpoints on 40 plates, and a study of two runs."""

import numpy as np

from lpsr.results import Measurement, Plates, RunRecord, Scores, write_measurement, write_record

N = 40
PASSPORT = {"data": "made up", "split": "test", "n": N, "scale": 8, "reader": "none", "checkpoints": {"mse": "abc"}}
COMMAND = "python -m lpsr evaluate --data DIR --results test"


def scores(title, psnr, exact, fidelity=True):
    rng = np.random.default_rng(round(10 * psnr))
    values = (psnr + rng.standard_normal(N)).tolist()
    right = (rng.random(N) < exact).tolist()
    return Scores(
        title=title,
        sha256=None,
        psnr=values if fidelity else None,
        psnr_y=values if fidelity else None,
        ssim=[0.7] * N if fidelity else None,
        confidence=np.linspace(0.5, 1, N).tolist(),
        right=[7 if one else 4 for one in right],
        exact=right,
        exact_raw=right,
        province=right,
        exact_without_province=right,
    )


def measurement(models):
    plates = Plates(
        width=list(range(100, 100 + N)),
        height=[48] * N,
        characters=[7] * N,
        province=["皖" if k % 3 else "沪" for k in range(N)],
        brightness=[None] * N,
        blurriness=[None] * N,
        kind=["crop"] * N,
    )
    return Measurement(command=COMMAND, passport=PASSPORT, plates=plates, models=models)


def write_results(folder):
    """ "test.json" and the runs "mse" and "pecl-manhattan" of study "headline"."""
    models = {
        "hr": scores("HR", 99.0, 0.9, fidelity=False),
        "bicubic": scores("Bicubic", 18.5, 0.05),
        "mse": scores("MSE", 22.5, 0.4),
        "pecl-manhattan": scores("PECL-Manhattan", 22.8, 0.45),
    }
    write_measurement("test", measurement(models), folder)
    for name, kind in (("mse", "mse"), ("pecl-manhattan", "pecl")):
        loss = {"kind": kind, "distance": "manhattan", "form": "attract", "d": 128, "weighting": "fixed"}
        curve = [20.0, 21.0, 22.0]
        record = RunRecord(
            study="headline",
            name=name,
            command=f"python -m lpsr study headline --only {name}",
            recipe={"loss": loss, "batch": 32, "seed": 1},
            stages=[],
            data=[],
            iterations_done=1000,
            kept_iteration=1000,
            seconds=60.0,
            device="CPU",
            precision="32-true",
            threads=1,
            parameters=1000,
            curve={"iteration": [10, 100, 1000], "val_psnr": curve, "val_psnr_y": curve},
            losses={"iteration": [10], "total": [1.0]},
            measurement=measurement({name: models[name]}),
        )
        write_record(record, folder)
