"""What the page keeps of a visit, and for how long."""

import json
import re
import secrets
import time
from datetime import datetime, timedelta

import httpx
import pytest
from gradio.state_holder import StateHolder

from lpsr.app import page as page_module
from lpsr.app import visits
from lpsr.app.gallery import shelves
from lpsr.app.session import Choice
from lpsr.app.uploads import NO_ADDRESS
from lpsr.training.bounds import Bounds

LIMITS = Bounds("full", 1.0, None, 4)

# As the page has them; the tests' own page is quicker.
VISIT, CALL = visits.VISIT, visits.CALL


@pytest.fixture(scope="module")
def brief(tmp_path_factory):
    """A page in this process that forgets within seconds: the page, its address, its folder."""
    folder = tmp_path_factory.mktemp("brief")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        patch.delenv("CCPD_ROOT", raising=False)
        patch.setattr(page_module, "CACHE", (1, 15))
        patch.setattr(visits, "PAUSE", 0.5)
        patch.setattr(visits, "CALL", timedelta(seconds=5))
        patch.setattr(visits, "VISIT", timedelta(seconds=5))
        # What is measured does not matter here.
        patch.setattr("lpsr.app.session.usable_models", lambda chosen: (["bicubic"], []))
        page, compare_tab = page_module.build(shelves(), LIMITS)
        compare_tab.warm_up()
        page_module.launch(page, compare_tab)
        yield page, page.local_url, folder
        page.close(verbose=False)


def send(brief, path):
    with open(path, "rb") as file:
        answer = httpx.post(f"{brief[1]}gradio_api/upload", files={"files": (path.name, file)})
    return upload(answer.json()[0])


def upload(path):
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def join(brief, function, data, visit):
    """Put a call into the queue; ``function`` is the name of what it calls."""
    number = next(number for number, one in brief[0].fns.items() if one.name == function)
    body = {"data": data, "fn_index": number, "session_hash": visit}
    httpx.post(f"{brief[1]}gradio_api/queue/join", json=body).raise_for_status()


def answer(brief, visit):
    """What became of the visit's call: its last data, or the sentence of its error."""
    with httpx.stream("GET", f"{brief[1]}gradio_api/queue/data", params={"session_hash": visit}, timeout=120) as lines:
        for line in lines.iter_lines():
            message = json.loads(line[5:]) if line.startswith("data:") else {}
            # What comes before is, but for the first, sent as differences.
            if message.get("msg") == "process_completed":
                return message["output"].get("data") or message["output"]["error"]
    raise AssertionError("The queue closed without an answer.")


def ask(brief, function, data, visit=None):
    visit = visit or secrets.token_hex(4)
    join(brief, function, data, visit)
    return answer(brief, visit)


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def gone(check):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(0.5)
    return False


def test_a_broken_file_after_an_emptied_upload_gets_its_sentence(brief, hostile):
    visit = secrets.token_hex(4)
    assert ask(brief, "_take", [None, False, None], visit)[6] == {"__type__": "update"}
    for name in ("cut.png", "text.png", "empty.png"):
        path, words = hostile[name]
        assert re.search(words, ask(brief, "_take", [send(brief, path), False, None], visit)[0])
    assert gone(lambda: files(brief[2]) == [])


def test_two_visitors_with_the_same_file_both_get_an_answer(brief, plate_file):
    first, second = send(brief, plate_file), send(brief, plate_file)
    assert first == second
    names = [secrets.token_hex(4) for _ in range(2)]
    for name in names:
        join(brief, "_answer", [first], name)
    for name in names:
        found = answer(brief, name)
        assert isinstance(found, list) and found[0]["hr_size"][0] > 64, found


def test_an_address_is_refused_and_not_fetched(brief):
    for function, more in (("_answer", []), ("_take", [False, None])):
        for address in ("http://127.0.0.1:9/a.png", "https://example.org/a.png"):
            assert ask(brief, function, [upload(address), *more]) == NO_ADDRESS


def test_nothing_is_left_of_a_visit_but_the_page(brief, plate_file):
    page, address, folder = brief
    ask(brief, "_answer", [send(brief, plate_file)])
    visit = secrets.token_hex(4)
    ask(brief, "_take", [send(brief, plate_file), False], visit)
    assert httpx.get(f"{address}gradio_api/deep_link", params={"session_hash": visit}).json()
    holder = page.app.state_holder
    assert len(holder.session_data) >= 2 and files(folder)
    assert gone(lambda: not holder.session_data and not files(folder))
    assert not any(page.temp_file_sets) and not holder.time_last_used and not page.pending_diff_streams


def test_a_visit_is_kept_while_it_is_used_and_a_call_is_not(monkeypatch):
    monkeypatch.delenv("CCPD_ROOT", raising=False)
    monkeypatch.setattr(visits, "VISIT", VISIT)
    monkeypatch.setattr(visits, "CALL", CALL)
    page, compare_tab = page_module.build(shelves(), LIMITS)
    page.state_session_capacity = 10
    holder = StateHolder()
    holder.set_blocks(page)
    for name in ("old", "new", "call"):
        holder[name]
    for name in ("old", "new"):
        holder[name][compare_tab.choice._id] = Choice(None)
    now = datetime.now()
    holder.time_last_used["old"] = now - timedelta(minutes=29)
    visits.forget(holder, compare_tab.choice, now + timedelta(minutes=1))
    assert set(holder.session_data) == {"old", "new", "call"}
    visits.forget(holder, compare_tab.choice, now + timedelta(minutes=3))
    assert set(holder.session_data) == set(holder.time_last_used) == {"new"}
    visits.forget(holder, compare_tab.choice, now + timedelta(minutes=31))
    assert not holder.session_data and not holder.time_last_used
