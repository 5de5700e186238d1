"""A server's Batch API, for `hostile.serving(other=Desk())`; it answers when it was asked often enough."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hostile import Act, good, refused


@dataclass
class Desk:
    """Holds files and batches. A batch is over by its `polls`-th look, with the status `ends`, when the first
    `answers` of its requests are answered; every one of `bad` then failed by itself."""

    polls: int = 2
    ends: str = "completed"
    answers: int | None = None
    bad: dict[int, Act] = field(default_factory=dict)
    act: Callable[[int, dict[str, Any]], Act] = good
    first_create: Act | None = None  # sent in place of the reply to the first one made
    words: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def __call__(self, method: str, path: str, raw: bytes) -> Act:
        with self.lock:
            place = urlsplit(path)
            match method, place.path.split("/")[2:]:
                case "POST", ["files"]:
                    return told({"object": "file", "id": self.filed(uploaded(raw)), "purpose": "batch"})
                case "GET", ["files", name, "content"]:
                    return Act(self.files[name], headers={"Content-Type": "application/octet-stream"})
                case "POST", ["batches"]:
                    return self.made(json.loads(raw))
                case "GET", ["batches"]:
                    return self.listed(parse_qs(place.query))
                case "GET", ["batches", name]:
                    return told(self.looked(name)) if name in self.batches else refused(404, "No batch")
            return refused(404, f"Not Found: {method} {path}")

    def filed(self, content: bytes) -> str:
        name = f"file-{len(self.files)}"
        self.files[name] = content
        return name

    def made(self, asked: dict[str, Any]) -> Act:
        assert (asked["endpoint"], asked["completion_window"]) == ("/v1/chat/completions", "24h")
        name = f"batch-{len(self.batches)}"
        total = self.files[asked["input_file_id"]].count(b"\n")
        counts = {"total": total, "completed": 0, "failed": 0}
        self.batches[name] = asked | {
            "object": "batch", "id": name, "status": "validating", "request_counts": counts,
            "output_file_id": None, "error_file_id": None, "errors": None,
        }  # fmt: skip
        first = self.first_create if len(self.batches) == 1 else None
        return first or told(self.batches[name])

    def listed(self, query: dict[str, list[str]]) -> Act:
        """Return the newest first, two a page."""
        names = list(reversed(self.batches))
        start = names.index(query["after"][0]) + 1 if "after" in query else 0
        page = [self.batches[name] for name in names[start : start + 2]]
        last = page[-1]["id"] if page else None
        return told({"object": "list", "data": page, "last_id": last, "has_more": start + 2 < len(names)})

    def looked(self, name: str) -> dict[str, Any]:
        batch = self.batches[name]
        self.looks[name] = self.looks.get(name, 0) + 1
        if self.looks[name] < self.polls:
            batch["status"] = "in_progress"
            batch["request_counts"]["completed"] = self.looks[name]
        elif batch["output_file_id"] is None and batch["errors"] is None:
            self.end(batch)
        return batch

    def end(self, batch: dict[str, Any]) -> None:
        batch["status"] = self.ends
        if self.words:
            batch["errors"] = {"object": "list", "data": [{"code": "x", "message": self.words}]}
        lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        output, errors = [], []
        for number, line in enumerate(lines[: self.answers]):
            act = self.bad.get(number) or self.act(number, line["body"])
            response = {"status_code": act.status, "body": json.loads(act.content)}
            answer = {"id": "x", "custom_id": line["custom_id"], "response": response, "error": None}
            (output if act.status == 200 else errors).append(answer)
        for line in lines[len(output) + len(errors) :]:
            error = {"code": "batch_expired", "message": "This request could not be executed in time."}
            errors.append({"id": "x", "custom_id": line["custom_id"], "response": None, "error": error})
        batch["request_counts"] |= {"completed": len(output), "failed": len(errors)}
        for key, found in (("output_file_id", output), ("error_file_id", errors)):
            if found:
                batch[key] = self.filed(b"".join(json.dumps(line).encode() + b"\n" for line in found))


def told(what: dict[str, Any]) -> Act:
    return Act(json.dumps(what).encode())


def uploaded(raw: bytes) -> bytes:
    """Return the file of a form."""
    boundary = raw.partition(b"\r\n")[0]
    [part] = [part for part in raw.split(boundary) if b"filename=" in part]
    return part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
