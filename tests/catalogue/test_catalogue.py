"""Every bad input of the catalogue is one line: the place, the value, the rule, the way out.

A case says what is typed (`run`), what is told (`told`: `...` is what varies, {home} the working folder), the
status if it is not 1, and what lies in the folder: see `prepared.lay`. `answers` is what a server does.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from catalogue import prepared

from llmrec import cli

FILES = sorted(Path(__file__).parent.glob("*.yaml"))
CASES: list[dict[str, Any]] = [case for file in FILES for case in yaml.safe_load(file.read_text("utf-8"))]
PARTS = re.compile(r"\S.*: .+(; .+|\?)")
SAMPLED = [case for case in CASES if not {"made", "answers", "slow"} & case.keys()][::10]


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return where what is made once for all cases lies, made when it is first asked for."""
    base = tmp_path_factory.mktemp("shelf")

    def made(name: str) -> Path:
        if not (base / name).exists():
            (prepared.runs if name in prepared.RUNS else prepared.checkpoint)(base)
        return base / name

    return made


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def home(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, no choice made by the environment, and no hub."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["llmrec"])
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name, value in {"HYDRA_FULL_ERROR": "1", "LLMREC_CACHE": str(cache), "COLUMNS": "160"}.items():
        monkeypatch.setenv(name, value)
    for name in ("LLMREC_DEBUG", "LLMREC_CONFIG_DIR"):
        monkeypatch.setenv(name, "")  # to be as it was afterwards, whatever a command sets
    for name in ("LLMREC_DATA", "LLMREC_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def check(case: dict[str, Any], home: Path, host: str, status: int, stderr: str) -> None:
    told = [line for line in stderr.splitlines() if line.startswith("error: ")]
    assert len(told) == 1, stderr
    assert "Traceback" not in stderr
    wanted = "error: " + case["told"].replace("{home}", str(home)).replace("{host}", host)
    assert re.fullmatch(".*".join(map(re.escape, wanted.split("..."))), told[0]), told[0]
    assert status == case.get("status", 1)
    assert not (home / prepared.TOUCHED).exists()


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[pytest.mark.slow] if case.get("slow") else []) for case in CASES],
    ids=lambda case: case["run"],
)
def test_a_bad_input_is_told_in_one_line(case, home, shelf, capsys):
    prepared.lay(home, case, shelf)
    with prepared.answering(case["answers"], home) if "answers" in case else nullcontext("") as address:
        status = cli.dispatch(prepared.words(case["run"], server=address))
    host = address.split("/")[2] if address else ""
    check(case, home, host, status, capsys.readouterr().err)


@pytest.mark.parametrize("case", SAMPLED, ids=lambda case: case["run"])
def test_so_it_is_in_a_process_of_its_own(case, home, shelf):
    prepared.lay(home, case, shelf)
    command = [sys.executable, "-m", "llmrec", *prepared.words(case["run"])]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=False)
    check(case, home, "", done.returncode, done.stderr)


@pytest.mark.parametrize("case", SAMPLED[::3], ids=lambda case: case["run"])
def test_under_debug_what_led_to_it_stands_before_the_line(case, home, shelf, capsys):
    prepared.lay(home, case, shelf)
    cli.dispatch(["--debug", *prepared.words(case["run"])])
    told = capsys.readouterr().err
    assert told.count("Traceback (most recent call last)") > 0
    assert told.rstrip().splitlines()[-1].startswith("error: ")


def test_a_fault_that_nothing_foresaw_is_told_in_one_line_too(monkeypatch, capsys):
    monkeypatch.setattr("llmrec.commands.list.groups", lambda: 1 / 0)
    assert cli.dispatch(["list", "model"]) == 1
    told = capsys.readouterr().err
    assert re.fullmatch(r"error: \S+: ZeroDivisionError \(division by zero\), .*--debug.*\n", told)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["run"])
def test_every_message_has_its_parts(case):
    assert PARTS.fullmatch(case["told"])


def test_there_are_enough_of_them():
    assert len({(case["run"], case["told"]) for case in CASES}) >= 120
