"""One colour for each model, in captions, charts and tables alike."""

from collections.abc import Iterable

# Okabe & Ito's colour-blind safe set; those chosen have a contrast of 3 : 1 and more on the light and the dark page.
COLOURS = {
    "hr": "var(--body-text-color)",
    "lr": "#8a8a8a",
    "bicubic": "#CC79A7",
    "mse": "#0072B2",
    "pecl-euclidean": "#009E73",
    "pecl-manhattan": "#D55E00",
    # Not of that set, which has no fourth of enough contrast; apart from the others in lightness too.
    "mse-long": "#8A7CD0",
}
# For other checkpoints in the order they are shown; named in every caption, since six more hues cannot all be safe.
MORE = ("#A6761D", "#6F8F2F", "#2E8FA3", "#C0504D", "#7F7F4C", "#9C5FB5")


def colours(names: Iterable[str]) -> dict[str, str]:
    """The colour of each of the models that are shown together."""
    more = iter(MORE)
    return {name: COLOURS.get(name) or next(more) for name in names}
