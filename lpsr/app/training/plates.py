"""What the set-up form says of plates that a visitor names or brings."""

import logging
import os
import time
from collections.abc import Iterator

import gradio as gr

from lpsr.app.cards import alert
from lpsr.app.language import words_for
from lpsr.app.training import form_html as html
from lpsr.errors import InputError

log = logging.getLogger(__name__)

# Seconds: how long an uploaded ZIP is kept for a page that stays open, and how often the page says that it does.
KEPT, TOUCH = 30 * 60, 60


def look_into_folder(path: str | None, plates: dict, request: gr.Request) -> tuple[str, dict]:
    """What a folder on the server holds, or why it cannot be used; ``plates`` with what it holds by split."""
    from lpsr.training.material import check_folder

    words = words_for(request)
    if not path:
        return "", plates
    try:
        counts = check_folder(path)
        return html.found(counts, words), plates | {path: counts}
    except InputError as error:
        return alert(str(error)), plates
    except Exception:
        log.exception("A folder could not be checked.")
        return alert(words("train.sorry")), plates


def look_into_zip(path: str | None, plates: dict, request: gr.Request) -> Iterator[tuple]:
    """What an uploaded ZIP holds; one that cannot be used is not kept."""
    from lpsr.training.material import check_archive

    words = words_for(request)
    yield html.checking(words), *[gr.skip()] * 4
    try:
        archive = check_archive(path)
        found, usable = html.unpacked(archive, words), not archive.problem
        plates = plates | {path: archive.plates}
    except InputError as error:
        found, usable = alert(str(error)), False
    except Exception:
        log.exception("A ZIP could not be checked.")
        found, usable = alert(words("train.sorry")), False
    yield found, gr.skip() if usable else None, plates, time.monotonic() + KEPT, gr.Timer(active=usable)


def touch(path: str | None, until: float, request: gr.Request) -> tuple:
    """Keep the ZIP from the sweep of uploads while the page is open, for ``KEPT`` seconds."""
    if path is not None and time.monotonic() < until:
        try:
            os.utime(path)
            return gr.skip(), gr.skip(), gr.skip()
        except OSError:
            # A computer that slept came back too late.
            pass
    return alert(words_for(request)("train_form.zip_gone")), None, gr.Timer(active=False)
