"""The page: one file a tab; nothing below this package knows Gradio or Plotly."""
