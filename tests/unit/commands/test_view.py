"""The page served to this machine alone."""

import http.client
import shutil
import threading

import pytest
from reported import finished

from llmrec.artifacts import COMPLETIONS, METRICS
from llmrec.commands.view import HOST, served
from llmrec.errors import ConfigError, DataError


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

        def got(path="/", host=None, method="GET"):
            connection = http.client.HTTPConnection(HOST, server.server_port, timeout=60)
            connection.request(method, path, headers={"Host": host or f"{HOST}:{server.server_port}"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

        yield got
        server.shutdown()
        thread.join()


def test_every_row_is_shown_and_how_far_unfinished_runs_have_come(ask):
    status, text = ask()
    assert status == 200
    assert "120 of 120 answers are shown" in text
    assert "Every row of every run." in text
    assert "Unfinished runs" in text
    assert all(f'data-key="{number:.1f}"' in text for number in (37, 120))


def test_a_run_that_goes_on_is_seen_by_loading_again(ask, folder):
    ask()
    with (folder / "going" / COMPLETIONS).open("ab") as file:
        file.write((folder / "done" / COMPLETIONS).read_bytes().splitlines(keepends=True)[37])
    assert 'data-key="38.0"' in ask()[1]


def test_nothing_else_is_given_and_no_other_host_is_answered(ask):
    assert ask("/../config.yaml")[0] == 404
    assert ask(host="attacker.example:80")[0] == 403
    assert ask(host="localhost:1")[0] == 200
    assert ask(method="POST")[0] == 501


def test_what_cannot_be_served_is_told(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        served([tmp_path / "none"], 0)
    with served([tmp_path], 0) as taken, pytest.raises(ConfigError, match="0 for a free one"):
        served([tmp_path], taken.server_port)
    with pytest.raises(ConfigError, match="--port 99999"):
        served([tmp_path], 99999)
