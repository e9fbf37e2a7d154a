"""The language of a visitor's browser: labels of components are translated there (``label``), HTML by ``Words``."""

import gradio as gr

from lpsr.app.words import LANGUAGES, Words, texts


def words_for(request: gr.Request | None) -> Words:
    """The words of the visitor's first language that the page knows, else English."""
    wanted = (request.headers.get("accept-language") if request else None) or ""
    for part in wanted.split(","):
        language = part.split(";")[0].strip().lower().split("-")[0]
        if language in LANGUAGES:
            return Words(language)
    return Words()


def translations() -> gr.I18n:
    """All texts, for ``launch(i18n=...)``; "common.complete" is Gradio's own, which says it without having a text."""
    tables = {language: {key: text[language] for key, text in texts().items()} for language in LANGUAGES}
    # Gradio looks the browser's own tag up, and has no way from zh-CN to zh.
    return gr.I18n(**tables, **dict.fromkeys(("zh-CN", "zh-TW", "zh-HK"), tables["zh"]), **{"fr-FR": tables["fr"]})


label = gr.I18n()
