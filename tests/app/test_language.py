"""The page's words."""

import ast
import re
from pathlib import Path
from string import Formatter
from types import SimpleNamespace

import pytest

from lpsr.app import language
from lpsr.app.language import LANGUAGES, Words, texts, translations, words_for

APP = Path(language.__file__).parent


def places(text):
    return sorted((name, form) for _, name, form, _ in Formatter().parse(text) if name is not None)


def test_every_text_is_there_in_every_language_with_the_same_values():
    for key, text in texts().items():
        assert tuple(text) == LANGUAGES, key
        assert text["en"], key
        assert all(places(one) == places(text["en"]) for one in text.values()), key


def test_chinese_is_chinese():
    unit = re.compile(r"^[\W\dA-Za-zσ]*$")
    untranslated = [key for key, text in texts().items() if text["zh"] == text["en"] and not unit.match(text["zh"])]
    assert untranslated == []


def test_every_key_in_the_code_has_a_text():
    """A key with a variable part counts where its fixed part begins a key."""
    areas = {key.partition(".")[0] for key in texts()}
    used = set()
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                area, dot, rest = node.value.partition(".")
                if dot and area in areas and re.fullmatch(r"\w+", rest) and rest not in ("js", "css"):
                    used.add(node.value)
    # A key that ends in an underscore is the fixed part of several.
    unknown = [
        key for key in used if not any(one == key or (key[-1] == "_" and one.startswith(key)) for one in texts())
    ]
    assert used and unknown == []


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("fr-CA", "fr"),
        ("de,fr;q=0.5", "fr"),
        ("de", "en"),
        ("", "en"),
        (None, "en"),
        (";;,,", "en"),
    ],
)
def test_the_browsers_first_known_language_is_taken(header, language):
    assert (
        words_for(SimpleNamespace(headers={"accept-language": header} if header is not None else {})).language
        == language
    )


def test_without_a_request_it_is_english():
    assert words_for(None).language == "en"


def test_values_are_put_in_and_escaped_in_html():
    words = Words("en")
    assert words("compare.note_checkpoint", name="<b>").startswith("The checkpoint <b> ")
    assert "&lt;b&gt;" in words.html("compare.note_checkpoint", name="<b>")
    with pytest.raises(KeyError):
        words("compare.nonsense")


def test_the_browser_finds_the_words_of_regional_languages():
    found = translations().translations
    assert found["zh-CN"]["page.tab_compare"] == found["zh"]["page.tab_compare"] == texts()["page.tab_compare"]["zh"]
