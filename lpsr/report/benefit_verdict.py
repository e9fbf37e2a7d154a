"""Does restoration help reading? The answer in words, from paired intervals; nothing is said that they do not tell."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import reduce

from lpsr.benefit.frames import NONE
from lpsr.benefit.gains import (
    Difference,
    Effect,
    Gain,
    best_restoration,
    difference,
    gains,
    least_plates,
    restorations,
    rivals,
)
from lpsr.benefit.result import SCALES, Benefit, Cell
from lpsr.evidence import Share
from lpsr.report.formats import change, number, percent
from lpsr.report.shapes import Finding, Text, listed
from lpsr.report.statistics import Estimate

# What texts call the project's readers; others have their names.
_READERS = {"paddle-onnx": "general", "rapidocr": "general", "plate-hr": "hr", "plate-multiscale": "multiscale"}

# A difference of this share of the plates that cannot be shown is worth a warning.
_FEW = 0.1


def verdict(benefit: Benefit) -> tuple[Finding, ...]:
    """Sentences, the first of which says whether restoration helps."""
    if not benefit.models:
        return (Finding("benefit_nothing"),)
    found = {reader.name: gains(benefit, reader.name) for reader in benefit.readers}
    readers = [_reader(benefit, name, one) for name, one in found.items()]
    return (_answer(benefit, found), *readers, *_few(benefit), *_rivals(benefit), *_sure(benefit), _method(benefit))


def reader_title(name: str) -> Text:
    """A reader as a heading."""
    return Finding(f"reader_{_READERS[name]}") if name in _READERS else name


def restorer_title(benefit: Benefit, name: str) -> Text:
    """A restoration, or none, as a heading."""
    return Finding("benefit_none") if name == NONE else next(m.title for m in benefit.models if m.name == name)


def class_title(name: str) -> str:
    """ "×8" or "20–40 px"."""
    return f"×{SCALES[name]}" if name in SCALES else f"{name.replace('-', '–')} px"


def estimate(share: Share) -> Estimate:
    """A share in %, with its interval."""
    return Estimate(100 * (share.share or 0.0), 100 * share.low, 100 * share.high, share.n)


def points(found: Difference) -> str:
    """A difference in percentage points with its interval."""
    return change(percent(Estimate(found.value, found.low, found.high, found.n)), 1)


def clauses(parts: Iterable[Text]) -> Text:
    """Parts of one sentence."""
    return reduce(lambda first, second: Finding("two_clauses", {"first": first, "second": second}), parts)


def _said(name: str) -> Text:
    """A reader within a sentence."""
    return Finding(f"said_{_READERS[name]}") if name in _READERS else name


def _answer(benefit: Benefit, found: dict[str, Sequence[Gain]]) -> Finding:
    """Yes where every reader is helped everywhere, no where none is anywhere."""
    counts = {name: Counter(one.difference.effect for one in own) for name, own in found.items()}
    classes = len(next(iter(found.values())))
    parts = []
    for name, own in counts.items():
        helps, hurts = own["helps"], own["hurts"]
        key = "mixed" if helps and hurts else "helps" if helps else "hurts" if hurts else "neither"
        key += "_only" if classes == 1 else ""
        values = {"reader": _said(name), "helps": str(helps), "hurts": str(hurts), "of": str(classes)}
        parts.append(Finding(f"benefit_{key}", values))
    helped = [own["helps"] for own in counts.values()]
    key = "yes" if min(helped) == classes else "depends" if any(helped) else "no"
    if key == "depends" and 1 in (classes, len(found)):
        key += "_reader" if classes == 1 else "_size"
    first, *others = restorations(benefit)
    model = Finding("benefit_the_best") if others else restorer_title(benefit, first)
    return Finding(f"benefit_answer_{key}", {"model": model, "parts": clauses(parts)})


def _few(benefit: Benefit) -> list[Finding]:
    """What so few plates cannot show, whatever was read."""
    least = least_plates(len(restorations(benefit)))
    few = [one for one in benefit.classes if least > _FEW * len(one.plates)]
    sentences = []
    for key, enough in (("benefit_few", True), ("benefit_too_few", False)):
        titles = [class_title(one.name) for one in few if (least <= len(one.plates)) == enough]
        if titles:
            sentences.append(Finding(key, {"classes": listed(titles), "least": str(least)}))
    return sentences


def _reader(benefit: Benefit, name: str, own: Sequence[Gain]) -> Finding:
    """Where one reader's best restoration helps, hurts, and where that is not told."""
    parts = [part for effect in ("helps", "hurts", "not_apart") if (part := _effect(own, effect))]
    model = restorer_title(benefit, best_restoration(benefit, name))
    return Finding("benefit_reader", {"reader": reader_title(name), "model": model, "parts": clauses(parts)})


def _effect(own: Sequence[Gain], effect: Effect) -> Finding | None:
    there = [one for one in own if one.difference.effect == effect]
    if not there:
        return None
    most = max(there, key=lambda one: abs(one.difference.value))
    values = {"classes": listed([class_title(one.name) for one in there])}
    values |= {"most": class_title(most.name), "gain": points(most.difference)}
    one = "_one" if len(there) == 1 and effect != "not_apart" else ""
    return Finding(f"benefit_effect_{effect}{one}", values)


def _rivals(benefit: Benefit) -> list[Finding]:
    """The best without restoration against the best with, in the first class in full, then over all."""
    if len(benefit.readers) < 2:
        # It would be what was said of the reader.
        return []
    found = rivals(benefit)
    first = found[0]
    values = {
        "class": class_title(first.name),
        "own": _said(first.without.reader),
        "without": _rate(first.without),
        "reader": _said(first.restored.reader),
        "model": restorer_title(benefit, first.restored.restorer),
        "with": _rate(first.restored),
        "gain": points(first.difference),
    }
    sentences = [Finding(f"benefit_rivals_{first.difference.effect}", values)]
    if len(found) > 1:
        effects = [one.difference.effect for one in found]
        counts = {effect: str(effects.count(effect)) for effect in ("helps", "hurts", "not_apart")}
        sentences.append(Finding("benefit_rivals_classes", {**counts, "of": str(len(found))}))
    return sentences


def _sure(benefit: Benefit) -> list[Finding]:
    """In the first class, how often each reader is wrong yet confident, before and after its best restoration."""
    first, parts = benefit.classes[0], []
    for reader in benefit.readers:
        best = best_restoration(benefit, reader.name)
        cells = [first.cell(name, reader.name) for name in (best, NONE)]
        after, before = ([one.isupper() for one in cell.outcomes] for cell in cells)
        if not any(after) and not any(before):
            continue
        apart = difference(after, before, len(restorations(benefit)))
        values = {"reader": _said(reader.name), "model": restorer_title(benefit, best), "gain": points(apart)}
        values |= {
            key: number(100 * cell.false_confident.share, 1)
            for key, cell in zip(("with", "without"), cells, strict=True)
        }
        parts.append(Finding("benefit_sure_reader", values))
    return [Finding("benefit_sure", {"class": class_title(first.name), "parts": clauses(parts)})] if parts else []


def _method(benefit: Benefit) -> Finding:
    return Finding("benefit_method", {"restorations": str(len(restorations(benefit)))})


def _rate(cell: Cell) -> str:
    return number(100 * cell.exact.share, 1)
