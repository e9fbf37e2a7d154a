"""What a visitor sends: files, as the paths of what nobody has opened yet, and what the page's scripts say."""

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.data_classes import ListFiles
from gradio_client.utils import is_http_url_like

from lpsr.errors import InputError
from lpsr.images import open_picture

NO_ADDRESS = "Send the picture itself, not an address."


def _path(component: gr.components.Component, payload: gr.FileData | None) -> str | None:
    # Gradio would open the file before we see it, and fail on a damaged one with its own words.
    return None if payload is None else payload.path


def _files(component: gr.components.Component, payload: ListFiles | None) -> list[tuple[str, str]]:
    # The path has lost some characters of the name, such as the "&" of CCPD's.
    return [(file.path, file.orig_name or file.path) for file in payload or []]


async def _stay(component: gr.components.Component, path: str | None) -> str | None:
    # Gradio would download an address, of whatever size; an upload already lies in the folder that it sweeps.
    if path is not None and is_http_url_like(path):
        raise gr.Error(NO_ADDRESS, print_exception=False)
    return path


def take_picture(path: str) -> np.ndarray:
    """Read an uploaded file. Raises InputError.

    The file is left to Gradio's sweep: equal uploads are one file, which another visitor may be waiting for.
    """
    if not Path(path).is_file():
        raise InputError("The upload did not arrive; bring the picture again.")
    return open_picture(path, "The upload")


def sent(event: gr.EventData, name: str) -> Any:
    """What a script's ``trigger`` sent under a name, or None; a visitor may send anything by hand."""
    return event._data.get(name) if isinstance(event._data, dict) else None


# Methods of a class, not of an instance: Gradio makes components anew for each visitor.
class PictureUpload(gr.Image):
    """``gr.Image`` that gives the path of the file as it came."""

    is_template = True
    preprocess = _path
    async_move_resource_to_block_cache = _stay


class FileUpload(gr.File):
    """``gr.File`` that gives the path of the file as it came."""

    is_template = True
    preprocess = _path
    async_move_resource_to_block_cache = _stay


class FilesUpload(gr.File):
    """``gr.File`` for several files that gives the path of each as it came, and what the visitor calls it."""

    is_template = True
    preprocess = _files
    async_move_resource_to_block_cache = _stay


class ClipUpload(gr.UploadButton):
    """``gr.UploadButton`` for several files that gives the path of each as it came, and what the visitor calls it."""

    is_template = True
    preprocess = _files
    async_move_resource_to_block_cache = _stay
