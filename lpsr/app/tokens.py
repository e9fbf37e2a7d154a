"""The token by which a visitor's browser is known again: what it asked for is for it alone."""

import secrets
from typing import Any

import gradio as gr

# Where the browser keeps it; the server keeps no list of them.
KEY = "lpsr-visitor"


def browser_token() -> gr.BrowserState:
    """The component, to be made outside of all tabs: a tab's is neither read nor stored before that is opened."""
    return gr.BrowserState("", storage_key=KEY, secret=KEY)


def is_token(token: Any) -> bool:
    """Whether the browser, which may send anything, sent one."""
    return isinstance(token, str) and len(token) >= 20


def token_of(token: Any) -> str:
    """What the browser sent, or a new one that nobody else has."""
    return token if is_token(token) else secrets.token_urlsafe(16)
