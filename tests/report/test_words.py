"""Every sentence that the report can say is there, with the values it is given."""

import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from string import Formatter

import pytest

from lpsr.app.words import Words, texts
from lpsr.report.build import build
from lpsr.report.shapes import AREA, SECTIONS, Finding, listed, say, sentences

REPORT = Path(__file__).resolve().parents[2] / "lpsr" / "report"
KEYS = {key.partition(".")[2] for key in texts() if key.startswith(f"{AREA}.")}


def findings(value):
    """Every finding in a report, those within others too."""
    if isinstance(value, Finding):
        yield value
        for one in value.values.values():
            yield from findings(one)
    elif isinstance(value, tuple):
        for one in value:
            yield from findings(one)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from findings(getattr(value, name))


@pytest.fixture(scope="module")
def report(made):
    runs = [*made.trio(), *made.trio("headline", (1,)), made.run("forms", "mse")]
    runs += [made.run("forms", f"p-{kind}", kind, form="printed") for kind in ("manhattan", "euclidean")]
    runs += [made.run("dimensions", "mse")] + [made.run("dimensions", f"m{d}", "manhattan", d=d) for d in (64, 128)]
    runs += [made.run("weightings", "mse"), made.run("weightings", "printed", "manhattan", weighting="printed")]
    titles = {"bicubic": "Bicubic", "mse": "MSE", "pecl-manhattan": "PECL-Manhattan"}
    hr = made.scores("HR").model_copy(update={"psnr": None, "psnr_y": None, "ssim": None})
    models = {"hr": hr, **{name: made.scores(title) for name, title in titles.items()}}
    return build(replace(made.results(runs, models), benefit=made.benefit(votes=made.votes())))


@pytest.mark.parametrize("language", ["en", "zh", "fr"])
def test_all_that_a_full_report_says_has_words(report, language):
    said = list(findings(report))
    assert len(said) > 200
    for one in said:
        wanted = {name for _, name, _, _ in Formatter().parse(texts()[f"{AREA}.{one.key}"][language]) if name}
        assert wanted <= {*one.values}, one.key
        text = say(one, Words(language))
        assert text and not re.search(r"\bNone\b|\bnan\b|[{}]", text), text


def test_every_key_in_the_code_has_a_text_and_every_text_is_used(report):
    """A key with a variable part counts where a text has its fixed part."""
    patterns = []
    for path in REPORT.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding"
            if called and node.args:
                patterns += [re.compile(one) for one in keys_of(node.args[0])]
    unknown = [one.pattern for one in patterns if not any(one.fullmatch(key) for key in KEYS)]
    assert patterns and unknown == []
    said = {f"section_{one}" for one in (*SECTIONS, "claims")} | {key for key in KEYS if key.startswith("verdict_")}
    said |= {one.key for one in findings(report)}
    unused = {key for key in KEYS - said if not any(one.fullmatch(key) for one in patterns)}
    assert unused == set()


def keys_of(node):
    if isinstance(node, ast.Constant):
        return [re.escape(node.value)]
    if isinstance(node, ast.JoinedStr):
        return ["".join(re.escape(one.value) if isinstance(one, ast.Constant) else r"\w+" for one in node.values)]
    if isinstance(node, ast.IfExp):
        return keys_of(node.body) + keys_of(node.orelse)
    # The values of a variable are seen in a full report.
    return []


def test_sections_and_verdicts_have_words(report):
    verdicts = ("reproduced", "not_reproduced", "not_shown", "not_measured")
    assert {f"section_{one}" for one in SECTIONS} | {f"verdict_{one}" for one in verdicts} <= KEYS


def test_sentences_and_lists_are_joined_as_the_language_does():
    parts = [Finding("d_level", {"model": name, "value": "1"}) for name in ("A", "B", "C")]
    assert say(sentences(parts), Words("en")) == "A: 1. B: 1. C: 1."
    assert say(sentences(parts), Words("zh")) == "A：1。B：1。C：1。"
    phrases = [Finding("path", {"run": name, "first": "1", "last": "2"}) for name in ("a", "b")]
    assert say(listed(phrases), Words("en")) == "a 1 → 2, b 1 → 2"
    assert say("as it is {x}", Words("en")) == "as it is {x}"


def test_the_report_needs_neither_pytorch_nor_gradio_nor_plotly():
    code = (
        "import sys; import lpsr.report.build, lpsr.report.markdown, lpsr.report.rows, lpsr.app.words; "
        "print([name for name in ('torch', 'gradio', 'plotly') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPORT.parents[1], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
