"""Pages of one part alone, served by the process that tests them."""

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from lpsr.app.language import translations
from lpsr.app.theme import STYLES, THEME


@contextmanager
def served(page: gr.Blocks) -> Iterator[str]:
    """The page's address."""
    page.launch(
        theme=THEME, css_paths=STYLES, i18n=translations(), ssr_mode=False, prevent_thread_lock=True, quiet=True
    )
    try:
        yield page.local_url
    finally:
        page.close(verbose=False)
