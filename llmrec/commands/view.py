"""`llmrec view DIR...`: the report's page with all rows, served to this machine's browser."""

import argparse
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

from llmrec.artifacts import METRICS
from llmrec.errors import ConfigError, DataError, LlmrecError
from llmrec.pages.going import unfinished
from llmrec.pages.groups import groups
from llmrec.pages.page import page
from llmrec.pages.samples import ALL

HOST = "127.0.0.1"
PORT = 8642
NAMES = (HOST, "localhost")  # by any other, a page of the web could have a browser read this one


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="llmrec view",
        description="Serve the page of llmrec report, with every row of the runs below the folders and how "
        f"far unfinished ones have come, on {HOST}; stop it by Ctrl-C.",
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--port", type=int, default=PORT, help=f"0 takes a free one ({PORT})")
    asked = parser.parse_args(argv)
    with served(asked.folders, asked.port) as server:
        print(f"http://{HOST}:{server.server_port}/", flush=True)
        server.serve_forever()
    return 0


def served(folders: Sequence[Path], port: int) -> ThreadingHTTPServer:
    """Return a server of the page, not yet serving. Raises DataError for a folder that is none, ConfigError
    where the port is taken."""
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; give folders of runs, such as outputs/runs")
    try:
        return ThreadingHTTPServer((HOST, port), partial(Handler, Pages(folders)))
    except (OSError, OverflowError) as error:
        way_out = "give another, or 0 for a free one"
        raise ConfigError(f"--port {port}: cannot be had ({error}); {way_out}") from error


class Pages:
    """The page, made anew when a run has come, finished or gone on."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._lock = Lock()
        self._known: object = None
        self._content = b""

    def __call__(self) -> bytes:
        """Return the page as it is now. Raises LlmrecError."""
        with self._lock:
            done = sorted({path for folder in self._folders for path in folder.rglob(METRICS)})
            going = unfinished(self._folders)
            state = [(path, path.stat().st_mtime_ns) for path in done], going
            if state != self._known:
                self._content = page(groups([path.parent for path in done]), ALL, going)
                self._known = state
            return self._content


class Handler(BaseHTTPRequestHandler):
    """Gives the page, and nothing else."""

    def __init__(self, pages: Pages, *words: object) -> None:
        self._pages = pages
        super().__init__(*words)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if self.headers.get("Host", "").rpartition(":")[0] not in NAMES:
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        if self.path != "/":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            status, kind, content = HTTPStatus.OK, "text/html", self._pages()
        except LlmrecError as error:
            status, kind, content = HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", str(error).encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *words: object) -> None:
        """Keep quiet: every load of the page would be a line."""
