"""The tab *Batch*: without a browser, then in one."""

import io
import os
import re
import time
import zipfile
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from lpsr.app import batch_html, batch_tab
from lpsr.app.batch_tab import BatchTab, Kept
from lpsr.app.language import LANGUAGES, Words, texts
from lpsr.app.link import Settings
from lpsr.app.uploads import NO_ADDRESS, FilesUpload
from lpsr.batch import Item
from lpsr.checkpoints import ORDER
from lpsr.compare import compare
from lpsr.data.archive import REASONS
from lpsr.data.gather import BATCH, Source, gather
from lpsr.data.generator import generate
from lpsr.evidence import Support, Verdict
from lpsr.images import encode_png, open_picture
from lpsr.metrics.fidelity import psnr
from lpsr.readers import Reading

WORDS = Words()


class Reader:
    name, engine, threshold = "plate-hr", "test reader", None

    def read(self, picture):
        return Reading("A12345", "皖A12345", 0.9, (0.9,) * 7, self.engine, 0.9)


def request(name="me", language="en"):
    return SimpleNamespace(session_hash=name, headers={"accept-language": language})


@pytest.fixture
def tab(monkeypatch, tmp_path):
    """The tab, with bicubic alone and a reader that costs nothing; its ZIPs go to ``tmp_path / "cache"``."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(batch_tab, "usable_models", lambda chosen: (["bicubic"], []))
    monkeypatch.setattr(batch_tab, "usable_reader", lambda name: (Reader(), []))
    with gr.Blocks(), gr.Tab() as one:
        return BatchTab(one)


def zip_of(path, seeds):
    with zipfile.ZipFile(path, "w") as archive:
        for seed in seeds:
            archive.writestr(f"{path.stem}-{seed}.png", encode_png(generate(seed, 1).picture))
    return [(str(path), path.name)]


@pytest.fixture
def files(tmp_path):
    return zip_of(tmp_path / "plates.zip", range(4))


def cached(tmp_path):
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def names_in(path):
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[0] for name in archive.namelist() if "/" in name}


def test_the_table_grows_by_a_row_a_picture_and_the_zip_is_there_at_the_end(tab, files, tmp_path):
    steps = list(tab._start(files, Settings(), request()))
    tables = [step[tab.table] for step in steps if tab.table in step]
    assert len(tables) == 5 and all(after.startswith(before) for before, after in pairwise(tables))
    assert [table.count("<tr") for table in tables] == [1, 2, 3, 4, 5]
    assert [re.search(r"\d of \d", step[tab.status])[0] for step in steps] == [f"{i} of 4" for i in (0, 1, 2, 3, 4, 4)]
    last = steps[-1]
    path = last[tab.download]["value"]
    assert last[tab.download]["interactive"] and cached(tmp_path) == [path]
    assert names_in(path) == {f"plates-{seed}" for seed in range(4)}
    assert "Done: 4 of 4" in last[tab.status] and last[tab.summary].count("<tr") == 4
    assert last[tab.start]["interactive"] and not last[tab.stop]["interactive"] and tab._stops == {}
    assert steps[0][tab.kept].names == [f"plates-{seed}.png" for seed in range(4)]


def test_only_the_visitor_can_stop_the_batch_and_keeps_what_is_done(tab, files):
    steps = tab._start(files, Settings(), request())
    for _ in range(3):
        next(steps)
    tab._halt(request("another"))
    next(steps)
    tab._halt(request())
    last = list(steps)[-1]
    assert "Stopped after 3 of 4; the ZIP holds these 3." in last[tab.status]
    assert len(names_in(last[tab.download]["value"])) == 3 and "over 3 pictures" in last[tab.summary]


def test_a_batch_stopped_before_its_first_picture_leaves_no_zip(tab, files, tmp_path):
    steps = tab._start(files, Settings(), request())
    next(steps)
    tab._halt(request())
    last = list(steps)[-1]
    assert "Stopped before" in last[tab.status] and last[tab.download] == gr.update(value=None, interactive=False)
    assert cached(tmp_path) == [] and list((tmp_path / "cache").iterdir()) == []


def test_a_visitor_who_leaves_leaves_nothing(tab, files, tmp_path):
    steps = tab._start(files, Settings(), request())
    next(steps), next(steps)
    assert len(cached(tmp_path)) == 1
    steps.close()
    assert cached(tmp_path) == [] and tab._stops == {}


def test_two_batches_take_turns_and_never_mix(tab, tmp_path):
    ours, theirs = (zip_of(tmp_path / f"{name}.zip", range(3)) for name in ("ours", "theirs"))
    runs = [tab._start(one, Settings(), request(name)) for one, name in ((ours, "a"), (theirs, "b"))]
    last = [None, None]
    for pair in zip(*runs, strict=True):
        last = pair
    for step, name, other in zip(last, ("ours", "theirs"), ("theirs", "ours"), strict=True):
        path = step[tab.download]["value"]
        assert names_in(path) == {f"{name}-{seed}" for seed in range(3)}
        assert other not in path.parent.name
    assert last[0][tab.download]["value"].parent != last[1][tab.download]["value"].parent


def test_an_upload_that_is_in_use_is_kept_from_the_sweep(tab, files):
    os.utime(files[0][0], (0, 0))
    steps = tab._start(files, Settings(), request())
    next(steps), next(steps)
    assert os.stat(files[0][0]).st_mtime > time.time() - 60
    steps.close()


def test_an_upload_that_is_gone_gets_its_sentence(tab, tmp_path):
    (step,) = tab._start([(str(tmp_path / "gone.zip"), "gone.zip")], Settings(), request())
    assert "no longer kept" in step[tab.found] and 'role="alert"' in step[tab.status]


def test_a_fault_gets_a_sentence_and_frees_the_buttons(tab, files, monkeypatch, tmp_path):
    monkeypatch.setattr(batch_html, "row", lambda *_: 1 / 0)
    last = list(tab._start(files, Settings(), request()))[-1]
    assert "fault in the program" in last[tab.status] and last[tab.start]["interactive"]
    assert cached(tmp_path) == [] and tab._stops == {}


def test_a_full_disk_names_no_path_of_the_server(tab, files, tmp_path):
    (tmp_path / "cache").write_text("a file in place of the folder")
    last = list(tab._start(files, Settings(), request()))[-1]
    assert "fault in the program" in last[tab.status] and str(tmp_path) not in last[tab.status]


def test_without_a_reader_the_batch_goes_on_and_says_so(tab, files, monkeypatch):
    monkeypatch.setattr(batch_tab, "usable_reader", lambda name: (None, [("note_reader", {})]))
    last = list(tab._start(files, Settings(), request(language="fr")))[-1]
    assert "Aucun lecteur" in last[tab.status] and "Terminé" in last[tab.status]
    assert "Aucun texte" in last[tab.summary]


def test_the_settings_of_the_compare_tab_are_used(tab, files, monkeypatch):
    asked = []
    monkeypatch.setattr(batch_tab, "usable_models", lambda chosen: (asked.append(chosen), (["bicubic"], []))[1])
    monkeypatch.setattr(batch_tab, "usable_reader", lambda name: (asked.append(name), (Reader(), []))[1])
    from lpsr.degrade import PRESETS

    steps = list(tab._start(files, Settings(PRESETS["night"], ("mse",), "plate-hr"), request()))
    assert asked == ["plate-hr", ("mse",)]
    with zipfile.ZipFile(steps[-1][tab.download]["value"]) as archive:
        assert b'"blur_sigma_px": 2.0' in archive.read("summary.json")


def test_the_page_keeps_the_zip_while_it_is_open_and_for_half_an_hour(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"x")
    os.utime(path, (0, 0))
    kept = Kept(zip=path, until=time.monotonic() + 60)
    assert batch_tab._touch(kept, request()) == (gr.skip(),) * 3 and path.stat().st_mtime > 0
    kept.until = time.monotonic() - 1
    for one in (kept, Kept(zip=tmp_path / "gone.zip", until=time.monotonic() + 60), None):
        button, timer, status = batch_tab._touch(one, request())
        assert not button["interactive"] and not timer.active and "no longer kept" in status


def kept_of(count):
    kept = Kept()
    for seed in range(count):
        picture = generate(seed, 1).picture
        source = Source(f"n{seed}", f"a.zip/n{seed}.png", None, None)
        kept.add(Item(source, compare(picture, ["bicubic"])))
    return kept


def test_a_picture_is_shown_in_full_with_its_neighbours():
    kept = kept_of(3)
    html = batch_tab._detail(kept, gr.EventData(None, {"number": 1}), request())
    assert html.count("<figure") == 3 and "n1.png" in html and "2 of 3" in html
    assert re.findall(r'data-number="(\d+)" data-step="(\w+)"', html) == [("0", "previous"), ("2", "next")]
    assert "disabled" not in html
    assert batch_tab._detail(kept, gr.EventData(None, {"number": 2}), request()).count("disabled") == 1
    kept.comparisons[1] = None
    assert "in the ZIP alone" in batch_tab._detail(kept, gr.EventData(None, {"number": 1}), request())


@pytest.mark.parametrize("number", [-1, 3, "1", None, 1.0, [0]])
def test_a_picture_that_is_not_there_is_said(number):
    kept = kept_of(3)
    assert "no longer kept" in batch_tab._detail(kept, gr.EventData(None, {"number": number}), request())
    assert "no longer kept" in batch_tab._detail(None, gr.EventData(None, {"number": 0}), request())


def test_a_visit_keeps_no_more_pictures_than_fit():
    kept = kept_of(1)
    size = batch_tab.MOST_BYTES - kept.free
    item = Item(Source("x", "x.png", None, None), kept.comparisons[0])
    kept.free = 2 * size
    for _ in range(3):
        kept.add(item)
    assert kept.free == 0 and [one is not None for one in kept.comparisons] == [True, True, True, False]
    assert len(kept.names) == 4


def test_what_comes_from_outside_is_escaped(tmp_path):
    evil = "<img src=x onerror=alert(1)>.png"
    (tmp_path / "a.png").write_bytes(b"x")
    inputs = gather([tmp_path / "a.png", tmp_path / "a.png"], [evil, evil + ".exe"])
    item = Item(inputs.sources[0], None, evil)
    comparison = compare(generate(1, 1).picture, ["bicubic"], text=evil)
    whole = Item(Source("x", evil, None, None, evil), comparison)
    html = batch_html.found(inputs, WORDS) + batch_html.row(item, 0, ["bicubic"], WORDS)
    html += batch_html.row(whole, 0, ["bicubic"], WORDS) + batch_html.detail(comparison, [evil], 0, WORDS)
    assert "<img src=x" not in html and html.count("&lt;img src=x") >= 6


def test_many_refused_files_are_named_up_to_a_limit(tmp_path):
    paths = []
    for number in range(30):
        paths.append(tmp_path / f"{number}.txt")
        paths[-1].write_bytes(b"x")
    html = batch_html.found(gather(paths), WORDS)
    assert html.count("<li>") == batch_html.MOST_REFUSED + 1 and "10 more" in html and "No picture" in html


def fold(html, heading):
    """The lines under a heading."""
    return re.search(f"<summary>{heading}</summary><ul>(.*?)</ul>", html)[1].count("<li>")


def test_what_was_left_out_is_said_openly_and_duplicates_are_called_so(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(5):
            archive.writestr(f"{number}.png", encode_png(generate(number, 1).picture))
        archive.writestr("twin.png", encode_png(generate(0, 1).picture))
        archive.writestr("index.csv", "file,plate\n")
        archive.writestr("notes.txt", "x")
    html = batch_html.found(gather([tmp_path / "a.zip"], limits=replace(BATCH, most=2)), WORDS, unfolded=False)
    openly = re.sub("<details.*?</details>", "", html)
    assert "Files to compare: 2" in openly and "3 more are left out" in openly and "lacks the columns text" in openly
    assert fold(html, "Files that cannot be used: 1") == 1
    assert fold(html, "Duplicates, each picture taken once: 1") == 1 and "twin.png" not in openly


@pytest.mark.parametrize(
    ("statuses", "reason", "said"),
    [
        (["reliable", "guess", "unsupported"], "", 'title="皖??">1 of 3 reliable<'),
        (["guess"] * 3, "degradation", 'title="??? – Nothing is measured for these'),
        ([], "", None),
        (None, "", None),
    ],
)
def test_a_row_says_how_many_characters_are_reliable(statuses, reason, said):
    supports = tuple(
        Support((), one, 0.9, status) for one, status in zip("皖A1", statuses or [], strict=bool(statuses))
    )
    verdict = None if statuses is None else Verdict("皖A1"[: len(supports)], supports, None, reason, ())
    comparison = replace(compare(generate(1, 1).picture, ["bicubic"]), verdict=verdict)
    html = batch_html.row(Item(Source("x", "x.png", None, None), comparison), 0, ["bicubic"], WORDS)
    full = batch_html.detail(comparison, ["x.png"], 0, WORDS)
    assert said in html and f"<b>{verdict.reliable}</b>" in full if said else "reliable" not in html + full


def test_the_limits_on_the_page_are_those_that_hold():
    limits = [BATCH.most, BATCH.upload // 2**20, BATCH.unpacked // 2**20]
    for language in LANGUAGES:
        assert [int(one) for one in re.findall(r"\d+", texts()["batch.limits"][language])][:3] == limits


def test_the_page_gives_the_reasons_that_the_zip_gives():
    assert {key.partition("why_")[2]: text["en"] for key, text in texts().items() if "batch.why_" in key} == REASONS


def test_the_time_left_is_said_in_seconds_or_minutes():
    assert "about 12 s left" in batch_html.progress(1, 4, 12.3, WORDS)
    assert "about 3 min left" in batch_html.progress(1, 4, 200, WORDS)
    assert "left" not in batch_html.progress(4, 4, 0.0, WORDS) + batch_html.progress(0, 4, None, WORDS)


def test_files_keep_the_names_that_visitors_gave_them_and_addresses_are_refused():
    with gr.Blocks():
        upload = FilesUpload(file_count="multiple")
    payload = upload.data_model([{"path": "/tmp/a1.jpg", "orig_name": "a&1.jpg"}, {"path": "/tmp/b.zip"}])
    assert upload.preprocess(payload) == [("/tmp/a1.jpg", "a&1.jpg"), ("/tmp/b.zip", "/tmp/b.zip")]
    assert upload.preprocess(None) == []
    with pytest.raises(gr.Error, match=NO_ADDRESS):
        upload.async_move_resource_to_block_cache("https://example.org/a.png").send(None)


@pytest.fixture(scope="module")
def batch_zip(plate_folder, tmp_path_factory):
    """Twelve plates with their texts, a damaged one and a file that is no picture."""
    path = tmp_path_factory.mktemp("batch") / "plates.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(plate_folder.rglob("*")):
            archive.write(file, file.relative_to(plate_folder))
        archive.writestr("broken.png", b"\x89PNG\r\n\x1a\n")
        archive.writestr("notes.txt", "x")
    return path


ROWS = "#batch-table tr[data-number]"


def bring(page, path):
    """Open the tab, bring a file, start."""
    page.get_by_role("tab", name="Batch").click()
    page.set_input_files("#batch-files input[type=file]", path)
    page.locator("#batch-start:enabled").click()


def finish(page):
    page.wait_for_selector("#batch-summary section")
    with page.expect_download() as download:
        page.locator("#batch-download").click()
    return zipfile.ZipFile(io.BytesIO(open(download.value.path(), "rb").read()))


def test_a_zip_is_compared_and_the_download_holds_what_was_shown(visit, batch_zip):
    page = visit()
    page.get_by_role("tab", name="Batch").click()
    assert "60 pictures" in page.inner_text(".batch-words >> nth=0")
    page.wait_for_selector("#batch-how p")
    assert "bicubic ×8. Models: Bicubic, MSE, PECL-Euclidean, PECL-Manhattan, MSE-long" in page.inner_text("#batch-how")
    assert page.locator("#batch-start").is_disabled() and page.locator("#batch-download").is_disabled()
    bring(page, batch_zip)
    archive = finish(page)
    assert "Files to compare: 13; with a known text: 12" in page.inner_text("#batch-found")
    assert "Done: 13 of 13" in page.inner_text("#batch-status") and "30 minutes" in page.inner_text("#batch-status")
    assert page.locator(ROWS).count() == 12 and "be read" in page.inner_text("#batch-table .failed")
    assert page.locator("#batch-summary tr").count() == 8
    for row in page.locator(ROWS).all()[:3]:
        folder = row.locator("small").first.inner_text().rpartition(".")[0]
        hr = open_picture(archive.read(f"{folder}/hr.png"))
        shown = [float(one.split()[0]) for one in row.locator(".numbers").all_inner_texts()]
        for value, name in zip(shown, ("bicubic", *ORDER), strict=True):
            assert psnr(hr, open_picture(archive.read(f"{folder}/{name}.png"))) == pytest.approx(value, abs=0.01)
    assert page.foreign == []


def test_screen_readers_hear_words_and_no_keys(visit, batch_zip):
    page = visit(locale="fr-FR")
    page.evaluate(
        """() => {
            window.said = [];
            new MutationObserver(() => document.querySelectorAll('.sr-only[role=status]').forEach(
                (one) => one.textContent.trim() && window.said.push(one.textContent.trim())
            )).observe(document.body, { childList: true, characterData: true, subtree: true });
        }"""
    )
    page.get_by_role("tab", name="Lot").click()
    page.set_input_files("#batch-files input[type=file]", batch_zip)
    page.locator("#batch-start:enabled").click()
    page.wait_for_function("window.said.includes('Terminé')")
    assert not page.evaluate("window.said.some((one) => /^[a-z]+\\.[a-z_]+$/.test(one))")


def test_a_row_opens_its_picture_by_keyboard_and_closing_returns_to_it(visit, batch_zip):
    page = visit()
    bring(page, batch_zip)
    page.wait_for_selector(f"{ROWS} >> nth=2")
    page.locator(f"{ROWS} button").nth(1).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] .card")
    models = page.eval_on_selector_all("dialog .card", "all => all.map(one => one.dataset.model)")
    assert models == ["hr", "lr", "bicubic", "mse", "pecl-euclidean", "pecl-manhattan", "mse-long"]
    assert all(page.eval_on_selector_all("dialog img", "all => all.map(one => one.alt)"))
    title = page.inner_text("dialog header b")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("before => document.querySelector('dialog header b').textContent !== before", arg=title)
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert page.evaluate("document.activeElement.dataset.number") == "2"


def test_a_batch_can_be_stopped_and_started_again(visit, batch_zip):
    page = visit()
    bring(page, batch_zip)
    page.wait_for_selector(ROWS)
    page.locator("#batch-stop").click()
    archive = finish(page)
    done = page.locator(ROWS).count()
    assert f"Stopped after {done} of 13" in page.inner_text("#batch-status") and done < 12
    assert sum(name.endswith("/sheet.png") for name in archive.namelist()) == done
    page.locator("#batch-start:enabled").click()
    page.wait_for_function("document.querySelector('#batch-status').textContent.includes('Done: 13 of 13')")
    assert page.locator(ROWS).count() == 12


def test_two_visitors_at_once_get_their_own_batches_and_others_compare_meanwhile(visit, batch_zip, tmp_path):
    first, second, other = visit(), visit(), visit()
    shade = np.full((40, 120, 3), 200, np.uint8)
    with zipfile.ZipFile(tmp_path / "grey.zip", "w") as archive:
        for number in range(5):
            shade[:, :, 0] = 10 * number
            archive.writestr(f"grey-{number}.png", encode_png(shade))
    bring(first, batch_zip)
    bring(second, tmp_path / "grey.zip")
    first.wait_for_selector(ROWS)
    other.locator(".shelf button").nth(5).click()
    other.wait_for_function("location.search.includes('rendered-6')")
    assert first.locator("#batch-summary section").count() == 0, "The comparison waited for the batch."
    ours, theirs = finish(first), finish(second)
    assert not any(name.startswith("grey") for name in ours.namelist())
    assert {name.partition("/")[0] for name in theirs.namelist() if "/" in name} == {f"grey-{i}" for i in range(5)}
    assert second.locator(ROWS).count() == 5


def test_a_dark_phone_in_french_never_scrolls_sideways(visit, batch_zip):
    page = visit(
        viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, color_scheme="dark", locale="fr-FR"
    )
    page.get_by_role("tab", name="Lot").click()
    page.set_input_files("#batch-files input[type=file]", batch_zip)
    page.locator("#batch-start:enabled").tap()
    page.wait_for_selector("#batch-summary section")
    assert "Terminé : 13 sur 13" in page.inner_text("#batch-status")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(f"{ROWS} button").first.tap()
    page.wait_for_selector("dialog[open] .card")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.querySelector('dialog').getBoundingClientRect().right") <= 390
