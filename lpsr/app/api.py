"""The endpoints of the HTTP API: ``/compare`` and ``/locate``, each of one picture."""

import logging
from collections.abc import Callable
from typing import Any

import gradio as gr
import numpy as np

from lpsr.app import session
from lpsr.app.language import Words
from lpsr.app.photo.state import find
from lpsr.app.session import PROCESSOR, Choice
from lpsr.app.uploads import FileUpload, take_picture
from lpsr.errors import InputError

log = logging.getLogger(__name__)


class Api:
    """The components that carry a picture and its answer; the page does not show them."""

    def __init__(self) -> None:
        with gr.Row(visible=False):
            self.ports = {name: (FileUpload(label="picture"), gr.JSON()) for name in ("compare", "locate")}

    def listen(self) -> None:
        for (name, (picture, answer)), function in zip(self.ports.items(), (_answer, _locate), strict=True):
            picture.upload(function, picture, answer, api_name=name, concurrency_id=PROCESSOR, concurrency_limit=1)


def _answer(picture: str | None) -> dict:
    """Degrade a plate ×8, restore it with every model, and measure and read each.

    Takes a picture of a plate and returns {"hr_size": [w, h], "models": [{"name", "psnr", "psnr_y", "ssim",
    "reading": {...}}], ...}.
    """
    made = lambda one: session.read(session.compared(Choice(one))).comparison.to_json()  # noqa: E731
    return _of(picture, made, "Send a picture of a plate.")


def _locate(picture: str | None) -> dict:
    """Find the plates in a photo.

    Takes a picture and returns {"plates": [{"corners": [[x, y] × 4], "score", "text"}]}, best first, the corners in
    its pixels, clockwise from the plate's top left; [] where none is found.
    """
    return _of(picture, lambda one: {"plates": [found.to_json() for found in find(one)]}, "Send a photo.")


def _of(path: str | None, make: Callable[[np.ndarray], Any], ask: str) -> Any:
    """What ``make`` makes of the picture; a sentence where it cannot."""
    try:
        if path is None:
            raise InputError(ask)
        return make(take_picture(path))
    except InputError as error:
        raise gr.Error(str(error), print_exception=False) from None
    except Exception:
        log.exception("A call of the API failed.")
        raise gr.Error(Words()("page.sorry"), print_exception=False) from None
