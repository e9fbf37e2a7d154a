"""The page's words in English, Chinese and French, one file an area in ``locales/``.

A file maps each key to its text in every language. Labels of components are translated by the browser (``label``),
HTML that the server makes by ``Words``; both follow the visitor's browser.
"""

import json
from functools import cache
from html import escape
from pathlib import Path

import gradio as gr

LANGUAGES = ("en", "zh", "fr")
_FOLDER = Path(__file__).with_name("locales")


@cache
def texts() -> dict[str, dict[str, str]]:
    """Every text, by "area.key" and language."""
    return {
        f"{path.stem}.{key}": text
        for path in sorted(_FOLDER.glob("*.json"))
        for key, text in json.loads(path.read_text(encoding="utf-8")).items()
    }


class Words:
    """Texts in one language: ``words("compare.gain", value=1.2)``. Raises KeyError for a key that does not exist."""

    def __init__(self, language: str = "en") -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """The text with ``values`` put in, as plain text."""
        return texts()[key][self.language].format(**values)

    def html(self, key: str, **values: object) -> str:
        """The same, safe inside HTML."""
        return escape(self(key, **values))


def words_for(request: gr.Request | None) -> Words:
    """The words of the visitor's first language that the page knows, else English."""
    wanted = (request.headers.get("accept-language") if request else None) or ""
    for part in wanted.split(","):
        language = part.split(";")[0].strip().lower().split("-")[0]
        if language in LANGUAGES:
            return Words(language)
    return Words()


def translations() -> gr.I18n:
    """All texts, for ``launch(i18n=...)``; "common.complete" is Gradio's own, which says it without having a text."""
    tables = {language: {key: text[language] for key, text in texts().items()} for language in LANGUAGES}
    # Gradio looks the browser's own tag up, and has no way from zh-CN to zh.
    return gr.I18n(**tables, **dict.fromkeys(("zh-CN", "zh-TW", "zh-HK"), tables["zh"]), **{"fr-FR": tables["fr"]})


label = gr.I18n()
