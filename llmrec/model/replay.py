"""Recorded completions in place of a model: parse and score again without weights."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llmrec.artifacts import COMPLETIONS, PROMPTS, decoded, from_lines
from llmrec.decoding.base import Decoding
from llmrec.errors import BackendError
from llmrec.model.base import Model, Session
from llmrec.progress import Progress
from llmrec.records import Completion, Prompt, Request, Training

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
            content = file.read_bytes()
        except OSError as error:
            raise BackendError(
                f"model.path: '{self.path}' holds no completions that can be read ({error.strerror}); "
                "give a run folder or a completions.jsonl"
            ) from error
        completions = decoded(file, content, Completion)
        digest = hashlib.blake2b(content, digest_size=8).hexdigest()
        beside = file.with_name(PROMPTS)
        prompts = from_lines(beside, Prompt) if beside.is_file() else []
        return ReplaySession(completions, prompts, digest)


class ReplaySession(Session):
    """Answers each request with what was recorded for it."""

    def __init__(self, completions: Sequence[Completion], prompts: Sequence[Prompt], digest: str) -> None:
        self.environment = {"engine": "replay", "recording": digest}
        self._recorded = {(row.example_id, row.ask): row for row in completions}
        self._prompts = {(prompt.example_id, prompt.ask): prompt for prompt in prompts}

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[Request]]:
        """Split in order. Raises BackendError, before anything is answered, when a row is missing or the
        recording, where its prompts lie beside it, answered another prompt."""
        missing = [request for request in requests if _key(request) not in self._recorded]
        if missing:
            example_id, ask = _key(missing[0])
            raise BackendError(
                f"model.path: {len(missing)} of {len(requests)} prompts are not in the recording (first: "
                f"example {example_id}, ask {ask}); set task, limit, seed and max_reasks as in the run "
                f"that was recorded"
            )
        other = [
            request
            for request in requests
            if self._prompts.get(_key(request), request.prompt) != request.prompt
        ]
        if other:
            raise BackendError(
                f"model.path: {len(other)} of {len(requests)} prompts are worded otherwise in the recording "
                f"(first: example {other[0].question.id}); set task and prompt as in the recorded run"
            )
        return [list(requests[start : start + BATCH]) for start in range(0, len(requests), BATCH)]

    def complete(self, batch: Sequence[Request], decoding: Decoding) -> list[Completion]:
        return [self._recorded[_key(request)] for request in batch]


def _key(request: Request) -> tuple[str, int]:
    return request.prompt.example_id, request.prompt.ask
