"""The components of the set-up form: what most people touch in sight, the rest in groups that fold."""

from collections.abc import Sequence

import gradio as gr

from lpsr.app.language import Words, label
from lpsr.app.theme import script
from lpsr.app.training.values import CUSTOM, EMBEDDER_ITERATIONS, OWN, RANDOM, SHIPPED, TRIO, Values
from lpsr.app.uploads import FileUpload

# Titles that are the same in every language.
TITLES = {"mse": "MSE", "pecl-euclidean": "PECL-Euclidean", "pecl-manhattan": "PECL-Manhattan"}
_FOLD = """() => {{
  const button = document.getElementById('setup-fold-{0}');
  const open = document.getElementById('setup-group-{0}').classList.toggle('unfolded');
  button.setAttribute('aria-expanded', String(open));
}}"""
# Before one was clicked.
FOLDED = """() => document.querySelectorAll('.setup-fold:not([aria-expanded])').forEach(
  (one) => one.setAttribute('aria-expanded', 'false'))"""


class _Number(gr.Number):
    """``gr.Number`` that gives what its field holds, whatever that is: ``plans_of`` says what is wrong with it."""

    is_template = True

    def preprocess(self, payload: float | None) -> float | None:
        return payload


class Controls:
    """The components by their key in ``Values``, and the HTML beside them.

    Args:
        folders: of plates on the server, to choose from.
        full: all of them in sight; else only those that a visitor of a demo may change.
    """

    def __init__(self, folders: Sequence[str], full: bool) -> None:
        self.by_key: dict[str, gr.components.Component] = {"base": gr.State(None)}
        self._radio("preset", [_option(name) for name in ("demo", "lesson", "paper", CUSTOM)], visible=full)
        self.about = gr.HTML("", elem_id="setup-about")
        self.time = gr.HTML("", js_on_load=script("copy") + script("train_form"), elem_id="setup-time")
        self._radio("loss", [*((title, name) for name, title in TITLES.items()), _option(TRIO)], value="mse")
        gr.HTML(label("train_form.trio_how"), elem_id="setup-trio-how", elem_classes="setup-hint")
        with gr.Row(elem_classes="setup-pair"):
            self._add("name", gr.Textbox, min_width=180, scale=3, max_lines=1)
            self._number("seed", scale=1, min_width=80)
        self.start = gr.Button(label("train_form.start"), variant="primary", size="md", elem_id="setup-start")
        self.message = gr.HTML("", elem_id="setup-message")
        with self._fold("pecl"):
            self._pecl(full)
        with gr.Column(visible=full, elem_id="setup-more"):
            with self._fold("data"):
                self._data(folders)
            with self._fold("network"):
                self._network()
            with self._fold("optimiser"):
                self._optimiser()
            with self._fold("machine"):
                self._machine()
        with self._fold("recipe"):
            self.recipe = gr.HTML("", js_on_load=script("copy") + script("train_form"), elem_id="setup-recipe")
        self.ordered = [self.by_key[key] for key in Values._fields]

    def __getitem__(self, key: str) -> gr.components.Component:
        return self.by_key[key]

    def _pecl(self, full: bool) -> None:
        self._radio("form", _same("attract", "paired", "printed"), value="attract", info=label("train_form.form_how"))
        self._radio("d", [(str(d), d) for d in (64, 128, 256, 512)], value=128)
        self._number("margin", info=label("train_form.margin_how"))
        weightings = _same("fixed", "printed", "uncertainty")
        self._radio("weighting", weightings, value="fixed", info=label("train_form.weighting_how"))
        self._number("w_contrastive", step=0.01, info=label("train_form.w_contrastive_how"))
        with gr.Column(visible=full):
            self._radio("embedder", [_option(SHIPPED, "embedder"), _option(OWN, "embedder")], value=SHIPPED)
            self._number("embedder_iterations", value=EMBEDDER_ITERATIONS)

    def _data(self, folders: Sequence[str]) -> None:
        kinds = [_option(kind, "data") for kind in ("generated", "folder", "zip")]
        self._radio("data", kinds, value="generated")
        with gr.Column(elem_id="setup-generated"):
            with gr.Row(elem_classes="setup-pair"):
                self._number("count")
                self._number("data_seed")
            gr.HTML(label("train_form.generated_how"), elem_classes="setup-hint")
        with gr.Column(elem_id="setup-from-folder"):
            self._add(
                "folder",
                gr.Dropdown,
                choices=list(folders),
                value=None,
                allow_custom_value=True,
                info=label("train_form.folder_how"),
            )
            self.found_folder = gr.HTML("", elem_id="setup-found-folder", elem_classes="setup-found")
        with gr.Column(elem_id="setup-from-zip"):
            self._add("file", FileUpload, file_types=[".zip"], height=110)
            self.found_zip = gr.HTML("", elem_id="setup-found-zip", elem_classes="setup-found")
            gr.HTML(label("train_form.file_how"), elem_classes="setup-hint")
        with gr.Row(elem_classes="setup-pair"):
            self._number("most_val")
            self._number("most_test")

    def _network(self) -> None:
        self._radio("network", [_option(name, "network") for name in ("small", "medium", "paper")], value="small")
        self._add(
            "init",
            gr.Dropdown,
            choices=[_option(RANDOM)],
            value=RANDOM,
            allow_custom_value=True,
            info=label("train_form.init_how"),
        )
        with gr.Row(elem_classes="setup-pair"):
            self._number("height", step=8)
            self._number("width", step=8)

    def _optimiser(self) -> None:
        for left, right, step in (
            ("iterations", "batch", 1),
            ("learning_rate", "final_learning_rate", 1e-4),
            ("warm_up", "ema", 0.001),
        ):
            with gr.Row(elem_classes="setup-pair"):
                self._number(left, step=1 if left == "warm_up" else step)
                self._number(right, step=step)
        self._number("validate_every")
        gr.HTML(label("train_form.optimiser_how"), elem_classes="setup-hint")

    def _machine(self) -> None:
        self._radio("precision", _same("bf16-mixed", "32-true"), value="bf16-mixed")
        self._radio("device", [_option("auto"), *_same("cpu", "cuda")], value="auto")
        self._number("threads", info=label("train_form.threads_how"), placeholder=label("train_form.auto"))

    def _fold(self, name: str) -> gr.Column:
        """A button that folds a group in and out, and says so."""
        button = gr.Button(label(f"train_form.fold_{name}"), elem_id=f"setup-fold-{name}", elem_classes="setup-fold")
        button.click(None, js=_FOLD.format(name), api_visibility="private")
        return gr.Column(elem_id=f"setup-group-{name}", elem_classes="setup-group")

    def _add(self, key: str, kind: type, **options: object) -> None:
        component = kind(label=label(f"train_form.{key}"), elem_id=f"setup-{key.replace('_', '-')}", **options)
        self.by_key[key] = component

    def _radio(self, key: str, choices: list, **options: object) -> None:
        self._add(key, gr.Radio, choices=choices, **options)

    def _number(self, key: str, **options: object) -> None:
        self._add(key, _Number, **{"min_width": 100, "placeholder": ""} | options)


def _option(name: str, group: str = "") -> tuple[str, str]:
    return label(f"train_form.{group}_{name}" if group else f"train_form.{name}"), name


def _same(*names: str) -> list[tuple[str, str]]:
    return [(name, name) for name in names]


def weights(given: Values, words: Words) -> dict:
    """What to start from: checkpoints of the same network; one of another network is let go."""
    from lpsr.checkpoints import CHECKPOINTS, list_checkpoints
    from lpsr.models.network import NetworkConfig
    from lpsr.training.plan import NETWORKS

    network = NetworkConfig.model_validate(NETWORKS[given.network]) if given.network else given.base.settings.network
    cards = {str(CHECKPOINTS / f"{card.name}.safetensors"): card for card in list_checkpoints()}
    wanted, usual = network.model_dump(mode="json"), type(network)().model_dump(mode="json")
    fitting = [(card.name, path) for path, card in cards.items() if usual | card.arguments == wanted]
    lost = given.init in cards and given.init not in [path for _, path in fitting]
    choices = [(words("train_form.random"), RANDOM), *fitting]
    return gr.update(choices=choices, value=RANDOM if lost or not given.init else given.init)


def devices(words: Words) -> dict:
    """Where this machine can train."""
    names = _same("cpu", "cuda") if has_gpu() else _same("cpu")
    return gr.update(choices=[(words("train_form.auto"), "auto"), *names])


def has_gpu() -> bool:
    """Whether there is a CUDA device."""
    import torch

    return torch.cuda.is_available()
