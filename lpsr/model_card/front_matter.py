"""Front matter of a model card: what the Hugging Face Hub reads of it, in YAML.

By the Hub's specification (huggingface/hub-docs, ``modelcard.md``).
"""

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from lpsr.checkpoints import AUXILIARIES, CORNERS, Card, ReaderCard, WeightsCard
from lpsr.degrade import SCALE

# Score of a card to type and name on the Hub.
_METRICS = {
    "psnr": ("psnr", "PSNR_RGB, median over plates [dB]"),
    "psnr_y": ("psnr", "PSNR_Y, median over plates [dB]"),
    "ssim": ("ssim", "SSIM of luma, median over plates"),
    "ocr_confidence": ("confidence", "OCR confidence, median over plates"),
    "exact": ("exact_match", "share of plates read exactly"),
    "char_accuracy": ("accuracy", "share of characters read right"),
    "val_precision": ("precision", "precision of the characters named"),
    "val_plate": ("accuracy", "whole plates told from anything else"),
    "val_exact": ("exact_match", "share of plates read exactly"),
    "val_characters": ("accuracy", "share of characters read right"),
    "val_recall": ("recall", "recall of the characters shown"),
}
# What YAML may not hold as it is, or takes for the end of a line.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def front_matter(card: WeightsCard) -> str:
    """The block between two lines of ``---``. The scores are those of the test split, if there are any, as
    ``model-index``; of an auxiliary those of validation."""
    if isinstance(card, Card):
        task, name, tag = "image-to-image", f"License-plate super-resolution ×{SCALE}", "super-resolution"
        scores, facts = card.test or {}, (card.test or {}).get("passport", {})
    elif isinstance(card, ReaderCard):
        task, name, tag = "image-to-text", "Reading of license plates", "license-plate-recognition"
        scores, facts = _of_reader(card)
    elif card.architecture == AUXILIARIES[CORNERS]:
        task, name, tag = "keypoint-detection", "Corners of license plates", "license-plate-detection"
        scores = facts = card.validation
    else:
        task, name, tag = "image-feature-extraction", "Characters that a patch shows", "feature-extraction"
        scores = facts = card.validation
    values: dict[str, Any] = {
        "license": card.licence.lower(),
        "pipeline_tag": task,
        "tags": ["pytorch", "safetensors", "license-plate", tag],
        "datasets": list(dict.fromkeys(_slug(source.get("name", "")) for source in card.data)),
    }
    metrics = list(_metrics(scores))
    if metrics:
        result = {"task": {"type": task, "name": name}, "dataset": _dataset(facts), "metrics": metrics}
        values["metrics"] = list(dict.fromkeys(metric["type"] for metric in metrics))
        values["model-index"] = [{"name": card.name, "results": [result]}]
    return "\n".join(["---", *_yaml({key: value for key, value in values.items() if value}), "---"])


def _of_reader(card: ReaderCard) -> tuple[dict[str, Any], dict[str, Any]]:
    """Exact rate of HR plates, cut as the protocol does, and on which plates."""
    if not card.test:
        return card.validation, card.validation
    share = card.test["exact"]["hr"]["box"]
    return {"exact": share["share"], "exact_ci95": [share["low"], share["high"]]}, card.test.get("passport", {})


def _dataset(facts: dict[str, Any]) -> dict[str, Any]:
    data = str(facts.get("data") or "unknown")
    known = {"type": _slug(data), "name": data}
    if facts.get("split"):
        known["split"] = str(facts["split"])
    if facts.get("n"):
        known["args"] = {"plates": facts["n"]}
    return known


def _metrics(scores: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for key, (kind, name) in _METRICS.items():
        value, interval = scores.get(key), scores.get(f"{key}_ci95")
        if isinstance(value, dict):
            value, interval = value.get("median"), value.get("ci95")
        if isinstance(value, int | float) and math.isfinite(value):
            args = {"args": {"interval_95": [round(end, 4) for end in interval]}} if interval else {}
            yield {"type": kind, "value": round(value, 4), "name": name, **args}


def _slug(name: str) -> str:
    """A name as the Hub's identifiers are written."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.").lower()[:90] or "unnamed"


def _yaml(value: dict[str, Any] | list[Any], indent: str = "") -> list[str]:
    """Lines of block YAML; dictionaries and lists are not empty."""
    lines = []
    for key, one in value.items() if isinstance(value, dict) else ((None, one) for one in value):
        start = indent + ("-" if key is None else f"{key}:")
        if not isinstance(one, dict | list):
            lines.append(f"{start} {_scalar(one)}")
            continue
        inner = _yaml(one, indent + "  ")
        # The first line of what is in a list stands behind the dash.
        lines += [f"{start} {inner[0].lstrip()}", *inner[1:]] if key is None else [start, *inner]
    return lines


def _scalar(value: str | float) -> str:
    """As in JSON, which YAML reads but for some characters."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
