"""Files of requests, which a server answers within a day at a lower price (OpenAI's Batch API)."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

import openai
from openai.types import Batch, FileObject

from llmrec.errors import BackendError
from llmrec.model.served.answers import Handed, Replies
from llmrec.model.served.fleet import FIRST_REST, LONGEST_REST, WHOLE, Body, Endpoint, Fleet, check_choice
from llmrec.model.served.trouble import Passing
from llmrec.progress import Progress

T = TypeVar("T")
MOST_REQUESTS, MOST_BYTES = 50_000, 200_000_000  # of a file, by OpenAI
TRANSFER = 3600.0  # seconds: the longest that a file may be on its way
TOKEN = "llmrec"
OVER = ("completed", "expired", "failed", "cancelled")
NO_SUCH = (404, 405, 501)


class Batches:
    """Hands in what is to be asked, and waits for it. That a batch is made stands on the disk before it is,
    and it bears a token by which it is found again: none is made twice, whenever the process is killed."""

    def __init__(self, fleet: Fleet, replies: Replies, progress: Progress, timeout: float) -> None:
        self._fleet, self._replies, self._progress = fleet, replies, progress
        self._longest = WHOLE * timeout

    def hand_in(self, path: str, calls: Mapping[bytes, Body]) -> None:
        """Make batches of the calls. Raises BackendError where the server takes none."""
        for names, content in files(path, calls, MOST_REQUESTS, MOST_BYTES):
            file = self._call(partial(upload, content), longest=TRANSFER)
            token = uuid4().hex
            self._replies.hand_in(token, names)
            self._replies.handed_in(token, self._made(token, path, file.id).id)

    def find(self, handed: Handed) -> None:
        """Find a batch whose id is not known; forget it where the server has none."""
        found = self._call(lambda client: found_by(client, handed.token))
        if found is None:
            self._replies.forget(handed.token)
        else:
            self._replies.handed_in(handed.token, found.id)

    def collect(
        self, handed: Handed, check: Callable[[Body], None]
    ) -> tuple[dict[bytes, Body], BackendError | None]:
        """Wait for a batch, and return the replies that pass the check, which are kept, and an error where
        it failed or was cancelled."""
        assert handed.batch is not None
        batch = self._wait(handed.batch)
        replies, trouble = dict[bytes, Body](), reason(batch)
        for file in (batch.output_file_id, batch.error_file_id):
            content = self._content(batch.id, file) if file else b""
            for name, reply, words in lines_of(content):
                if reply is not None and name in handed.asked and sound(reply, check):
                    replies[name] = reply
                else:
                    trouble = trouble or words
        self._replies.keep(replies)
        self._replies.forget(handed.token)
        told = f"batch {batch.id} {batch.status}: {len(replies):,} of {len(handed.asked):,} requests answered"
        told += f" ({self._fleet.clean(trouble)})" if trouble else ""
        if batch.status in ("failed", "cancelled"):
            words = "those are kept, and the same command makes a batch of the others"
            return replies, BackendError(f"{told}; {words}")
        left = "; the others are asked one by one" if len(replies) < len(handed.asked) else ""
        self._progress.tell(told + left)
        return replies, None

    def _made(self, token: str, path: str, file: str) -> Batch:
        return self._call(
            lambda client: (
                found_by(client, token)
                or client.batches.create(
                    input_file_id=file,
                    endpoint=f"/v1{path}",  # type: ignore[arg-type]
                    completion_window="24h",
                    metadata={TOKEN: token},
                )
            )
        )

    def _wait(self, id: str) -> Batch:
        """Return a batch that is over, telling how far it has come."""
        rest, told = FIRST_REST, ""
        while True:
            batch = self._call(lambda client: client.batches.retrieve(id), id)
            counts = batch.request_counts
            done = f"{counts.completed + counts.failed:,} of {counts.total:,} requests" if counts else ""
            words = f"batch {id} {batch.status}{': ' if done else ''}{done}"
            if batch.status in OVER:
                return batch
            if words != told:
                self._progress.tell(words)
            told = words
            self._fleet.pause(rest)
            rest = min(2 * rest, LONGEST_REST)

    def _content(self, id: str, file: str) -> bytes:
        return self._call(lambda client: client.files.content(file, timeout=TRANSFER).content, id, TRANSFER)

    def _call(self, work: Callable[[openai.OpenAI], T], id: str = "", longest: float | None = None) -> T:
        """Return what the client comes to; `id` is that of a batch which is there."""

        def call(one: Endpoint) -> T:
            def at(client: openai.OpenAI) -> T:
                try:
                    found = work(client)
                    if isinstance(found, str):
                        raise AttributeError
                    return found
                except (AttributeError, ValueError):
                    raise Passing(f"{one.host}: tells of batches what OpenAI's protocol does not") from None
                except openai.APIStatusError as error:
                    if error.status_code not in NO_SUCH:
                        raise
                    raise lacking(one.host, id, error.status_code) from None

            return self._fleet.through(one, at, longest or self._longest)

        return self._fleet.patiently(call)


def lacking(host: str, id: str, status: int) -> BackendError:
    if id:
        return BackendError(
            f"{host}: has no batch {id}, or not its files any more ({status}); export the key that it "
            "was made with, or set model.batch=false to ask one by one"
        )
    return BackendError(f"{host}: has no Batch API ({status}); set model.batch=false")


def upload(content: bytes, client: openai.OpenAI) -> FileObject:
    return client.files.create(file=("requests.jsonl", content), purpose="batch", timeout=TRANSFER)


def found_by(client: openai.OpenAI, token: str) -> Batch | None:
    batches = client.batches.list(limit=100)
    return next((one for one in batches if (one.metadata or {}).get(TOKEN) == token), None)


def files(
    path: str, calls: Mapping[bytes, Body], requests: int, size: int
) -> Iterator[tuple[list[bytes], bytes]]:
    """Yield files of at most so many requests and bytes, each with the names of what it asks."""
    names, lines, length = list[bytes](), list[bytes](), 0
    for name, body in calls.items():
        line = {"custom_id": name.hex(), "method": "POST", "url": f"/v1{path}", "body": body}
        new = json.dumps(line).encode() + b"\n"
        if names and (len(names) == requests or length + len(new) > size):
            yield names, b"".join(lines)
            names, lines, length = [], [], 0
        names.append(name)
        lines.append(new)
        length += len(new)
    if names:
        yield names, b"".join(lines)


def lines_of(content: bytes) -> Iterator[tuple[bytes, Body | None, str]]:
    """Yield what each line answers, its reply, None where there is none, and why there is none."""
    for line in content.splitlines():
        try:
            told: dict[str, Any] = json.loads(line)
            response, name = fields(told.get("response")), bytes.fromhex(told["custom_id"])
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            yield b"", None, "a line that is no JSON of a request"
            continue
        body = response.get("body")
        if response.get("status_code") == 200 and isinstance(body, dict):
            yield name, body, ""
        else:
            error = fields(told.get("error")) or fields(fields(body).get("error"))
            yield name, None, str(error.get("message") or error.get("code") or "no reply")


def fields(told: object) -> dict[str, Any]:
    """Return a JSON object as it is, and an empty one for whatever stands in the place of one."""
    return told if isinstance(told, dict) else {}


def sound(reply: Body, check: Callable[[Body], None]) -> bool:
    try:
        check_choice(reply)
        check(reply)
    except Passing:
        return False
    return True


def reason(batch: Batch) -> str:
    """Return the first error of a batch as a whole, "" where it has none."""
    errors = (batch.errors.data if batch.errors else None) or []
    return next((error.message or error.code or "" for error in errors), "")
