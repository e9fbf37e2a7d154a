"""The token of a visitor's browser."""

import gradio as gr
import pytest

from lpsr.app.gallery import shelves
from lpsr.app.page import build
from lpsr.app.tokens import is_token, token_of
from lpsr.training.bounds import Bounds


@pytest.mark.parametrize("sent", ["", "short", None, 7, ["t" * 22], {}])
def test_what_is_no_token_is_replaced_by_one_that_nobody_has(sent):
    made = {token_of(sent) for _ in range(9)}
    assert not is_token(sent) and len(made) == 9 and all(map(is_token, made))


def test_a_token_stays():
    assert token_of("t" * 22) == "t" * 22


def test_both_tabs_that_know_a_visitor_share_one_token_outside_of_all_tabs():
    page, _ = build(shelves(), Bounds("demo", 1.0, 1.0, 4))
    (token,) = (block for block in page.blocks.values() if isinstance(block, gr.BrowserState))
    above = token
    while above.parent is not None:
        above = above.parent
        assert not isinstance(above, gr.Tab | gr.Tabs)
    given = {one.fn.__qualname__ for one in page.fns.values() if token in one.outputs}
    assert given == {"HelpTab._start", "TrainingTab._start"}
