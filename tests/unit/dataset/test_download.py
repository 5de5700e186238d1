"""Downloads from a server on this machine that serves ranges, breaks off, and refuses."""

import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from llmrec.dataset.download import RawFile, obtain
from llmrec.errors import DataError
from llmrec.progress import Silent

CONTENT = bytes(range(256)) * 4096
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT; `failures` are what it does to the next requests before it behaves."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.takes_ranges = True
        self.failures: list[str] = []
        self.served: list[tuple[int, int]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/raw.json.gz"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        failure = self.server.failures.pop(0) if self.server.failures else ""
        if failure.isdigit():
            self.send_error(int(failure))
            return
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and self.server.takes_ranges else 0
        if start >= len(CONTENT):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        end = len(CONTENT) // 2 if failure == "break" else len(CONTENT)
        self.wfile.write(CONTENT[start:end])
        self.server.served.append((start, end))

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def get(tmp_path: Path, address: str, sha256: str | None = None) -> Path:
    raw = RawFile(file="raw.json.gz", address=address, sha256=sha256)
    return obtain(raw, tmp_path / "shop", tmp_path / "cache", Silent(), delays=(0.0, 0.0))


def names(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "shop").iterdir())


def test_an_absent_file_is_downloaded_and_its_hash_written_beside_it(server, tmp_path):
    path = get(tmp_path, server.address)
    assert path.read_bytes() == CONTENT
    assert names(tmp_path) == ["raw.json.gz", "raw.json.gz.sha256"]
    assert (tmp_path / "shop" / "raw.json.gz.sha256").read_text().strip() == DIGEST


def test_an_interrupted_download_goes_on_where_it_stopped(server, tmp_path):
    server.failures = ["break"]
    half = len(CONTENT) // 2
    assert get(tmp_path, server.address).read_bytes() == CONTENT
    assert server.served == [(0, half), (half, len(CONTENT))]


def test_a_later_run_goes_on_with_what_an_earlier_one_left(server, tmp_path):
    server.failures = ["break", "503", "503"]
    with pytest.raises(DataError, match="HTTP 503"):
        get(tmp_path, server.address)
    assert names(tmp_path) == ["raw.json.gz.part"]
    assert get(tmp_path, server.address).read_bytes() == CONTENT
    assert sum(end - start for start, end in server.served) == len(CONTENT)


def test_a_server_that_ignores_ranges_sends_everything_again(server, tmp_path):
    server.takes_ranges = False
    server.failures = ["break"]
    assert get(tmp_path, server.address).read_bytes() == CONTENT
    assert [start for start, _ in server.served] == [0, 0]


def test_a_part_that_is_already_whole_is_not_fetched_again(server, tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "raw.json.gz.part").write_bytes(CONTENT)
    assert get(tmp_path, server.address).read_bytes() == CONTENT
    assert server.served == []


def test_a_part_longer_than_the_file_is_thrown_away(server, tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "raw.json.gz.part").write_bytes(CONTENT + b"more")
    assert get(tmp_path, server.address).read_bytes() == CONTENT


def test_a_present_file_is_never_downloaded_again(server, tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "raw.json.gz").write_bytes(b"mine")
    assert get(tmp_path, server.address).read_bytes() == b"mine"
    assert server.served == []


def test_an_unpacked_file_will_do(server, tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "raw.json").write_bytes(b"mine")
    assert get(tmp_path, server.address).name == "raw.json"
    assert server.served == []


def test_a_pinned_hash_is_checked_and_the_wrong_file_kept_aside(server, tmp_path):
    wrong = "0" * 64
    with pytest.raises(DataError) as caught:
        get(tmp_path, server.address, sha256=wrong)
    assert str(caught.value) == (
        f"{server.address}: sha256 {DIGEST} came, {wrong} is pinned; the download is kept as "
        f"{tmp_path}/shop/raw.json.gz.rejected; if the publisher has changed the file, "
        "change dataset's sha256 or delete raw.json.gz.sha256"
    )
    assert names(tmp_path) == ["raw.json.gz.rejected"]


def test_a_pinned_hash_that_fits_is_accepted(server, tmp_path):
    assert get(tmp_path, server.address, sha256=DIGEST.upper()).read_bytes() == CONTENT


def test_the_first_downloads_hash_holds_from_then_on(server, tmp_path):
    path = get(tmp_path, server.address)
    path.write_bytes(b"changed")
    with pytest.raises(
        DataError, match=rf"raw\.json\.gz: its sha256 is .*, {DIGEST} is pinned; delete the file"
    ):
        get(tmp_path, server.address)


def test_a_file_that_is_not_there_is_refused_at_once(server, tmp_path):
    server.failures = ["404"]
    with pytest.raises(DataError) as caught:
        get(tmp_path, server.address)
    assert str(caught.value) == (
        f"raw.json.gz: not in {tmp_path}/shop, and {server.address} did not give it (HTTP 404 Not Found); "
        "download it elsewhere and put it into that folder"
    )


def test_without_a_network_file_address_and_folder_are_named(tmp_path):
    address = "http://127.0.0.1:9/raw.json.gz"
    with pytest.raises(DataError) as caught:
        get(tmp_path, address)
    assert str(caught.value).startswith(
        f"raw.json.gz: not in {tmp_path}/shop, and {address} did not give it ([Errno 111]"
    )


def test_a_folder_that_cannot_be_written_is_no_network_failure(server, tmp_path):
    (tmp_path / "shop").write_bytes(b"")
    with pytest.raises(DataError, match=r"raw\.json\.gz\.part: cannot be written"):
        get(tmp_path, server.address)
    assert server.served == []
