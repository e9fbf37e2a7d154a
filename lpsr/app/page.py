"""Builds the page from its tabs and serves it."""

import argparse
import os
import signal
import sys
import threading
from contextlib import ExitStack
from tempfile import TemporaryDirectory

# Before Gradio is imported: it reports usage otherwise.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr

from lpsr.app.batch_tab import BatchTab
from lpsr.app.compare_tab import CompareTab
from lpsr.app.gallery import Shelf, shelves
from lpsr.app.language import label, translations
from lpsr.app.maps_tab import MapsTab
from lpsr.app.theme import STYLES, THEME
from lpsr.app.visits import sweeping
from lpsr.errors import InputError
from lpsr.images import MAX_BYTES

TITLE = "LPSR Lab"
# Seconds: how often uploads are deleted, and how old they may be; a full queue takes minutes.
CACHE = (60, 240)


def build(plates: list[Shelf]) -> tuple[gr.Blocks, CompareTab]:
    """The page, not yet served."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=CACHE, fill_width=True) as page:
        # Gradio translates one text a component.
        gr.HTML('<a class="skip" href="#result">' + label("page.skip") + "</a>", elem_classes="first")
        gr.HTML('<header class="top"><h1>LPSR Lab</h1><p>' + label("page.subtitle") + "</p></header>")
        with gr.Tabs():
            with gr.Tab(label("page.tab_compare"), id="compare"):
                compare_tab = CompareTab(plates)
            with gr.Tab(label("page.tab_maps"), id="maps") as tab:
                maps_tab = MapsTab(tab)
            with gr.Tab(label("page.tab_batch"), id="batch") as tab:
                batch_tab = BatchTab(tab)
        gr.HTML('<footer class="footnote">' + label("page.footnote") + "</footer>")
        compare_tab.listen(page)
        maps_tab.listen(compare_tab.choice)
        batch_tab.listen(compare_tab.settings)
    page.queue(max_size=64, default_concurrency_limit=4, api_open=False)
    return page, compare_tab


def main(arguments: list[str] | None = None) -> int:
    """Serve the page until interrupted. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python app.py", description="The page of LPSR Lab.")
    parser.add_argument(
        "--ccpd", metavar="DIR", help="folder of real plates to add, CCPD or a plate folder (default: CCPD_ROOT)"
    )
    parser.add_argument("--host", help="address to listen on (default: GRADIO_SERVER_NAME, or this machine alone)")
    parser.add_argument(
        "--port", type=int, help="port to listen on (default: GRADIO_SERVER_PORT, or the first free from 7860)"
    )
    parser.add_argument("--share", action="store_true", help="ask gradio.live for a public link")
    args = parser.parse_args(arguments)
    with ExitStack() as stack:
        if not os.environ.get("GRADIO_TEMP_DIR"):
            os.environ["GRADIO_TEMP_DIR"] = stack.enter_context(
                TemporaryDirectory(prefix="lpsr-", ignore_cleanup_errors=True)
            )
            stack.callback(os.environ.pop, "GRADIO_TEMP_DIR")
        # What stops a server stops it as Ctrl-C does, so that no file stays behind.
        stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, signal.default_int_handler))
        try:
            return _serve(args)
        except KeyboardInterrupt:
            return 0


def _serve(args: argparse.Namespace) -> int:
    try:
        page, compare_tab = build(shelves(args.ccpd))
    except InputError as error:
        print(f"app: {error}", file=sys.stderr)
        return 2
    try:
        launch(page, compare_tab, args.host, args.port, args.share)
    except (OSError, OverflowError, ValueError) as error:
        sentence = str(error).rstrip(".")
        print(f"app: The page cannot be served: {sentence}; try another --port or --host.", file=sys.stderr)
        return 2
    threading.Thread(target=compare_tab.warm_up, daemon=True).start()
    try:
        threading.Event().wait()
    finally:
        page.close()


def launch(
    page: gr.Blocks, compare_tab: CompareTab, host: str | None = None, port: int | None = None, share: bool = False
) -> None:
    """Serve the page from threads of its own. Raises OSError, OverflowError or ValueError where it cannot be."""
    page.launch(
        server_name=host,
        server_port=port,
        share=share,
        theme=THEME,
        css_paths=STYLES,
        i18n=translations(),
        max_file_size=MAX_BYTES,
        footer_links=["api"],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        state_session_capacity=1000,
        app_kwargs={"lifespan": sweeping(compare_tab.choice)},
        prevent_thread_lock=True,
    )
