"""The commit that a result names."""

import pytest

from llmrec.environment import commit
from llmrec.errors import BackendError


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Put a git of these words and this status before all others."""

    def made(says: str, status: int) -> None:
        program = tmp_path / "git"
        program.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {status}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    return made


def test_a_git_that_will_not_tell_or_is_not_there_leaves_no_commit(git, monkeypatch):
    git("fatal: detected dubious ownership in repository at /memory/llmrec", 128)
    assert commit() is None
    monkeypatch.setenv("PATH", "")
    assert commit() is None


@pytest.mark.parametrize(
    ("says", "status"),
    [
        ("git: error while loading shared libraries: libz.so.1: failed to map segment", 127),
        ("fatal: mmap failed: Cannot allocate memory", 128),
        ("fatal: Out of memory, malloc failed", 128),
    ],
)
def test_a_git_that_breaks_down_is_no_git_without_a_commit(git, says, status):
    git(says, status)
    with pytest.raises(BackendError, match=rf"git rev-parse: ended with {status} \({says}\); run again"):
        commit()
