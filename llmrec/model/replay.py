"""Recorded completions in place of a model: parse and score again without weights."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llmrec.artifacts import COMPLETIONS, from_lines
from llmrec.decoding.base import Decoding
from llmrec.errors import BackendError
from llmrec.model.base import Model, Session
from llmrec.progress import Progress
from llmrec.records import Completion, Request, Training

BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class Replay(Model):
    """The completions of an earlier run, by example and ask; `path` is its folder or their file."""

    path: str

    def open(self, training: Training, seed: int, cache_dir: Path, progress: Progress) -> Session:
        file = Path(self.path).expanduser()
        if file.is_dir():
            file = file / COMPLETIONS
        try:
            completions = from_lines(file, Completion)
            digest = hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest()
        except OSError as error:
            raise BackendError(
                f"model.path: '{self.path}' holds no completions that can be read ({error.strerror}); "
                "give a run folder or a completions.jsonl"
            ) from error
        return ReplaySession(completions, digest)


class ReplaySession(Session):
    """Answers each request with what was recorded for it."""

    def __init__(self, completions: Sequence[Completion], digest: str) -> None:
        self.environment = {"engine": "replay", "recording": digest}
        self._recorded = {(row.example_id, row.ask): row for row in completions}

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[Request]]:
        """Split in order. Raises BackendError, before anything is answered, when a row is missing."""
        missing = [request for request in requests if _key(request) not in self._recorded]
        if missing:
            example_id, ask = _key(missing[0])
            raise BackendError(
                f"model.path: {len(missing)} of {len(requests)} prompts are not in the recording (first: "
                f"example {example_id}, ask {ask}); set task, limit, seed and max_reasks as in the run "
                f"that was recorded"
            )
        return [list(requests[start : start + BATCH]) for start in range(0, len(requests), BATCH)]

    def complete(self, batch: Sequence[Request], decoding: Decoding) -> list[Completion]:
        return [self._recorded[_key(request)] for request in batch]


def _key(request: Request) -> tuple[str, int]:
    return request.prompt.example_id, request.prompt.ask
