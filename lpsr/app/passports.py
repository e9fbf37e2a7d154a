"""A passport as HTML: what was measured on, and how."""

from collections.abc import Mapping
from html import escape
from typing import Any


def facts(passport: Mapping[str, Any]) -> str:
    """Names and values as they are, those within a value below one another."""

    def text(value: Any) -> str:
        if isinstance(value, dict):
            return "<br>".join(f"{escape(str(key))} {escape(str(one))}" for key, one in value.items())
        return "–" if value is None else escape(str(value))

    listed = "".join(f"<div><dt>{escape(key)}</dt><dd>{text(value)}</dd></div>" for key, value in passport.items())
    return f'<dl class="after-facts">{listed}</dl>'
