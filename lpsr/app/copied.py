"""Text with a button that copies it (``static/copy.js``)."""

import re
from html import escape

from lpsr.app.words import Words


def copied(title: str, code: str, words: Words) -> str:
    """HTML of a titled text; ``code`` is HTML already."""
    title, copy = escape(title), words.html("copy.copy")
    return (
        f'<div class="copied"><span>{title}</span>'
        f'<button type="button" data-done="{words.html("copy.done")}" data-copy="{copy}"'
        f' aria-label="{copy}: {title}">{copy}</button>'
        f'<pre tabindex="0" role="region" aria-label="{title}">{code}</pre></div>'
    )


def command_html(commands: str) -> str:
    """Command lines as HTML that breaks before an option, not within its dashes."""
    lines = (re.split(r"(?<= )(?=--)", line) for line in commands.splitlines())
    return "\n".join("".join(f"<span>{escape(part)}</span>" for part in line) for line in lines)
