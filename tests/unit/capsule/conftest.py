"""Small finished runs in folders that bear marks, and what else tells of the machine bears them too."""

from collections.abc import Callable
from pathlib import Path

import pytest
from capsules import HOST, USER

from llmrec.artifacts import RunDir
from llmrec.cli import dispatch
from llmrec.commands.composing import composed
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent

Made = Callable[..., Path]


@pytest.fixture(scope="session")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("zqmarked") / "home" / USER


@pytest.fixture(autouse=True)
def machine(home, monkeypatch) -> None:
    """Name user, host and home, and work in a folder of that home."""
    work = home / "zqmarkedwork"
    work.mkdir(parents=True, exist_ok=True)
    for name in ("USER", "LOGNAME"):
        monkeypatch.setenv(name, USER)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr("socket.gethostname", lambda: f"{HOST}.example.net")
    monkeypatch.chdir(work)


@pytest.fixture(scope="session")
def made(home) -> Made:
    """Return what makes a run of some choices, once, and gives its folder."""
    folders: dict[tuple[str, ...], Path] = {}

    def make(*choices: str) -> Path:
        if choices not in folders:
            folder = home / "runs" / f"run-{len(folders)}"
            words = ["experiment=smoke", "model=tiny", "limit=8", *choices]
            words += [
                f"{name}={home / 'zqmarked' / name}" for name in ("data_dir", "cache_dir", "output_dir")
            ]
            run(plan(composed(words)), RunDir(folder), Silent())
            folders[choices] = folder
        return folders[choices]

    return make


@pytest.fixture(scope="session")
def capsule(made, tmp_path_factory) -> Made:
    """Return what exports a run of some choices, once, and gives its capsule."""
    capsules: dict[tuple[str, ...], Path] = {}

    def make(*choices: str) -> Path:
        if choices not in capsules:
            to = tmp_path_factory.mktemp("capsules") / "one.llmrec.zip"
            assert dispatch(["export", str(made(*choices)), str(to)]) == 0
            capsules[choices] = to
        return capsules[choices]

    return make
