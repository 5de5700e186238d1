"""Locks between processes: one at a time, the others told whom they wait for, and none left by the dead."""

import os
import signal
import subprocess
import sys

import pytest

from llmrec.errors import DataError
from llmrec.locks import alone, lock_of

COUNTS = """
import sys
from pathlib import Path
from llmrec.locks import alone
place = Path(sys.argv[1])
for _ in range(60):
    with alone(place / ".lock", lambda owner: None):
        number = int((place / "count").read_text())
        (place / "count").write_text(str(number + 1))
"""
HOLDS = """
import sys, time
from pathlib import Path
from llmrec.locks import alone
with alone(Path(sys.argv[1]), lambda owner: None):
    print("held", flush=True)
    time.sleep(600)
"""


class Met(Exception):
    pass


def meet(owner):
    raise Met(owner)


def test_what_several_processes_do_under_a_lock_they_do_one_after_another(tmp_path):
    (tmp_path / "count").write_text("0")
    begun = [subprocess.Popen([sys.executable, "-c", COUNTS, str(tmp_path)]) for _ in range(3)]
    assert [process.wait() for process in begun] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "180"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]


def test_the_owner_is_named_and_a_lock_dies_with_it(tmp_path):
    path = tmp_path / "run" / ".lock"
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], stdout=subprocess.PIPE) as owner:
        owner.stdout.readline()
        with pytest.raises(Met, match=f"^process {owner.pid} on "), alone(path, meet):
            pass
        os.kill(owner.pid, signal.SIGKILL)
    assert path.is_file()
    with alone(path, meet):
        assert path.read_text().startswith(f"process {os.getpid()} on ")


def test_a_lock_is_free_after_an_error_and_cannot_be_where_no_file_can(tmp_path):
    path = lock_of(tmp_path / "made")
    assert path == tmp_path / ".made.lock"
    with pytest.raises(KeyError), alone(path, meet):
        raise KeyError
    with alone(path, meet):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"), alone(tmp_path / "file" / ".lock", meet):
        pass
