"""Forgets what visitors left behind: Gradio alone keeps the last pictures, results and charts of every visit."""

import asyncio
import logging
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import gradio as gr
from gradio.routes import App
from gradio.state_holder import StateHolder

log = logging.getLogger(__name__)

# How long an unused visit is kept; a phone suspends the tab, so a lost connection alone says nothing.
VISIT = timedelta(minutes=30)
# A call of the API opens a visit that nobody returns to.
CALL = timedelta(minutes=2)
PAUSE = 60.0


def forget(holder: StateHolder, choice: gr.State, now: datetime) -> None:
    """Drop the visits that were not used for ``VISIT``, or for ``CALL`` where nothing was ever chosen."""
    for name, session in list(holder.session_data.items()):
        limit = CALL if session.state_data.get(choice._id) is None else VISIT
        if now - holder.time_last_used.get(name, now) > limit:
            holder.session_data.pop(name, None)
            holder.time_last_used.pop(name, None)


def sweeping(choice: gr.State, also: Callable[[], None] = lambda: None):
    """The server's lifespan (FastAPI's): sweeps once a minute, in the one thread that also serves the visits.

    ``also``: what is swept besides.
    """

    async def sweep(app: App) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            try:
                forget(app.state_holder, choice, datetime.now())
                also()
                # Gradio writes a visit there for whoever asks its address for a link; the page itself never does.
                shutil.rmtree(Path(app.uploaded_file_dir) / "deep_links", ignore_errors=True)
            except Exception:
                log.exception("The sweep failed.")

    @asynccontextmanager
    async def lifespan(app: App) -> AsyncGenerator[None]:
        task = asyncio.create_task(sweep(app))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return lifespan
