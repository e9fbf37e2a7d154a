"""Plans of training, and what the set-up form shows for them."""

from types import SimpleNamespace

from lpsr.app.language import Words
from lpsr.app.training.values import Values, values_of
from lpsr.losses.criterion import LossConfig
from lpsr.models.network import NetworkConfig
from lpsr.training.plan import LOSSES, PRESETS, Archive, Folder, Generated, Plan, preset

EN = Words()
VISITOR = SimpleNamespace(headers={})
DEMO = preset("demo", "demo-mse")
PECL = {"kind": "pecl", "distance": "euclidean", "form": "paired", "d": 64, "margin": 1.5, "weighting": "printed"}


def shown(plan=DEMO, **changes):
    return Values(*values_of(plan))._replace(**changes)


def changed(plan=DEMO, settings=(), **changes):
    return Plan.model_validate(plan.model_dump() | {"settings": plan.settings.model_dump() | dict(settings)} | changes)


PLANS = {
    **{f"{name}, {loss}": preset(name, "x", LOSSES[loss]) for name in PRESETS for loss in LOSSES},
    "PECL in detail": preset("lesson", "x", PECL),
    "a folder": changed(data=Folder(folder="/some/ccpd")),
    "a ZIP": changed(data=Archive(file="/uploads/some.zip")),
    "other plates": changed(data=Generated(count=77, seed=9), most_val=3, most_test=4),
    "an embedder of its own": changed(preset("demo", "x", LOSSES["pecl-manhattan"]), embedder_iterations=123),
    "an embedder from a file": changed(settings={"embedder": "/e.safetensors", "loss": LossConfig(kind="pecl")}),
    "both": changed(settings={"embedder": "/e", "loss": LossConfig(kind="pecl")}, embedder_iterations=5),
    "MSE with settings it ignores": changed(settings={"loss": LossConfig(d=64, form="printed"), "embedder": "/e"}),
    "another network": changed(settings={"network": NetworkConfig(channels=8, blocks=1, bicubic_skip=False)}),
    "from weights": changed(settings={"init_from": "/weights.safetensors"}),
    "what no control shows": changed(settings={"augment": False, "log_every": 7}),
    "whole plates": changed(settings={"patch": "whole"}),
    "everything else": changed(
        settings={
            "patch": (48, 96),
            "iterations": 5,
            "batch": 3,
            "learning_rate": 0.02,
            "final_learning_rate": 1e-5,
            "warm_up": 2,
            "ema": 0.5,
            "seed": 12,
            "precision": "32-true",
            "validate_every": 4,
        },
        device="cpu",
        threads=3,
    ),
}
