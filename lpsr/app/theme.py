"""How the page looks: a quiet theme on system fonts."""

from pathlib import Path

import gradio as gr

_STATIC = Path(__file__).with_name("static")
STYLES = sorted(_STATIC.glob("*.css"))

THEME = gr.themes.Base(
    primary_hue=gr.themes.colors.zinc,
    secondary_hue=gr.themes.colors.zinc,
    neutral_hue=gr.themes.colors.zinc,
    spacing_size=gr.themes.sizes.spacing_sm,
    radius_size=gr.themes.sizes.radius_sm,
    text_size=gr.themes.sizes.text_md,
    # System fonts alone: a font from elsewhere would tell its server about every visit.
    font=("system-ui", "-apple-system", "Segoe UI", "Noto Sans CJK SC", "sans-serif"),
    font_mono=("ui-monospace", "SFMono-Regular", "Menlo", "monospace"),
).set(
    body_background_fill="#fbfbfa",
    body_background_fill_dark="#161618",
    body_text_color_subdued="#5c5c64",
    body_text_color_subdued_dark="#a6a6ae",
    block_border_width="1px",
    block_shadow="none",
)


def script(name: str) -> str:
    """The code of ``static/NAME.js``, for a component's ``js_on_load``."""
    return (_STATIC / f"{name}.js").read_text(encoding="utf-8")
