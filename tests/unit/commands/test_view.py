"""The page served to this machine alone."""

import http.client
import json
import os
import re
import shutil
import threading
from urllib.parse import quote

import msgspec
import pytest
from reported import finished

from llmrec.artifacts import COMPLETIONS, EXAMPLES, ITEMS, METRICS, from_lines
from llmrec.commands.view import HOST, Pages, served
from llmrec.errors import ConfigError, DataError
from llmrec.records import Example


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    to = tmp_path_factory.mktemp("viewed")
    done = finished(to, "done", "task=direct limit=120 model=popularity")
    shutil.copytree(done, to / "going")
    (to / "going" / METRICS).unlink()
    lines = (done / COMPLETIONS).read_bytes().splitlines(keepends=True)
    (to / "going" / COMPLETIONS).write_bytes(b"".join(lines[:37]))
    return to


@pytest.fixture
def ask(folder):
    """Return what gets a path from the running server, by a host's name: the status and the text."""
    with served([folder], 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def got(path="/", host=None, method="GET", site="none"):
            connection = http.client.HTTPConnection(HOST, server.server_port, timeout=60)
            headers = {"Host": host or f"{HOST}:{server.server_port}", "Sec-Fetch-Site": site}
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

        yield got
        server.shutdown()
        thread.join()


def given(html):
    """Return what the page's script is given."""
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])


def test_every_row_is_shown_and_how_far_unfinished_runs_have_come(ask):
    status, text = ask()
    assert status == 200
    assert "120 of 120 answers are shown" in text
    assert "Every row of every run." in text
    assert "Unfinished runs" in text
    assert all(f'data-key="{number:.1f}"' in text for number in (37, 120))
    assert "connect-src &#39;self&#39;" in text


def test_the_page_holds_the_list_and_asks_for_a_row(ask, folder):
    data = given(ask()[1])
    assert data["details"] is None
    assert len(data["rows"]) == len(data["samples"]) == 120
    status, text = ask(data["source"] + "row/7")
    details = json.loads(text)
    assert status == 200
    assert list(details["rows"]) == ["7"]
    assert [data["samples"][int(number)]["row"] for number in details["samples"]] == [7]
    titles = msgspec.json.decode((folder / "done" / ITEMS).read_bytes())
    assert len(details["rows"]["7"]["candidates"]) == 100
    assert {id: title for id, title in details["items"]}.items() <= titles.items()


def test_a_text_is_searched_in_ids_titles_and_what_models_read_and_said(ask, folder):
    data = given(ask()[1])
    rows = from_lines(folder / "done" / EXAMPLES, Example)
    titles = msgspec.json.decode((folder / "done" / ITEMS).read_bytes())
    item = rows[0].question.candidates[0]
    for words in (item, titles[item].upper()):
        found = json.loads(ask(f"{data['source']}search?text={quote(words)}")[1])
        ids = {data["rows"][data["samples"][number]["row"]]["id"] for number in found}
        wanted = {row.id for row in rows if item in row.question.candidates}
        assert wanted <= ids
    assert json.loads(ask(data["source"] + "search?text=" + quote("stands nowhere"))[1]) == []


def test_a_page_of_runs_that_have_changed_is_told_so(ask, folder):
    source = given(ask()[1])["source"]
    assert ask(source + "row/0")[0] == 200
    os.utime(folder / "done" / METRICS)
    assert ask(source + "row/0")[0] == 200  # until a page is made anew
    again = given(ask()[1])["source"]
    assert again != source
    assert ask(source + "row/0")[0] == 404
    assert ask(again + "row/0")[0] == 200


def test_a_run_that_goes_on_is_seen_by_loading_again(ask, folder):
    ask()
    with (folder / "going" / COMPLETIONS).open("ab") as file:
        file.write((folder / "done" / COMPLETIONS).read_bytes().splitlines(keepends=True)[37])
    assert 'data-key="38.0"' in ask()[1]


def test_nothing_else_is_given_and_no_other_host_is_answered(ask):
    source = given(ask()[1])["source"]
    for path in (
        "/../config.yaml",
        "/row/0",
        "row/999",
        "row/-1",
        "row/x",
        "row/",
        "search",
        "prompts.jsonl",
    ):
        assert ask(path if path.startswith("/") else source + path)[0] == 404, path
    assert ask(source + "row/0", site="cross-site")[0] == 403
    assert ask(source + "row/0", site="same-origin")[0] == 200
    assert ask(site="cross-site")[0] == 200  # a link to the page
    assert ask(source + "row/0", host="attacker.example:80")[0] == 403
    assert ask(host="attacker.example:80")[0] == 403
    assert ask(host="localhost:1")[0] == 200
    assert ask(method="POST")[0] == 501


def test_where_no_run_has_finished_the_page_tells_how_far_they_have_come(folder):
    kind, page = Pages([folder / "going"])("/")
    assert kind == "text/html"
    assert "Unfinished runs" in page.decode()
    assert given(page.decode())["samples"] == []


def test_what_cannot_be_served_is_told(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        served([tmp_path / "none"], 0)
    with served([tmp_path], 0) as taken, pytest.raises(ConfigError, match="0 for a free one"):
        served([tmp_path], taken.server_port)
    with pytest.raises(ConfigError, match="--port 99999"):
        served([tmp_path], 99999)
