"""Builds the page from its tabs and serves it."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from tempfile import TemporaryDirectory

# Before Gradio is imported: it reports usage otherwise.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr

from lpsr.app.batch_tab import BatchTab
from lpsr.app.compare_tab import CompareTab
from lpsr.app.gallery import Shelf, shelves
from lpsr.app.help.tab import DESK, HelpTab
from lpsr.app.language import label, translations
from lpsr.app.maps_tab import MapsTab
from lpsr.app.results.tab import ResultsTab
from lpsr.app.theme import STYLES, THEME
from lpsr.app.tokens import browser_token
from lpsr.app.training.dispatcher import dispatch
from lpsr.app.training.tab import TrainingTab
from lpsr.app.visits import sweeping
from lpsr.errors import InputError
from lpsr.images import MAX_BYTES
from lpsr.training.bounds import MOST_UPLOAD, Bounds, bounds

TITLE = "LPSR Lab"
# The address opens the same tab again. Plotly draws what is hidden 700 pixels wide, and looks again at a resize.
_OPENED = """() => {{
  const address = new URL(location.href);
  address.searchParams.delete('tab');
  if ('{tab}' !== 'compare') address.searchParams.set('tab', '{tab}');
  history.replaceState(history.state, '', address);
  if (parent !== window) parent.postMessage({{ queryString: address.search, hash: '' }}, 'https://huggingface.co');
  setTimeout(() => window.dispatchEvent(new Event('resize')), 50);
}}"""
# On a slow machine Gradio opens the first tab once more after it has opened the one that the address names, so that is
# asked for until it stays open or the visitor does something.
_STAYS = """<script>(() => {
  const name = new URL(location.href).searchParams.get('tab');
  if (!name) return;
  let stays = 0;
  const end = () => clearInterval(asking);
  const asking = setInterval(() => {
    const tab = document.querySelector(`[role="tab"][data-tab-id="${CSS.escape(name)}"]`);
    if (!tab) return;
    if (tab.getAttribute('aria-selected') !== 'true') { stays = 0; tab.click(); }
    else if (++stays === 20) end();
  }, 50);
  setTimeout(end, 15000);
  for (const event of ['pointerdown', 'keydown']) addEventListener(event, end, { once: true });
})()</script>"""
# Seconds: how often uploads are deleted, and how old they may be; a full queue takes minutes.
CACHE = (60, 240)


def build(plates: list[Shelf], bounds: Bounds, folders: Sequence[str] = ()) -> tuple[gr.Blocks, CompareTab]:
    """The page, not yet served.

    Args:
        bounds: what visitors may train.
        folders: of plates on this machine that they may train on.
    """
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=CACHE, fill_width=True) as page:
        # Gradio translates one text a component.
        gr.HTML('<a class="skip" href="#result">' + label("page.skip") + "</a>", elem_classes="first")
        gr.HTML('<header class="top"><h1>LPSR Lab</h1><p>' + label("page.subtitle") + "</p></header>")
        with gr.Tabs() as tabs:
            with gr.Tab(label("page.tab_compare"), id="compare") as compare:
                compare_tab = CompareTab(plates)
            with gr.Tab(label("page.tab_maps"), id="maps") as maps:
                maps_tab = MapsTab(maps)
            with gr.Tab(label("page.tab_batch"), id="batch") as batch:
                batch_tab = BatchTab(batch)
            with gr.Tab(label("page.tab_help"), id="help") as helping:
                help_tab = HelpTab(helping, hosted=bounds.mode != "full")
            with gr.Tab(label("page.tab_training"), id="training") as training:
                training_tab = TrainingTab(training, bounds, folders)
            with gr.Tab(label("page.tab_results"), id="results") as results:
                results_tab = ResultsTab(results)
        gr.HTML('<footer class="footnote">' + label("page.footnote") + "</footer>")
        token = browser_token()
        compare_tab.listen(page, training_tab.asked)
        maps_tab.listen(compare_tab.choice)
        batch_tab.listen(compare_tab.settings)
        help_tab.listen(page, token)
        training_tab.listen(token, tabs, [compare, maps, batch, helping, results])
        results_tab.listen()
        for tab in (compare, maps, batch, helping, training, results):
            tab.select(None, js=_OPENED.format(tab=tab.id), api_visibility="private")
        page.load(_tab, None, tabs, queue=False, show_progress="hidden", api_visibility="private")
    page.queue(max_size=64, default_concurrency_limit=4, api_open=False)
    return page, compare_tab


def main(arguments: list[str] | None = None) -> int:
    """Serve the page until interrupted. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python app.py", description="The page of LPSR Lab.")
    parser.add_argument(
        "--ccpd",
        default=os.environ.get("CCPD_ROOT"),
        metavar="DIR",
        help="folder of real plates to add, CCPD or a plate folder (default: CCPD_ROOT)",
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
        allowed = bounds(hosted=args.share or not _alone(args.host))
        page, compare_tab = build(shelves(args.ccpd), allowed, [args.ccpd] if args.ccpd else [])
    except InputError as error:
        print(f"app: {error}", file=sys.stderr)
        return 2
    try:
        largest = MOST_UPLOAD if allowed.mode == "full" else MAX_BYTES
        launch(page, compare_tab, args.host, args.port, args.share, largest)
    except (OSError, OverflowError, ValueError) as error:
        sentence = str(error).rstrip(".")
        print(f"app: The page cannot be served: {sentence}; try another --port or --host.", file=sys.stderr)
        return 2
    threading.Thread(target=_work, args=(compare_tab, allowed), daemon=True).start()
    try:
        threading.Event().wait()
    finally:
        page.close()
        DESK.close()


def _tab(request: gr.Request) -> dict:
    """The tab that the address names."""
    name = request.query_params.get("tab")
    return gr.Tabs(selected=name) if name in ("maps", "batch", "help", "training", "results") else gr.skip()


def _alone(host: str | None) -> bool:
    """Whether only this machine reaches the page."""
    host = host or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    return host in ("127.0.0.1", "localhost", "::1") and not os.environ.get("SPACE_ID")


def _work(compare_tab: CompareTab, allowed: Bounds) -> None:
    """What goes on behind the page; the first comparison is not kept waiting."""
    compare_tab.warm_up()
    if allowed.mode != "off":
        from lpsr.training.runs import RUNS

        dispatch(RUNS, allowed.minutes)


def launch(
    page: gr.Blocks,
    compare_tab: CompareTab,
    host: str | None = None,
    port: int | None = None,
    share: bool = False,
    largest: int = MAX_BYTES,
) -> None:
    """Serve the page from threads of its own; ``largest`` are the bytes of one upload.

    Raises OSError, OverflowError or ValueError where it cannot be.
    """
    page.launch(
        server_name=host,
        server_port=port,
        share=share,
        theme=THEME,
        css_paths=STYLES,
        head=_STAYS,
        i18n=translations(),
        max_file_size=largest,
        footer_links=["api"],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        state_session_capacity=1000,
        app_kwargs={"lifespan": sweeping(compare_tab.choice, DESK.sweep)},
        prevent_thread_lock=True,
    )
