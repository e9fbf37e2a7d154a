"""The list of runs: its HTML, what a visitor may send, and in a browser what outlives news: focus, notes, questions."""

import re
import time
from dataclasses import replace
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from lpsr.app.language import LANGUAGES, Words, texts
from lpsr.app.theme import STYLES, THEME, script
from lpsr.app.training.listing import TEMPLATE, Event, event_of, listing
from lpsr.errors import InputError
from lpsr.training.plan import LOSSES, preset
from lpsr.training.runs import MAX_NOTE, Run
from lpsr.training.status import STATUS, Stage, Status

EN = Words()
HOSTILE = '<img src=x onerror="alert(1)">&'


def make(name="demo-mse", loss="mse", state="done", place=None, note="", folder=Path("/nowhere"), **changes):
    """A run; ``changes`` are of its status, but for ``facts``: of its stages, by name."""
    facts = changes.pop("facts", {})
    stages = {key: Stage(**facts.get(key, {})) for key in Status(created=0, place=0).stages}
    status = Status(**{"state": state, "created": time.time(), "place": 0, "stages": stages} | changes)
    return Run(name, folder / name, preset("demo", name, LOSSES[loss]), status, place, note)


def html(*runs, selected=None, compared=(), baseline=None, words=EN, may_control=lambda run: True):
    return listing(runs, selected, dict.fromkeys(compared, "#123456"), baseline, words, may_control)


def row(text, name):
    return re.search(rf'<li data-run="{re.escape(name)}".*?</li>', text)[0]


def visible(text, do):
    """Whether the control is there and shown."""
    (tag,) = re.findall(rf"(?:<label[^>]*>)?<(?:button|input)[^>]*data-do=\"{do}\"[^>]*>", text)
    return " hidden" not in tag


def text_of(html):
    return " ".join(unescape(re.sub(r"<[^>]*hidden>.*?</\w+>|<[^>]+>", " ", html)).split())


def test_without_runs_there_is_a_sentence():
    assert "No run yet" in text_of(html()) and "<li" not in html()
    assert "No run yet" not in text_of(html(make()))


def test_a_row_says_what_there_is_to_know():
    facts = {
        "train": {"done": 340, "of": 600, "seconds": 70, "facts": {"best": 21.337}},
        "evaluate": {"seconds": 12, "facts": {"psnr": 21.5, "bicubic": 18.61}},
    }
    text = text_of(row(html(make("a", "pecl-manhattan", "running", note="first try", facts=facts)), "a"))
    for words in (
        "a running PECL-Manhattan (",
        "small network · just now",
        "Iterations 340 / 600",
        "Best val PSNR 21.34 dB",
        "Test PSNR 21.50 dB bicubic 18.61 dB",
        "Time 1 min 22 s",
        "On disk < 0.1 MB",
        "first try Edit note",
    ):
        assert words in text, text


def test_what_is_not_known_yet_is_a_dash():
    text = text_of(html(make(state="queued", place=1)))
    assert "queued, next" in text and "Best val PSNR – Test PSNR – Time –" in text and "0 / 600" in text
    assert "Add note" in text


@pytest.mark.parametrize(
    ("state", "changes", "words"),
    [
        ("queued", {"place": 3}, "queued, place 3"),
        ("paused", {}, "paused"),
        ("interrupted", {}, "interrupted"),
        ("done", {"early": True}, "done, stopped early"),
        ("failed", {"message": "The disk is full."}, "failed"),
    ],
)
def test_states_are_said(state, changes, words):
    text = text_of(html(make(state=state, **changes)))
    assert words in text and changes.get("message", "") in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-30, "just now"), (59, "just now"), (61, "1 min ago"), (2 * 3600, "2 h ago"), (50 * 3600, "2 days ago")],
)
def test_ages(seconds, words):
    assert words in text_of(html(make(created=time.time() - seconds)))


def test_the_size_of_a_run_that_rests_is_measured_when_its_status_changes(tmp_path):
    run = make(folder=tmp_path)
    (run.folder / "train").mkdir(parents=True)
    (run.folder / STATUS).touch()
    assert "On disk < 0.1 MB" in text_of(html(run))
    (run.folder / "train" / "state.safetensors").write_bytes(bytes(12_300_000))
    assert "On disk < 0.1 MB" in text_of(html(run))
    (run.folder / STATUS).write_text("{}")
    assert "On disk 12 MB" in text_of(html(run))


def test_rows_are_in_the_given_order_and_the_selected_one_is_marked():
    text = html(make("b"), make("a"), selected="a")
    assert re.findall(r'<li data-run="(\w)"', text) == ["b", "a"]
    assert "aria-current=true" in row(text, "a") and "aria-current" not in row(text, "b")


def test_curves_and_baseline_are_ticked_where_they_are_chosen():
    text = html(make("a"), make("b"), make("c", "pecl-euclidean"), compared=["a"], baseline="b")
    assert re.findall(r'data-run="(\w)"|data-do="(compare|baseline)" checked', text) == [
        ("a", ""),
        ("", "compare"),
        ("b", ""),
        ("", "baseline"),
        ("c", ""),
    ]
    assert "--model: #123456" in row(text, "a") and "--model" not in row(text, "b")


def test_only_mse_runs_can_be_the_baseline():
    assert visible(html(make(loss="mse")), "baseline")
    assert not visible(html(make(loss="pecl-manhattan")), "baseline")


@pytest.mark.parametrize("state", ["queued", "running", "paused", "interrupted", "done", "failed"])
def test_what_can_be_done_depends_on_state_and_visitor(state):
    mine, other = html(make(state=state)), html(make(state=state), may_control=lambda run: False)
    assert visible(mine, "resume") == (state in ("paused", "interrupted", "failed"))
    assert visible(mine, "delete") and visible(mine, "edit")
    assert not any(visible(other, do) for do in ("resume", "delete", "edit"))
    assert all(visible(one, do) for one in (mine, other) for do in ("choose", "compare", "again"))


def test_whether_a_visitor_may_is_asked_of_each_run():
    text = html(make("a"), make("b"), may_control=lambda run: run.name == "b")
    assert not visible(row(text, "a"), "delete") and visible(row(text, "b"), "delete")


def test_every_row_has_the_same_elements_whatever_its_state():
    """The script finds elements by their place."""

    def shape(text):
        return re.findall(r"<(/?\w+)", re.sub(r"<svg.*?</svg>", "", text))

    rows = [
        html(make(state="queued", place=1), may_control=lambda run: False),
        html(make("b", "pecl-euclidean", "failed", note="x", message="y"), selected="b", compared=["b"]),
        html(make("c", state="running", facts={"evaluate": {"facts": {"psnr": 1.0, "bicubic": 1.0}}}), baseline="c"),
    ]
    assert shape(rows[0]) == shape(rows[1]) == shape(rows[2])


def test_controls_are_named_after_their_run():
    text = html(make("demo-7", state="paused"))
    names = [unescape(one) for one in re.findall(r'<(?:button|input)[^>]*aria-label="([^"]*)"', text)]
    assert len(names) == 7 and all("demo-7" in one for one in names)


@pytest.mark.parametrize("language", LANGUAGES)
def test_visible_words_begin_the_names_in_every_language(language):
    for key in ("add", "edit", "resume", "again", "delete"):
        short, long = (texts()[f"train_list.{one}"][language] for one in (key, f"{key}_of"))
        assert short in long, key


def test_what_comes_from_outside_is_escaped():
    run = replace(make(state="failed", note=HOSTILE, message=HOSTILE), name=HOSTILE)
    text = html(run, selected=HOSTILE, compared=[HOSTILE], baseline=HOSTILE)
    assert "<img" not in text and text.count("&lt;img") > 8


def data(**values):
    return SimpleNamespace(_data=values)


@pytest.mark.parametrize(
    ("sent", "event"),
    [
        ({"action": "choose"}, Event("choose", "a-1")),
        ({"action": "compare", "on": True}, Event("compare", "a-1", True)),
        ({"action": "compare", "on": False}, Event("compare", "a-1", False)),
        ({"action": "discard", "text": "x"}, Event("discard", "a-1")),
        ({"action": "note", "text": "  two \n lines\x00\u202e "}, Event("note", "a-1", text="two lines")),
        ({"action": "note", "text": ""}, Event("note", "a-1")),
        ({"action": "note", "text": "é" * MAX_NOTE}, Event("note", "a-1", text="é" * MAX_NOTE)),
        ({"action": "note", "text": "a\ud800b"}, Event("note", "a-1", text="a b")),
    ],
)
def test_events_are_understood(sent, event):
    assert event_of(data(run="a-1", **sent)) == event


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"action": "choose"},
        {"run": "a"},
        {"action": "format", "run": "a"},
        {"action": ["choose"], "run": "a"},
        {"action": {}, "run": "a"},
        {"action": "choose", "run": 3},
        {"action": "choose", "run": ["a"]},
        {"action": "choose", "run": ""},
        {"action": "discard", "run": "../.."},
        {"action": "discard", "run": ".queue"},
        {"action": "discard", "run": "a/b"},
        {"action": "discard", "run": "a\n"},
        {"action": "compare", "run": "a"},
        {"action": "compare", "run": "a", "on": "yes"},
        {"action": "note", "run": "a"},
        {"action": "note", "run": "a", "text": {"a": 1}},
        {"action": "note", "run": "a", "text": "x" * (MAX_NOTE + 1)},
    ],
)
def test_anything_else_is_refused(sent):
    with pytest.raises(InputError):
        event_of(data(**sent))


@pytest.mark.parametrize("sent", [None, [], "choose", 3])
def test_what_is_not_even_a_table_is_refused(sent):
    with pytest.raises(InputError):
        event_of(SimpleNamespace(_data=sent))


# In the browser.


class World:
    """What the server would know, and how it answers."""

    def __init__(self):
        self.begin(())

    def begin(self, runs):
        self.runs, self.compared, self.selected, self.baseline = list(runs), [], None, None
        self.events = []
        self.deaf = False

    def html(self):
        return html(*self.runs, selected=self.selected, compared=self.compared, baseline=self.baseline)

    def answer(self, event: gr.EventData):
        event = event_of(event)
        self.events.append(event)
        if not self.deaf:
            self.act(event)
        return self.html()

    def act(self, event):
        match event.action:
            case "choose":
                self.selected = event.run
            case "baseline":
                self.baseline = event.run
            case "compare":
                self.compared = [one for one in self.compared if one != event.run] + [event.run] * event.on
            case "discard":
                self.runs = [run for run in self.runs if run.name != event.run]
            case "note":
                self.change(event.run, note=event.text)
            case "resume":
                self.runs = [make(run.name, state="running") if run.name == event.run else run for run in self.runs]

    def change(self, name, **values):
        self.runs = [replace(run, **values) if run.name == name else run for run in self.runs]


@pytest.fixture(scope="module")
def served():
    """A page with nothing but the list in a narrow column, asking for news all the time; its address and its world."""
    world = World()
    with gr.Blocks(analytics_enabled=False) as page, gr.Row(), gr.Column(min_width=300):
        component = gr.HTML(world.html(), html_template=TEMPLATE, js_on_load=script("train_list"), elem_id="list")
        private = {"api_visibility": "private", "show_progress": "hidden"}
        component.select(world.answer, None, component, trigger_mode="multiple", **private)
        gr.Timer(0.2).tick(world.html, None, component, **private)
        page.load(world.html, None, component, **private)
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, theme=THEME, css_paths=STYLES, ssr_mode=False)
    yield url, world
    page.close()


@pytest.fixture
def look(browser, served):
    """``look(*runs, **options)`` opens the page with these runs; gives it and the world."""
    url, world = served
    contexts = []

    def open_page(*runs, **options):
        world.begin(runs)
        context = browser.new_context(**{"viewport": {"width": 380, "height": 800}} | options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.goto(url)
        page.wait_for_selector(".runs section")
        for run in runs:
            page.wait_for_selector(f'[data-run="{run.name}"]')
        return page, world

    yield open_page
    for context in contexts:
        faults = [fault for page in context.pages for fault in page.faults]
        context.close()
        assert faults == []


def card(page, name):
    return page.locator(f'[data-run="{name}"]')


def control(page, name, do):
    return card(page, name).locator(f'[data-do="{do}"]')


def note(page, name):
    return card(page, name).locator(".note-line input")


def news(page, world, name="late"):
    """Another run comes on top; wait until it is drawn, and once more."""
    world.runs = [make(name, state="running"), *world.runs]
    page.wait_for_selector(f'[data-run="{name}"]')
    world.runs = [make(name, facts={"train": {"done": 7}}), *world.runs[1:]]
    card(page, name).get_by_text("7 / 600").wait_for()


def until(page, world, *events):
    for _ in range(200):
        if world.events == list(events):
            return
        page.wait_for_timeout(50)
    assert world.events == list(events)


def focused(page):
    """Run and action of what has the focus."""
    return page.evaluate(
        "() => [document.activeElement.closest('[data-run]')?.dataset.run, document.activeElement.dataset.do]"
    )


def test_every_control_sends_its_action(look):
    page, world = look(make("a", state="paused"), make("b"))
    control(page, "b", "choose").click()
    page.wait_for_selector('[data-run="b"].chosen [aria-current="true"]')
    control(page, "a", "compare").check()
    control(page, "a", "baseline").check()
    control(page, "b", "again").click()
    control(page, "a", "resume").click()
    card(page, "a").get_by_text("running").wait_for()
    control(page, "a", "compare").uncheck()
    expected = [
        Event("choose", "b"),
        Event("compare", "a", True),
        Event("baseline", "a"),
        Event("again", "b"),
        Event("resume", "a"),
        Event("compare", "a", False),
    ]
    until(page, world, *expected)


def test_a_click_on_the_card_chooses_its_run_and_one_on_a_label_only_ticks(look):
    page, world = look(make("a"), make("b"))
    card(page, "b").locator("dl").click()
    until(page, world, Event("choose", "b"))
    card(page, "a").get_by_text("Curves").click()
    until(page, world, Event("choose", "b"), Event("compare", "a", True))


def test_a_half_typed_note_outlives_news_and_is_saved_with_enter(look):
    page, world = look(make("a"), make("b", note="old"))
    control(page, "b", "edit").click()
    note(page, "b").press_sequentially("half ")
    news(page, world)
    assert note(page, "b").evaluate("one => one === document.activeElement && one.value") == "half "
    note(page, "b").press_sequentially("done")
    page.keyboard.press("Enter")
    until(page, world, Event("note", "b", text="half done"))
    card(page, "b").locator(".note-line p", has_text="half done").wait_for()
    assert focused(page) == ["b", "edit"] and not note(page, "b").is_visible()


def test_leaving_the_field_saves_and_escape_does_not(look):
    page, world = look(make("a", note="old"))
    control(page, "a", "edit").click()
    note(page, "a").fill("new")
    page.locator("h2").click()
    until(page, world, Event("note", "a", text="new"))
    control(page, "a", "edit").click()
    note(page, "a").fill("other")
    page.keyboard.press("Escape")
    assert not note(page, "a").is_visible() and focused(page) == ["a", "edit"]
    control(page, "a", "edit").click()
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    assert world.events == [Event("note", "a", text="new")]
    assert card(page, "a").locator(".note-line p").inner_text() == "new"


def test_a_note_on_a_run_that_is_gone_is_not_sent(look):
    page, world = look(make("a"), make("b"))
    control(page, "a", "edit").click()
    note(page, "a").fill("too late")
    world.runs = world.runs[1:]
    card(page, "a").wait_for(state="detached")
    assert focused(page) == ["b", "choose"]
    page.wait_for_timeout(500)
    assert world.events == []


def test_enter_that_takes_over_a_composed_word_does_not_save(look):
    page, world = look(make("a"))
    control(page, "a", "edit").click()
    note(page, "a").dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    assert note(page, "a").is_visible() and world.events == []


def test_a_note_ends_at_its_limit_and_is_only_text(look):
    page, world = look(make("a"))
    control(page, "a", "edit").click()
    page.keyboard.insert_text(HOSTILE + "x" * MAX_NOTE)
    page.keyboard.press("Enter")
    text = (HOSTILE + "x" * MAX_NOTE)[:MAX_NOTE]
    until(page, world, Event("note", "a", text=text))
    card(page, "a").locator(".note-line p", has_text=text[:30]).wait_for()
    assert page.locator(".runs img").count() == 0


def test_deleting_asks_first_and_the_question_outlives_news(look):
    page, world = look(make("a"), make("b"), make("c"))
    control(page, "b", "delete").click()
    assert focused(page) == ["b", "cancel"]
    news(page, world)
    question = card(page, "b").get_by_role("group", name="Delete b for good")
    assert question.is_visible() and page.locator(".confirm:visible").count() == 1
    page.keyboard.press("Escape")
    assert not question.is_visible() and focused(page) == ["b", "delete"] and world.events == []
    page.keyboard.press("Enter")
    control(page, "b", "discard").click()
    until(page, world, Event("discard", "b"))
    card(page, "b").wait_for(state="detached")
    # The next one, not the top of the page.
    assert focused(page) == ["c", "choose"]


def test_the_focus_stays_through_news_and_moves_on_when_its_control_goes(look):
    page, world = look(make("a", state="paused"), make("b"))
    control(page, "a", "resume").focus()
    news(page, world)
    assert focused(page) == ["a", "resume"]
    page.keyboard.press("Enter")
    card(page, "a").get_by_text("running").wait_for()
    assert focused(page) == ["a", "choose"]
    control(page, "b", "compare").focus()
    world.runs = world.runs[:1]
    card(page, "b").wait_for(state="detached")
    assert focused(page) == ["late", "choose"]
    world.runs = []
    page.get_by_text("No run yet").wait_for()


def test_a_tick_that_the_server_does_not_take_goes_off_again(look):
    page, world = look(make("a"), make("b"))
    world.deaf = True
    control(page, "a", "compare").check()
    until(page, world, Event("compare", "a", True))
    page.wait_for_function("!document.querySelector('[data-run=a] [data-do=compare]').checked")


def test_the_list_works_by_keyboard(look):
    page, world = look(make("a"), make("b"))
    control(page, "a", "choose").focus()
    order = []
    for _ in range(6):
        order.append(focused(page)[1])
        page.keyboard.press("Tab")
    assert order == ["choose", "edit", "compare", "baseline", "again", "delete"]
    assert focused(page) == ["b", "choose"]
    page.keyboard.press("Enter")
    control(page, "b", "compare").focus()
    page.keyboard.press("Space")
    control(page, "b", "baseline").focus()
    page.keyboard.press("Space")
    until(page, world, Event("choose", "b"), Event("compare", "b", True), Event("baseline", "b"))


LONG = make(
    "a-very-long-name-of-a-run-that-somebody-thought-was-good-60",
    "pecl-manhattan",
    "failed",
    note="w" * MAX_NOTE,
    message="m" * 300,
)


@pytest.mark.parametrize("options", [{}, {"viewport": {"width": 390, "height": 844}, "is_mobile": True}])
def test_nothing_is_wider_than_the_column(look, options):
    page, _ = look(LONG, make("b", state="running", facts={"train": {"done": 123_456, "of": 1_000_000}}), **options)
    control(page, LONG.name, "delete").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    inside = """row => [...row.querySelectorAll('*')].filter(one => one.getClientRects().length
      && one.getBoundingClientRect().right > row.getBoundingClientRect().right + 0.5).length"""
    assert [row.evaluate(inside) for row in page.locator("[data-run]").all()] == [0, 0]
