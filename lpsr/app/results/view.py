"""The component that shows a report, or parts of one."""

import gradio as gr

from lpsr.app.plots import plotly
from lpsr.app.theme import script

_TEMPLATE = '<div class="results"></div><p class="failed" role="status"></p>'


def report_view(elem_id: str) -> gr.HTML:
    """The component that shows parts of a report, given as the JSON that ``content`` makes."""
    return gr.HTML(
        "",
        html_template=_TEMPLATE,
        js_on_load=script("plots") + script("copy") + script("results"),
        elem_id=elem_id,
        plotly=plotly(),
    )
