"""The controls of a comparison: the degradation, with presets, the reader, and the checkpoints."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from lpsr.app.engines import ENGINES, offered, title
from lpsr.app.language import Words, label
from lpsr.app.link import Settings, preset_of
from lpsr.app.session import shipped_models
from lpsr.degrade import KERNELS, PAPER, PLACES, PRESETS, Degradation
from lpsr.errors import InputError
from lpsr.readers import DEFAULT as DEFAULT_READER

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.checkpoints import Card

MOST_MODELS = 6
_NONE = "none"
_LEAST_QUALITY, _USUAL_QUALITY = 5, 50
# A button that folds a group in and out, and says so.
_FOLD = """() => {{
  const group = document.getElementById('{group}');
  const open = group.classList.toggle('unfolded');
  document.getElementById('{button}').setAttribute('aria-expanded', String(open));
}}"""


class _Slider(gr.Slider):
    """``gr.Slider`` that gives the number in its field, which may be empty, or beyond its ends as a link's may be."""

    is_template = True

    def preprocess(self, payload: float | None) -> float:
        return payload if isinstance(payload, int | float) else self.minimum


class Lab:
    """The components; ``controls`` are those that ``values`` fills and ``settings`` reads, in one order.

    ``choose`` unfolds the checkpoints.
    """

    def __init__(self) -> None:
        with gr.Row(elem_classes="lab-bar"):
            gr.HTML(label("lab.degradation"))
            self.preset = gr.Radio(
                [(label(f"lab.{name}"), name) for name in PRESETS],
                value="paper",
                label=label("lab.degradation"),
                container=False,
                elem_id="preset",
            )
            adjust = gr.Button(label("lab.adjust"), size="sm", elem_id="adjust")
            self.choose = gr.Button(label("lab.checkpoints"), size="sm", elem_id="choose")
            # Those that are here are known once the page is opened.
            gr.HTML(label("readers.reader"))
            self.reader = gr.Dropdown(
                [(label(f"readers.{name}"), name) for name in ENGINES],
                value=DEFAULT_READER,
                label=label("readers.reader"),
                container=False,
                filterable=False,
                elem_id="reader",
            )
        with gr.Column(elem_id="lab"):
            with gr.Row():
                with gr.Column(min_width=200):
                    blur = _Slider(0, 8, 0, step=0.25, label=label("lab.blur"), elem_id="blur")
                    blur_at = _place("blur", PLACES, PAPER.blur_at)
                with gr.Column(min_width=200):
                    motion = _Slider(0, 32, 0, step=1, label=label("lab.motion_length"), elem_id="motion")
                    angle = _Slider(-90, 90, 0, step=5, label=label("lab.angle"), elem_id="angle")
                with gr.Column(min_width=200):
                    noise = _Slider(0, 40, 0, step=1, label=label("lab.noise"), elem_id="noise")
                    noise_at = _place("noise", PLACES, PAPER.noise_at)
                with gr.Column(min_width=200):
                    jpeg = _Slider(_LEAST_QUALITY, 100, _USUAL_QUALITY, step=1, label=label("lab.jpeg"), elem_id="jpeg")
                    jpeg_at = _place("jpeg", (_NONE, *PLACES), _NONE)
                with gr.Column(min_width=200):
                    kernel = gr.Dropdown(
                        [(label(f"lab.kernel_{name}"), name) for name in KERNELS],
                        value=PAPER.kernel,
                        label=label("lab.kernel"),
                        elem_id="kernel",
                        filterable=False,
                    )
            gr.HTML(label("lab.lengths"), elem_classes="hint")
        with gr.Column(elem_id="picker"):
            self.models = gr.CheckboxGroup([], label=label("lab.picker"), elem_id="models")
        self.degradation = [kernel, blur, motion, angle, blur_at, noise, noise_at, jpeg, jpeg_at]
        self.controls = [*self.degradation, self.models, self.reader]
        for button, group in ((adjust, "lab"), (self.choose, "picker")):
            button.click(None, js=_FOLD.format(button=button.elem_id, group=group), api_visibility="private")


def _place(name: str, places: tuple[str, ...], value: str) -> gr.Radio:
    return gr.Radio(
        [(label(f"lab.{place}"), place) for place in places],
        value=value,
        label=label(f"lab.place_{name}"),
        elem_id=f"{name}-at",
    )


def degradation_of(values: Sequence) -> Degradation:
    """What the degradation's controls say. Raises InputError.

    The place of what is not there is of no account, so that neutral settings equal the paper's.
    """
    kernel, blur, motion, angle, blur_at, noise, noise_at, jpeg, jpeg_at = values
    return Degradation(
        kernel=kernel,
        blur=blur,
        motion=motion,
        angle=angle if motion else PAPER.angle,
        blur_at=blur_at if blur or motion else PAPER.blur_at,
        noise=noise,
        noise_at=noise_at if noise else PAPER.noise_at,
        jpeg=None if jpeg_at == _NONE else int(jpeg),
        jpeg_at=PAPER.jpeg_at if jpeg_at == _NONE else jpeg_at,
    )


def settings_of(values: Sequence, shipped: Sequence[str]) -> Settings:
    """What all controls say; ``shipped`` are the checkpoints that are ticked by default. Raises InputError."""
    *degradation, models, reader = values
    # A visitor may send anything by hand.
    if reader not in ENGINES:
        raise InputError(f"There is no such reader; choose one of {', '.join(ENGINES)}.")
    return Settings(degradation_of(degradation), None if list(models) == list(shipped) else tuple(models), reader)


def values_of(degradation: Degradation) -> list:
    """What the degradation's controls show for it."""
    one = degradation
    quality, place = (_USUAL_QUALITY, _NONE) if one.jpeg is None else (one.jpeg, one.jpeg_at)
    return [one.kernel, one.blur, one.motion, one.angle, one.blur_at, one.noise, one.noise_at, quality, place]


def preset_shown(*values: Any) -> str | None:
    """The preset that the degradation's controls make; None for none, and for what cannot be used."""
    try:
        return preset_of(degradation_of(values))
    except InputError:
        return None


def chosen_models(settings: Settings) -> list[str]:
    """The checkpoints of the settings, those that ship where the visitor did not choose."""
    return shipped_models() if settings.models is None else list(settings.models)


def picker(settings: Settings, words: Words) -> dict:
    """The update of ``Lab.models``: the checkpoints that are here, with those of the settings ticked."""
    from lpsr.checkpoints import list_checkpoints

    known, wanted = list_checkpoints(), chosen_models(settings)
    ticked = [card.name for card in known if card.name in wanted]
    return gr.update(choices=[(card_line(card, words), card.name) for card in known], value=ticked)


def engine_picker(settings: Settings, words: Words) -> dict:
    """The update of ``Lab.reader``: the readers that are here, and the one of the settings."""
    here = offered()
    chosen = settings.reader if settings.reader in here else DEFAULT_READER
    return gr.update(choices=[(title(name, words), name) for name in here], value=chosen)


def describe(degradation: Degradation, words: Words) -> str:
    """A degradation in words: "Night: bicubic ×8, blur σ 2 px before, noise σ 8 after, JPEG quality 70 after"."""
    one = degradation
    parts = [f"{words(f'lab.kernel_{one.kernel}')} ×{one.scale}"]
    if one.blur:
        parts.append(words("lab.how_blur", value=one.blur, place=words(f"lab.it_{one.blur_at}")))
    if one.motion >= 1:
        place = words(f"lab.it_{one.blur_at}")
        parts.append(words("lab.how_motion", value=one.motion, angle=one.angle, place=place))
    if one.noise:
        parts.append(words("lab.how_noise", value=one.noise, place=words(f"lab.it_{one.noise_at}")))
    if one.jpeg is not None:
        parts.append(words("lab.how_jpeg", value=one.jpeg, place=words(f"lab.it_{one.jpeg_at}")))
    preset = preset_of(one)
    name = "" if preset == "paper" else words(f"lab.{preset or 'own'}") + ": "
    return name + ", ".join(parts)


def card_line(card: "Card", words: Words) -> str:
    """A checkpoint in a line: title, loss, iterations, device, test result."""
    one = card.loss
    pecl = f"PECL, {one.distance}, {one.form}, d = {one.d}, {one.weighting}"
    recognition = f"{one.w_recognition:g}"
    loss = {
        "mse": "MSE",
        "pecl": words("lab.reading", loss=pecl, weight=f"{one.w_reading:g}") if one.reads else pecl,
        "guided": words("lab.guided", weight=recognition),
        "lcofl": words("lab.lcofl_adversary" if one.adversary else "lab.lcofl", weight=recognition),
        "confidence": words("lab.confidence", weight=f"{one.w_confidence:g}"),
    }[one.kind]
    facts = words("lab.card", loss=loss, iterations=card.iterations, device=card.device)
    if card.test is None:
        result = words("lab.untested")
    else:
        score = card.test
        # Plates without texts, and a place without a reader, leave the readings out.
        key, exact = ("lab.tested", 100 * score["exact"]) if "exact" in score else ("lab.tested_unread", 0)
        result = words(key, psnr=score["psnr"]["median"], exact=exact, n=score["n"])
    return f"{card.title} ({card.name}): {facts} · {result}"
