"""The pictures of figure 12, made."""

from collections.abc import Callable
from pathlib import Path

from lpsr.checkpoints import CHECKPOINTS, known_models, load_restorer
from lpsr.data.plates import open_plates
from lpsr.degrade import PAPER, degrade
from lpsr.files import write_json
from lpsr.images import save_png
from lpsr.metrics.fidelity import fidelity
from lpsr.passport import degradation_facts, measurement_facts
from lpsr.report.examples import FOLDER, Example, Examples
from lpsr.results import EXAMPLES, RESULTS

GALLERY = Path(__file__).resolve().parents[2] / "assets" / "gallery"


def make_examples(
    count: int,
    folder: str | Path = RESULTS,
    *,
    checkpoints: str | Path = CHECKPOINTS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Examples:
    """Restore the first ``count`` plates of the gallery with bicubic and every checkpoint, and write the pictures.

    Pictures of examples that are no longer there are deleted. Raises InputError where something cannot be written.
    """
    folder = Path(folder)
    plates = open_plates(GALLERY)[:count]
    restorers = [load_restorer(name, checkpoints) for name in known_models(checkpoints)]
    made = []
    for number, plate in enumerate(plates, 1):
        hr = plate.hr()
        lr = degrade(hr)
        pictures = {"hr": hr, "lr": lr, **{one.name: one.restore(lr) for one in restorers}}
        files = {name: f"{FOLDER}/{number}-{name}.png" for name in pictures}
        for name, picture in pictures.items():
            save_png(folder / files[name], picture)
        psnr = {one.name: round(fidelity(hr, pictures[one.name]).psnr, 3) for one in restorers}
        made.append(Example(number=number, text=plate.text, pictures=files, psnr=psnr))
        progress(number, len(plates))
    known = {file for example in made for file in example.pictures.values()}
    for path in (folder / FOLDER).glob("*.png"):
        if f"{FOLDER}/{path.name}" not in known:
            path.unlink()
    passport = {
        "data": "generated plates of the gallery",
        "n": len(made),
        **degradation_facts(PAPER),
        **measurement_facts(None, {one.name: one.sha256 for one in restorers if one.sha256}),
    }
    titles = {"hr": "HR", "lr": "LR", **{one.name: one.title for one in restorers}}
    examples = Examples(
        command=f"python -m lpsr report --examples {count}", passport=passport, titles=titles, plates=made
    )
    write_json(folder / EXAMPLES, examples.model_dump(mode="json"))
    return examples
