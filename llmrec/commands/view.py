"""`llmrec view DIR...`: the report's page with all rows, served to this machine's browser."""

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec

from llmrec.artifacts import METRICS
from llmrec.commands.arguments import Arguments
from llmrec.errors import ConfigError, DataError, LlmrecError
from llmrec.pages.going import going, unfinished
from llmrec.pages.groups import Group, groups
from llmrec.pages.page import rendered, sections
from llmrec.pages.source import Source
from llmrec.pages.view import Section
from llmrec.seeded import hash64

HOST = "127.0.0.1"
PORT = 8642
NAMES = (HOST, "localhost")  # by any other, a page of the web could have a browser read this one


def main(argv: list[str]) -> int:
    parser = Arguments(
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


class Shown(NamedTuple):
    """What is served of the runs as they were at one time."""

    state: object
    groups: list[Group]
    sections: list[Section]
    source: Source


class Pages:
    """The page and, below an address of its own, all that it asks for; made anew when a run has finished."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._lock = Lock()
        self._shown: Shown | None = None

    def __call__(self, path: str) -> tuple[str, bytes]:
        """Return the type and the content of a path. Raises LlmrecError, and LookupError where there is
        nothing, or nothing any more."""
        if path == "/":
            return "text/html", self._page()
        address = urlsplit(path)
        if self._shown is None or not path.startswith(source := self._shown.source.samples.source):
            raise LookupError(path)
        kind, _, number = address.path.removeprefix(source).partition("/")
        if kind == "row":
            found: object = self._shown.source.row(whole(number))
        elif kind == "search":
            found = self._shown.source.holding(parse_qs(address.query)["text"][0])
        else:
            raise LookupError(path)
        return "application/json", msgspec.json.encode(found)

    def _page(self) -> bytes:
        shown, unfinished_now = self._now(), unfinished(self._folders)
        sections = [going(unfinished_now), *shown.sections]
        return rendered(shown.groups, sections, shown.source.samples)

    def _now(self) -> Shown:
        with self._lock:
            done = sorted({path for folder in self._folders for path in folder.rglob(METRICS)})
            state = [(path, path.stat().st_mtime_ns) for path in done]
            if self._shown is None or state != self._shown.state:
                made = groups([path.parent for path in done])
                source = Source(made, f"/{hash64(state):016x}/")
                self._shown = Shown(state, made, sections(made), source)
            return self._shown


def whole(number: str) -> int:
    """Return a number of a path. Raises LookupError for what is none."""
    if not number.isdecimal():
        raise LookupError(number)
    return int(number)


class Handler(BaseHTTPRequestHandler):
    """Gives the page and what it asks for, and nothing else."""

    def __init__(self, pages: Pages, *words: object) -> None:
        self._pages = pages
        super().__init__(*words)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if self._is_foreign():
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        try:
            status, (kind, content) = HTTPStatus.OK, self._pages(self.path)
        except LookupError:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        except LlmrecError as error:
            status, kind, content = HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", str(error).encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

    def _is_foreign(self) -> bool:
        """Return whether another page may be asking: by another name of this host, or, as a browser tells,
        for more than the page itself; how long a search takes would tell it what stands in the runs."""
        asker = self.headers.get("Sec-Fetch-Site", "none")
        if self.path != "/" and asker not in ("none", "same-origin"):
            return True
        return self.headers.get("Host", "").rpartition(":")[0] not in NAMES

    def log_message(self, format: str, *words: object) -> None:
        """Keep quiet: every load of the page would be a line."""
