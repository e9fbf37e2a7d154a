"""The page's words in English, Chinese and French, one file an area in ``locales/``; the report's too, without Gradio.

A file maps each key to its text in every language.
"""

import json
from functools import cache
from html import escape
from pathlib import Path

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
