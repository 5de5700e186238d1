import pytest

from llmrec.errors import BackendError, DataError
from llmrec.files import made_once
from llmrec.model.local.checkpoint import Checkpoint, find


def test_a_folder_is_made_once(tmp_path):
    made = []

    def write(folder):
        made.append(folder)
        (folder / "file").write_text("x")

    target = tmp_path / "models" / "m"
    assert made_once(target, write) == target
    assert made_once(target, write) == target
    assert len(made) == 1
    assert (target / "file").read_text() == "x"


def test_a_folder_whose_making_failed_is_not_there(tmp_path):
    def write(folder):
        (folder / "half").write_text("x")
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match=r"m: cannot be written \(No space"):
        made_once(tmp_path / "m", write)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_process_that_was_faster_is_taken(tmp_path):
    def write(folder):
        (tmp_path / "m").mkdir()
        (tmp_path / "m" / "file").write_text("theirs")
        (folder / "file").write_text("ours")

    assert (made_once(tmp_path / "m", write) / "file").read_text() == "theirs"
    assert [entry.name for entry in tmp_path.iterdir()] == ["m"]


def test_a_path_is_a_folder_if_there_is_one_else_a_hub_id(tmp_path):
    assert find(str(tmp_path), "main").path == str(tmp_path)
    assert find("org/name", "main") == Checkpoint("org/name", "main", 0)


@pytest.mark.parametrize("path", ["/no/such", "./here", "~/there", "a/b/c"])
def test_a_path_that_is_no_hub_id_must_be_a_folder(path):
    with pytest.raises(BackendError, match=f"model.path: '{path}' is no folder"):
        find(path, None)
