"""Files are written whole or not at all."""

import resource
from contextlib import contextmanager

import pytest

from llmrec.errors import DataError
from llmrec.files import SEAL, made_once, write_atomic


@contextmanager
def small_files():
    """Files of this process may have 10 bytes within, as on a full disk: what tests print too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    told = r"file: cannot be written \(File too large\); what was computed"
    with small_files(), pytest.raises(DataError, match=told):
        write_atomic(target, b"new and longer than that")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"file/x: cannot be written \(.*\); what was computed"):
        write_atomic(tmp_path / "file" / "x", b"")


def test_folders_are_made_and_no_partial_file_stays(tmp_path):
    write_atomic(tmp_path / "a" / "b", b"1")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_a_folder_is_made_once(tmp_path):
    for text in ("1", "2"):
        folder = made_once(tmp_path / "made", lambda partial, text=text: (partial / "a").write_text(text))
        assert folder == tmp_path / "made"
    assert (tmp_path / "made" / "a").read_text() == "1"


@pytest.mark.parametrize("name", ["a", "below/b", SEAL])
def test_a_folder_with_a_file_that_was_cut_off_or_lost_is_named_and_not_used(tmp_path, name):
    def write(folder):
        (folder / "below").mkdir()
        for path in ("a", "below/b"):
            (folder / path).write_text("whole")

    file = made_once(tmp_path / "made", write) / name
    file.write_text(file.read_text()[:-1])
    with pytest.raises(DataError, match=r"made: is damaged, .*; remove it to make it anew"):
        made_once(tmp_path / "made", write)
    if name != SEAL:
        file.unlink()
        with pytest.raises(DataError, match=r"made: is damaged"):
            made_once(tmp_path / "made", write)
