"""The list of runs in a browser."""

from dataclasses import replace

import gradio as gr
import pytest
from pages import served
from train_rows import html, make

from lpsr.app.theme import script
from lpsr.app.training.listing import TEMPLATE, Event, event_of
from lpsr.training.runs import MAX_NOTE

HOSTILE = '<img src=x onerror="alert(1)">&'


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
def list_and_world():
    """A page with nothing but the list in a narrow column, asking for news all the time; its address and its world."""
    world = World()
    with gr.Blocks(analytics_enabled=False) as page, gr.Row(), gr.Column(min_width=300):
        for name in ("train-side", "train-main"):
            gr.HTML("", elem_id=name)
        component = gr.HTML(world.html(), html_template=TEMPLATE, js_on_load=script("train_list"), elem_id="list")
        private = {"api_visibility": "private", "show_progress": "hidden"}
        component.select(world.answer, None, component, trigger_mode="multiple", **private)
        gr.Timer(0.2).tick(world.html, None, component, **private)
        page.load(world.html, None, component, **private)
    with served(page) as url:
        yield url, world


@pytest.fixture
def look(visitor, list_and_world):
    """``look(*runs, **options)`` opens the page with these runs; gives it and the world."""
    url, world = list_and_world
    pages = []

    def open_page(*runs, **options):
        world.begin(runs)
        page = visitor(**{"viewport": {"width": 380, "height": 800}} | options)
        pages.append(page)
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.goto(url)
        page.wait_for_selector(".runs section")
        for run in runs:
            page.wait_for_selector(f'[data-run="{run.name}"]')
        return page, world

    yield open_page
    assert [fault for page in pages for fault in page.faults] == []


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
