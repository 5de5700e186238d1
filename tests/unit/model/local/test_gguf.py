from pathlib import Path

import pytest
from fuzzed_models import gguf_seeds

from llmrec.errors import BackendError
from llmrec.model.local.gguf import converted, hub_gguf, packaged_gguf
from llmrec.progress import Silent


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return a function that installs a distribution `carrier` holding the files named."""

    def install(*names: str) -> Path:
        info = tmp_path / "carrier-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n")
        (info / "RECORD").write_text("".join(f"carrier/{name},,\n" for name in names))
        (tmp_path / "carrier").mkdir()
        (tmp_path / "carrier" / "__init__.py").write_text("raise SystemExit('imported')")
        for name in names:
            (tmp_path / "carrier" / name).write_bytes(b"GGUF")
        monkeypatch.syspath_prepend(tmp_path)
        return tmp_path / "carrier"

    return install


def test_the_file_that_a_package_carries_is_found_without_importing_it(package):
    folder = package("weights.gguf", "readme.txt")
    assert packaged_gguf("carrier") == folder / "weights.gguf"


def test_a_package_that_is_not_installed_carries_nothing():
    assert packaged_gguf("no-such-distribution-at-all") is None


@pytest.mark.parametrize("names", [(), ("one.gguf", "two.gguf")])
def test_a_package_with_none_or_several_files_is_refused(package, names):
    package(*names)
    with pytest.raises(BackendError, match=rf"model\.package: 'carrier' carries {len(names)} GGUF files"):
        packaged_gguf("carrier")


def test_a_file_that_is_not_in_the_folder_is_refused_by_name(tmp_path):
    with pytest.raises(BackendError, match=r"model\.gguf: 'w\.gguf' is not in"):
        hub_gguf(str(tmp_path), None, "w.gguf")


def test_a_file_that_is_no_gguf_is_one_line_and_leaves_nothing(tmp_path):
    file = tmp_path / "w.gguf"
    file.write_bytes(b"not at all a GGUF")
    with pytest.raises(BackendError, match=r"^model\.path: 'w\.gguf' [^\n]*$"):
        converted(file, tmp_path / "cache", Silent())
    assert list((tmp_path / "cache" / "models").iterdir()) == []


def test_a_file_without_weights_is_refused_rather_than_made_up(tmp_path):
    file = tmp_path / "w.gguf"
    file.write_bytes(gguf_seeds()[0])
    with pytest.raises(BackendError, match=r"it lacks \d+ weights, first \S+, which would be random"):
        converted(file, tmp_path / "cache", Silent())
