"""What the set-up form's controls say, as plans, and plans as what the controls show."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from lpsr.errors import InputError

if TYPE_CHECKING:
    # For annotations only: it imports torch, which the first paint need not wait for.
    from lpsr.training.plan import Plan
    from lpsr.training.recipe import Settings

TRIO, CUSTOM, RANDOM = "trio", "custom", "random"
SHIPPED, OWN = "shipped", "own"
# Iterations that an embedder of the run's own is offered.
EMBEDDER_ITERATIONS = 4000
# What is of the loss, and what of a demo its visitor chooses.
_PECL = ("form", "d", "margin", "weighting", "w_contrastive")
_FREE = ("loss", "name", "seed", *_PECL)
# What another preset leaves as it is.
KEPT_BY_PRESETS = (*_FREE, "folder", "file", "device", "threads")
# Controls that are called as their setting.
_SETTINGS = (
    "iterations",
    "batch",
    "learning_rate",
    "final_learning_rate",
    "warm_up",
    "ema",
    "seed",
    "precision",
    "validate_every",
)
_OPTIONAL = ("threads", "init_from", "embedder", "recogniser")


class Values(NamedTuple):
    """One value a control, in their order; numbers are None where their field is empty.

    Attributes:
        base: what the form was filled from, for what no control shows; None is the demo.
        preset: a preset's name or ``CUSTOM``; shown, of no account for the plan.
        loss: a key of ``LOSSES``, or ``TRIO``.
        name: of the run, or what the names of a trio begin with.
        embedder: ``SHIPPED``, ``OWN``, or None for the file that ``base`` names.
        data: "generated", "folder" or "zip".
        file: path of an uploaded ZIP.
        network: a key of ``NETWORKS``, or None for that of ``base``.
        init: ``RANDOM``, or the weights to start from.
    """

    base: "Plan | None"
    preset: str
    loss: str
    name: str
    seed: float | None
    form: str
    d: int
    margin: float | None
    weighting: str
    w_contrastive: float | None
    embedder: str | None
    embedder_iterations: float | None
    data: str
    count: float | None
    data_seed: float | None
    folder: str | None
    file: str | None
    most_val: float | None
    most_test: float | None
    network: str | None
    init: str | None
    height: float | None
    width: float | None
    iterations: float | None
    batch: float | None
    learning_rate: float | None
    final_learning_rate: float | None
    warm_up: float | None
    ema: float | None
    validate_every: float | None
    precision: str
    device: str
    threads: float | None


def plans_of(values: Sequence, mode: str = "full") -> "list[Plan]":
    """The plans that the controls describe: one, or three for a trio.

    ``mode`` is that of the page's bounds; in "demo" only loss, seed and name are taken from the controls. Raises
    InputError for what cannot be used.
    """
    from lpsr.training.plan import LOSSES, preset

    if mode == "off":
        raise InputError("Training is switched off on this page.")
    given = Values(*values)
    base = given.base or preset("demo", "demo")
    if mode == "demo":
        base = preset("demo", "demo")
        given = Values(*values_of(base))._replace(**{key: getattr(given, key) for key in _FREE})
    if given.loss not in (*LOSSES, TRIO):
        raise InputError("Choose a loss.")
    return [_plan(given, base, name, loss) for name, loss in names_of(given.name, given.loss).items()]


def names_of(name: str | None, loss: str) -> dict[str, str]:
    """The runs' names, each with its loss."""
    from lpsr.training.plan import LOSSES

    name = str(name or "").strip()
    return {f"{name}-{one}": one for one in LOSSES} if loss == TRIO else {name: loss}


def _plan(given: Values, base: "Plan", name: str, loss: str) -> "Plan":
    from lpsr.training.plan import LOSSES, NETWORKS, Plan, check_new
    from lpsr.training.recipe import parse

    old = base.settings
    # MSE takes no account of the rest, which stays as it was so that the plan is the same.
    same_mse = loss == old.loss.kind == "mse"
    details = {} if loss == "mse" else _details(given)
    losses = old.loss.model_dump() if same_mse else LOSSES[loss] | details
    if same_mse or given.embedder is None:
        embedder, own = old.embedder, base.embedder_iterations
    else:
        embedder, own = None, given.embedder_iterations if given.embedder == OWN and loss != "mse" else 0
    if given.network is None:
        network = old.network.model_dump()
    elif given.network in tuple(NETWORKS):
        network = NETWORKS[given.network]
    else:
        raise InputError("Choose a network.")
    # No side is given and none was: the plates stay whole.
    whole = old.patch == "whole" and given.height is None and given.width is None
    settings = old.model_dump() | {key: getattr(given, key) for key in _SETTINGS}
    settings |= {
        "network": network,
        "loss": losses,
        "patch": "whole" if whole else (given.height, given.width),
        "init_from": None if given.init in (None, "", RANDOM) else given.init,
        "embedder": embedder,
    }
    plan = {
        "name": name,
        "data": _data(given, base),
        "settings": settings,
        "embedder_iterations": own,
        "most_val": given.most_val,
        "most_test": given.most_test,
        "device": given.device,
        "threads": given.threads,
    }
    sides = {} if whole else {"patch height": given.height, "patch width": given.width}
    for part in (plan, plan["data"], settings, losses, sides):
        for key, value in part.items():
            if value is None and key not in _OPTIONAL:
                raise InputError(f"The setting {key} is empty; give a number.")
    try:
        made = parse(Plan, plan)
    except InputError as error:
        # Where a setting stands in the plan is of no account here.
        raise InputError(str(error).removeprefix("settings.").removeprefix("data.generated.")) from error
    check_new(made)
    return made


def _details(given: Values) -> dict[str, Any]:
    """PECL's settings; an empty field whose setting has no effect is out of sight and left out."""
    idle = {"margin": given.form == "attract", "w_contrastive": given.weighting != "fixed"}
    details = {key: getattr(given, key) for key in _PECL}
    return {key: value for key, value in details.items() if value is not None or not idle.get(key)}


def _data(given: Values, base: "Plan") -> dict[str, Any]:
    match given.data:
        case "generated":
            return {"kind": given.data, "count": given.count, "seed": given.data_seed}
        case "folder":
            folder = str(given.folder or "").strip()
            if not folder:
                raise InputError("Name a folder of plates, or choose other data.")
            return {"kind": given.data, "folder": folder}
        case "zip":
            file = given.file or (base.data.file if base.data.kind == "zip" else None)
            if not file:
                raise InputError("Bring a ZIP of plates, or choose other data.")
            return {"kind": given.data, "file": file}
    raise InputError("Choose the data to train on.")


def values_of(plan: "Plan") -> list:
    """What the controls show for a plan; ``plans_of`` makes the same plan of it."""
    from lpsr.training.plan import PRESETS, Generated

    settings, data = plan.settings, plan.data
    height, width = (None, None) if settings.patch == "whole" else settings.patch
    loss = settings.loss
    usual = PRESETS["demo"]["data"]
    drawn = data if data.kind == "generated" else Generated.model_validate(usual)
    embedder = OWN if plan.embedder_iterations else SHIPPED
    return list(
        Values(
            base=plan,
            preset=preset_of(plan),
            loss="mse" if loss.kind == "mse" else f"pecl-{loss.distance}",
            name=plan.name,
            **{key: getattr(loss, key) for key in _PECL},
            embedder=None if settings.embedder else embedder,
            embedder_iterations=plan.embedder_iterations or EMBEDDER_ITERATIONS,
            data=data.kind,
            count=drawn.count,
            data_seed=drawn.seed,
            folder=data.folder if data.kind == "folder" else None,
            # A file cannot be put back into its control; ``base`` still names it.
            file=None,
            most_val=plan.most_val,
            most_test=plan.most_test,
            network=network_of(settings),
            init=settings.init_from or RANDOM,
            height=height,
            width=width,
            **{key: getattr(settings, key) for key in _SETTINGS},
            device=plan.device,
            threads=plan.threads,
        )
    )


def network_of(settings: "Settings") -> str | None:
    """The page's name of a network, or None for another one."""
    from lpsr.models.network import NetworkConfig
    from lpsr.training.plan import NETWORKS

    known = (name for name, one in NETWORKS.items() if NetworkConfig.model_validate(one) == settings.network)
    return next(known, None)


def preset_of(plan: "Plan") -> str:
    """The preset that a plan follows in all but name, loss, seed and machine, or ``CUSTOM``."""
    from lpsr.training.plan import PRESETS, preset

    for name in PRESETS:
        one = preset(name, plan.name, plan.settings.loss.model_dump())
        settings = one.settings.model_copy(update={"seed": plan.settings.seed})
        update = {"settings": settings, "device": plan.device, "threads": plan.threads}
        if one.model_copy(update=update) == plan:
            return name
    return CUSTOM


def free_name(stem: str, loss: str, taken: Callable[[str], bool]) -> str:
    """``stem``, or it with a number behind it, so that ``taken`` is true of none of the runs' names."""
    name, number = stem, 1
    while any(map(taken, names_of(name, loss))):
        number += 1
        name = f"{stem}-{number}"
    return name
