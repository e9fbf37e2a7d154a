"""What ``static/plots.js`` needs to draw charts with the Plotly that Gradio brings."""

from pathlib import Path

import gradio as gr

from lpsr.app.words import Words

_KEYS = ("png", "save", "csv", "csv_hint", "reset", "reset_hint", "failed")


def plotly() -> str:
    """The file name of the Plotly that Gradio's page loads for its own charts; empty where it has none."""
    assets = Path(gr.__file__).parent / "templates" / "frontend" / "assets"
    return next((path.name for path in assets.glob("PlotlyPlot-*.js")), "")


def plot_words(words: Words) -> dict[str, str]:
    """The words on and around a chart's buttons."""
    return {key: words(f"plots.{key}") for key in _KEYS}
