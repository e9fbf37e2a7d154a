"""What the page shows of a run while it goes on."""

import json
import re
from html import unescape

import numpy as np
import pytest

from lpsr.app.language import LANGUAGES, Words
from lpsr.app.training import watch
from lpsr.app.training.pictures import spaced
from lpsr.app.training.wording import duration, loss, mark, what
from lpsr.images import save_png
from lpsr.losses.criterion import LossConfig
from lpsr.training.curves import read_curves
from lpsr.training.plan import Archive, Folder, preset
from lpsr.training.runs import Run
from lpsr.training.status import FILM, PATCHES, STATUS, TRAIN, Stage, Status, write_status

WORDS = Words()
HOSTILE = '"><script>alert(1)</script>'
STATES = ("queued", "running", "paused", "interrupted", "failed", "done")


@pytest.fixture
def make_run(tmp_path):
    """``make_run(state, place=…, message=…, plan=…, data=Stage, train=Stage, …)``: a run of the demo, in a folder."""

    def make(state="running", *, place=None, plan=None, name="mine", early=False, message="", memory=0, **stages):
        folder = tmp_path / "run"
        plan = plan or preset("demo", "mine", {"kind": "mse"})
        status = Status(state=state, created=1.0, place=1.0, early=early, message=message, memory=memory)
        status.stages.update(stages)
        folder.mkdir(exist_ok=True)
        write_status(folder, status)
        return Run(name, folder, plan, status, place, "")

    return make


def training(**facts):
    return Stage(state="running", seconds=30.0, done=150, of=600, facts=facts)


def write_log(run, *lines):
    (run.folder / TRAIN).mkdir(exist_ok=True)
    (run.folder / TRAIN / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def header(run, words=WORDS):
    return watch.header(run, read_curves(run.folder / TRAIN), words)


def numbers(html):
    return {unescape(key): unescape(value) for key, value in re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", html)}


def plain(html):
    return unescape(re.sub("<[^>]*>", "", html))


def stage_of(html, number):
    return re.findall("<li .*?</li>", html.partition("</ol>")[0])[number]


def picture(seed, height=16, width=48):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def filmed(make_run):
    """``filmed(*iterations)``: a run with pictures of four validation plates."""

    def make(*iterations, **options):
        run = make_run(**options)
        for plate in range(4):
            save_png(run.folder / FILM / f"hr-{plate}.png", picture(plate))
            save_png(run.folder / FILM / f"lr-{plate}.png", picture(plate, 2, 6))
            for iteration in iterations:
                save_png(run.folder / FILM / f"{iteration:08d}-{plate}.png", picture(iteration + plate))
        return run

    return make


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"state": "queued", "place": 1}, "next to run"),
        ({"state": "queued", "place": 3}, "place 3"),
        ({"state": "running"}, "starting"),
        ({"state": "running", "train": training()}, "training the network"),
        ({"state": "paused", "train": training()}, "Paused"),
        ({"state": "paused", "message": "Nothing to keep."}, "Nothing to keep."),
        ({"state": "interrupted", "train": training()}, "At most the time since the last save is lost; resume"),
        ({"state": "failed", "message": "The disk is full."}, "Failed: The disk is full."),
        ({"state": "done"}, "Done."),
        ({"state": "done", "early": True, "train": Stage(state="done", done=150, of=600)}, "iteration 150 of 600"),
    ],
)
def test_the_state_is_said_in_a_sentence(make_run, options, sentence):
    status = re.search('<p class="watch-state" role="status">(.*?)</p>', header(make_run(**options)))
    assert sentence in plain(status[1])


def test_the_numbers_are_those_of_status_and_log(make_run):
    run = make_run(data=Stage(state="done", seconds=30.0), train=training(), memory=1_240_000_000)
    write_log(
        run,
        {"iteration": 100, "total": 0.5, "iterations_per_second": 2.0},
        {"iteration": 100, "val_psnr": 19.0, "val_psnr_y": 19.5},
        {"iteration": 150, "val_psnr": 18.5, "val_psnr_y": 19.0},
        {"iteration": 150, "total": 0.0123456, "iterations_per_second": 4.0},
    )
    assert numbers(header(run)) == {
        "Iteration": "150 of 600",
        "Best validation PSNR": "19.00 dB",
        "Loss": "0.0123",
        "Speed": "4 iterations/s",
        "Training left": "1 min 52 s",
        "Elapsed": "1 min 00 s",
        "Memory, at most": "1.2 GB",
    }


def test_what_is_not_known_is_not_made_up(make_run):
    run = make_run("running", data=Stage(state="running", done=3, of=600))
    found = numbers(header(run))
    assert [found[key] for key in ("Loss", "Speed", "Training left", "Best validation PSNR")] == ["–"] * 4
    paused = make_run("paused", train=training())
    write_log(paused, {"iteration": 150, "total": 0.5, "iterations_per_second": 4.0})
    assert not {"Speed", "Training left"} & numbers(header(paused)).keys()


@pytest.mark.parametrize(
    ("stage", "attributes", "text"),
    [
        (Stage(state="running", done=150, of=600), ' value="150" max="600"', "Train 25 %"),
        (Stage(state="running", done=599, of=600), ' value="599" max="600"', "Train 99 %"),
        (Stage(state="running", done=700, of=600), ' value="600" max="600"', "Train 100 %"),
        (Stage(state="running"), "", "Train"),
    ],
)
def test_the_bar_shows_the_current_stage(make_run, stage, attributes, text):
    html = header(make_run(data=Stage(state="done", done=9, of=9), train=stage))
    assert f'aria-label="Train"{attributes}></progress><span>{text}</span>' in html


def test_a_run_without_a_current_stage_has_no_bar(make_run):
    assert "<progress" not in header(make_run("queued")) + header(make_run("done", train=Stage(state="done", of=9)))


def test_what_is_trained_is_said_without_paths(make_run):
    plan = preset("demo", "mine", {"kind": "pecl", "form": "paired"})
    run = make_run(plan=plan, train=training(parameters=170_000))
    assert what(run, WORDS) == (
        "PECL-Manhattan (paired, d 128, margin 2, w_contrastive 0.01) · small network, 0.17 M parameters · "
        "600 generated plates, seed 1 · 600 iterations of 16 patches"
    )
    assert loss(LossConfig(kind="mse", form="paired"), WORDS) == "MSE"
    attracted = loss(LossConfig(kind="pecl", weighting="printed"), WORDS)
    assert "margin" not in attracted and "w_contrastive" not in attracted and "weighting printed" in attracted
    for source, shown in (
        (Folder(folder="/srv/secret/ccpd"), "ccpd"),
        (Archive(file="/tmp/my.zip"), "uploaded plates"),
    ):
        assert f" · {shown} · " in what(make_run(plan=plan.model_copy(update={"data": source})), WORDS)


def test_stages_differ_in_shape_and_word(make_run):
    html = watch.stages(
        make_run(
            data=Stage(state="done", seconds=12.0),
            patches=Stage(state="failed"),
            embedder=Stage(state="skipped"),
            train=training(),
        ),
        WORDS,
    )
    shown = ["done", "failed", "skipped", "running", "waiting", "waiting", "waiting"]
    assert re.findall('<li class="(.*?)"', html) == shown
    for number, state in enumerate(shown):
        assert mark(state) in stage_of(html, number) and state in plain(stage_of(html, number))
    assert len({re.search("<svg[^>]*>(.*?)</svg>", mark(state))[1] for state in {*shown, *STATES} - {"queued"}}) == 7
    assert html.count('aria-current="step"') == 1 and "150 of 600" in stage_of(html, 3)
    assert "12 s" in stage_of(html, 0)


@pytest.mark.parametrize("state", ["paused", "interrupted"])
def test_a_stage_of_a_run_that_rests_is_not_shown_as_running(make_run, state):
    html = watch.stages(make_run(state, train=training()), WORDS)
    assert f'<li class="{state}">' in html and 'class="running"' not in html and "aria-current" not in html


def test_stages_show_what_they_found(make_run):
    done = {"state": "done", "seconds": 1.0}
    html = watch.stages(
        make_run(
            "done",
            data=Stage(**done, facts={"plates": {"train": 4800, "val": 48, "test": 72}, "refused_count": 0}),
            patches=Stage(**done, facts={"count": 8, "size": [32, 64]}),
            embedder=Stage(**done, facts={"source": "own", "val_precision": 0.987, "val_recall": 0.912}),
            train=Stage(
                **done, facts={"best": 21.5, "best_iteration": 500, "device": "CPU", "threads": 3, "parameters": 9}
            ),
            validate=Stage(
                **done, facts={"val_psnr": 21.49, "val_psnr_y": 22.0, "n": 24, "iteration": 500, "dtype": "float16"}
            ),
            evaluate=Stage(**done, facts={"n": 40, "psnr": 21.25, "bicubic": 18.75}),
            export=Stage(**done, facts={"name": "mine"}),
        ),
        WORDS,
    )
    wanted = [
        ["4\u202f920 plates", "4\u202f800\u00a0train / 48\u00a0val / 72\u00a0test"],
        ["8 pairs"],
        ["this run's own", "precision 0.99, recall 0.91"],
        ["best 21.50 dB at\u00a0500", "CPU", "3"],
        ["21.49 dB", "24 plates", "iteration 500", "float16"],
        ["21.25 dB", "bicubic 18.75 dB", "40 plates"],
        ["Compare"],
    ]
    for number, texts in enumerate(wanted):
        assert all(text in plain(stage_of(html, number)) for text in texts), number


def test_refused_files_are_folded_and_hidden_from_other_visitors(make_run):
    facts = {"refused": [[HOSTILE, "It is <b>no</b> picture."]], "refused_count": 31}
    run = make_run("failed", data=Stage(state="failed", facts=facts))
    html = watch.stages(run, WORDS)
    assert "<details" in html and "open" not in re.search("<details[^>]*>", html)[0]
    assert "Files refused: 31" in html and "30 more" in html and HOSTILE in plain(html) and "<script" not in html
    other = watch.stages(run, WORDS, visible=False)
    assert "Files refused: 31" in other and "script" not in other and "picture" not in other


def test_hostile_names_and_messages_are_escaped(make_run, filmed):
    run = filmed(10, state="failed", name=HOSTILE, message=HOSTILE, train=training(device=HOSTILE, best=None))
    plan = run.plan.model_copy(update={"data": Folder(folder=f"/a/{HOSTILE.replace('/', '')}")})
    run = make_run("failed", name=HOSTILE, message=HOSTILE, plan=plan, train=training(device=HOSTILE))
    html = header(run) + watch.stages(run, WORDS) + watch.film(run, WORDS) + watch.patches(run, WORDS)
    assert "<script" not in html and html.count("&lt;script&gt;") >= 4 and str(run.folder) not in html


def test_patches_come_in_pairs_and_half_written_ones_are_left_out(make_run):
    run = make_run()
    assert "once the data is prepared" in watch.patches(run, WORDS)
    for number in range(8):
        save_png(run.folder / PATCHES / f"{number}-hr.png", picture(number, 32, 64))
        save_png(run.folder / PATCHES / f"{number}-lr.png", picture(number, 4, 8))
    html = watch.patches(run, WORDS)
    assert html.count("<li>") == 8 and html.count("HR 64 × 32</figcaption>") == html.count(">LR 8 × 4<") == 8
    whole = run.folder / PATCHES / "3-hr.png"
    whole.write_bytes(whole.read_bytes()[:-9])
    (run.folder / PATCHES / "4-lr.png").unlink()
    (run.folder / PATCHES / "5-lr.png").write_text("no picture")
    (run.folder / PATCHES / "6-lr.png").write_bytes(b"\x89PNG\r\n\x1a\nIEND\xaeB`\x82")
    assert watch.patches(run, WORDS).count("<li>") == 4


@pytest.mark.parametrize("part", [watch.patches, watch.film])
def test_plates_of_another_visitor_are_not_shown(filmed, part):
    run = filmed(10)
    for kind in ("hr", "lr"):
        save_png(run.folder / PATCHES / f"0-{kind}.png", picture(0))
    assert "<img" in part(run, WORDS)
    assert "<img" not in part(run, WORDS, visible=False)
    assert "another visitor" in watch.patches(run, WORDS, visible=False)


def test_a_run_that_ended_without_pictures_leaves_their_sections_out(make_run):
    assert watch.patches(make_run("failed"), WORDS) == watch.film(make_run("failed"), WORDS) == ""
    assert "first validation" in watch.film(make_run("running"), WORDS)


def test_the_filmstrip_holds_lr_the_iterations_and_hr(filmed):
    run = filmed(10, 20, 1000)
    write_log(run, *({"iteration": one, "val_psnr": psnr} for one, psnr in ((10, 17.5), (20, None), (1000, 21.0))))
    html = watch.film(run, WORDS)
    heads = [plain(one) for one in re.findall('<th scope="col">(.*?)</th>', html)]
    assert heads == ["LR", "1017.50 dB", "20–", "1\u202f00021.00 dB", "HR"]
    rows = re.findall('<tr><th scope="row">.*?</tr>', html)
    assert len(rows) == 4 and all(row.count("<img") == 5 for row in rows)
    assert 'alt="Plate 2, 1\u202f000"' in rows[1] and 'tabindex="0"' in html


def test_an_iteration_is_shown_once_all_its_pictures_are_there(filmed):
    run = filmed(10, 20)
    (run.folder / FILM / "00000020-3.png").unlink()
    (run.folder / FILM / "00000010-1.png").write_bytes(b"\x89PNG\r\n\x1a\n half")
    html = watch.film(run, WORDS)
    assert html.count('scope="col"') == 3 and html.count("<td></td>") == 1


def test_long_filmstrips_are_thinned(filmed):
    iterations = [10, 20, 50, *range(100, 1300, 100)]
    html = watch.film(filmed(*iterations), WORDS)
    shown = [int(plain(one).replace("\u202f", "").rstrip("–")) for one in re.findall('"col">(.*?)</th>', html)[1:-1]]
    assert shown[0] == 10 and shown[-1] == 1200 and 5 <= len(shown) <= watch.FILM_COLUMNS
    assert shown == spaced(iterations, watch.FILM_COLUMNS)


def test_chosen_iterations_lie_evenly_on_a_log_axis():
    assert spaced([2**i for i in range(15)], 8) == [2**i for i in range(0, 15, 2)]
    assert spaced([0, 1, 5], 8) == [0, 1, 5] and spaced(range(100), 2) == [0, 99]


def test_large_pictures_are_sent_small_and_captioned_as_they_are(make_run):
    run = make_run()
    for kind in ("hr", "lr"):
        save_png(run.folder / PATCHES / f"0-{kind}.png", picture(0, 512, 512))
    html = watch.patches(run, WORDS)
    assert "HR 512 × 512" in html and len(html) < 500_000 < 2 * (run.folder / PATCHES / "0-hr.png").stat().st_size


def test_only_parts_that_changed_have_another_fingerprint(filmed):
    run = filmed(10, train=training())
    before = watch.fingerprint(run)
    assert watch.fingerprint(run) == before

    def changed():
        return {key for key in before._fields if getattr(watch.fingerprint(run), key) != getattr(before, key)}

    write_log(run, {"iteration": 10, "total": 0.5})
    assert changed() == {"head"}
    write_log(run, {"iteration": 10, "total": 0.5}, {"iteration": 10, "val_psnr": 19.0})
    assert changed() == {"head", "film"}
    before = watch.fingerprint(run)
    save_png(run.folder / FILM / "00000020-0.png", picture(1))
    assert changed() == {"film"}
    before = watch.fingerprint(run)
    save_png(run.folder / PATCHES / "0-hr.png", picture(1))
    assert changed() == {"patches"}
    before = watch.fingerprint(run)
    (run.folder / "evaluation.json").write_text("{}")
    assert changed() == {"after"}
    before = watch.fingerprint(run)
    (run.folder / STATUS).write_text((run.folder / STATUS).read_text() + " ")
    assert changed() == {"head", "stages"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_has_words_in_every_language(filmed, language):
    words = Words(language)
    for number, state in enumerate(STATES):
        run = filmed(10, state=state, place=2, train=training(), embedder=Stage(state="skipped"))
        html = header(run, words) + watch.stages(run, words) + watch.patches(run, words) + watch.film(run, words)
        assert "{" not in html and len(html) > 2000, number
    assert all(duration(seconds, words) for seconds in (0.2, 59.6, 3599.7, 90_000.0))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.7, "1 min 00 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (7380, "2 h 03 min"),
        (4_000_000, "1\u202f111 h 07 min"),
    ],
)
def test_times_have_two_units(seconds, text):
    assert duration(seconds, WORDS) == text
