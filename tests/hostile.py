"""A server that speaks OpenAI's protocol, and misbehaves as it is told."""

import json
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Act:
    """What the server does with a request: it stalls, then sends the content, or a part of it and a reset, or
    a byte every so many seconds: of the headers first where `drips_early`."""

    content: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    stalls: float = 0.0
    resets: bool = False
    drips: float = 0.0
    drips_early: bool = False


def said(text: str | None, reason: str = "stop", count: int = 1, **more: Any) -> Act:
    """Return a reply of `count` choices."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason, **more}
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
    return Act(json.dumps({"choices": [choice] * count, "usage": usage}).encode())


def refused(status: int, words: str = "no", code: str | None = None, **headers: str) -> Act:
    told = {"error": {"message": words, "code": code, "type": code}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Act(json.dumps(told).encode(), status, named)


def star(body: dict[str, Any]) -> str:
    """Return the answer to a prompt: by its words alone, so that it can be told whether each got its own."""
    return str(1 + sum(json.dumps(body["messages"]).encode()) % 5)


def good(number: int, body: dict[str, Any]) -> Act:
    return said(star(body))


Other = Callable[[str, str, bytes], Act]


def nothing_else(method: str, path: str, raw: bytes) -> Act:
    return refused(404, f"Not Found: {method} {path}")


@dataclass
class Server:
    """What it was asked, in order: bodies, headers and moments; and how many requests it was at, at most."""

    address: str = ""
    act: Callable[[int, dict[str, Any]], Act] = good
    other: Other = nothing_else
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    most: int = 0
    flying: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def asked(self) -> Counter[str]:
        """How often each prompt was asked."""
        return Counter(json.dumps(body["messages"]) for body in self.bodies)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Quiet"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        told = self.server.told
        if not self.path.endswith("/completions"):
            return self.answer(told.other("POST", self.path, raw))
        body = json.loads(raw)
        with told.lock:
            number = len(told.bodies)
            told.bodies.append(body)
            told.headers.append({name.lower(): value for name, value in self.headers.items()})
            told.moments.append(time.monotonic())
            told.flying += 1
            told.most = max(told.most, told.flying)
        try:
            self.answer(told.act(number, body))
        except OSError:
            self.close_connection = True
        finally:
            with told.lock:
                told.flying -= 1

    def do_GET(self) -> None:
        self.answer(self.server.told.other("GET", self.path, b""))

    def answer(self, act: Act) -> None:
        time.sleep(act.stalls)
        if act.drips_early:
            self.drip(b"HTTP/1.1 200 OK\r\nX-Endless: " + b"x" * 10_000, act.drips)
        self.send_response(act.status)
        for name, value in ({"Content-Type": "application/json"} | dict(act.headers)).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(act.content)))
        self.end_headers()
        if act.drips:
            return self.drip(act.content, act.drips)
        self.wfile.write(act.content[: len(act.content) // 2] if act.resets else act.content)
        if act.resets:
            self.wfile.flush()
            linger = struct.pack("ii", 1, 0)  # so that closing resets
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            self.close_connection = True

    def drip(self, content: bytes, seconds: float) -> None:
        for byte in content:
            self.wfile.write(bytes([byte]))
            time.sleep(seconds)

    def log_message(self, format: str, *words: Any) -> None:
        pass


class Quiet(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, told: Server, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.told = told

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that hang up are part of it


@contextmanager
def serving(
    act: Callable[[int, dict[str, Any]], Act] = good, context: Any = None, other: Other = nothing_else
) -> Iterator[Server]:
    """Serve until the block ends; with a context by TLS; what is no prompt by `other`."""
    server = Server(act=act, other=other)
    http = Quiet(server)
    if context is not None:
        http.socket = context.wrap_socket(http.socket, server_side=True)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    scheme = "http" if context is None else "https"
    server.address = f"{scheme}://127.0.0.1:{http.server_port}/v1"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


if __name__ == "__main__":  # PORT SECONDS: answers at that port, each after so long, until it is killed
    port, stalls = int(sys.argv[1]), float(sys.argv[2])
    told = Server(act=lambda number, body: Act(good(number, body).content, stalls=stalls))
    Quiet(told, port).serve_forever()
