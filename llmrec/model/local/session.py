"""Requests in, completions out, over weights in memory."""

from collections.abc import Sequence

import torch
from torch import Tensor

from llmrec.decoding.base import Decoding
from llmrec.decoding.beam import Beam
from llmrec.model.base import Session
from llmrec.model.local.generation import Generate, Generator, Row, Written
from llmrec.model.local.library import quiet
from llmrec.model.local.loaded import Loaded
from llmrec.model.local.settings import LocalSettings
from llmrec.model.local.template import Renderer
from llmrec.records import Completion, Prompt, Request


class LocalSession(Session):
    """A loaded checkpoint that answers in batches of about equal length.

    `environment["oom_splits"]` counts the batches halved so far for want of memory.
    """

    def __init__(
        self, loaded: Loaded, settings: LocalSettings, seed: int, generate: Generate | None = None
    ) -> None:
        self.renderer = Renderer(loaded.tokenizer, settings)
        self._generator = Generator(loaded, settings.cache, seed, generate or loaded.model.generate)
        self._settings = settings
        self.loaded = loaded
        self._encoded: dict[Prompt, Tensor] = {}
        bounds = [bound for bound in (settings.max_length, loaded.context) if bound is not None]
        self._context = min(bounds, default=None)
        self.environment = loaded.environment() | {
            "batch": f"batch_tokens={settings.batch_tokens}, max_batch={settings.max_batch}",
            "cache": str(settings.cache),
            "template": "chat" if self.renderer.chat else "plain",
            "context": str(self._context),
            "oom_splits": "0",
        }

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[Request]]:
        """Split into batches within the token budget, longest prompts first, so that memory runs out at
        once or never; prompts that are too long for the model stand in the first batch."""
        self._encode(requests)
        size = {request.prompt: len(self._encoded[request.prompt]) for request in requests}
        # Equal lengths by name, for the order of the arguments must not show.
        ordered = sorted(requests, key=lambda row: (-size[row.prompt], row.prompt.example_id, row.prompt.ask))
        start = sum(not self._fits(size[row.prompt], decoding) for row in ordered)
        split = [ordered[:start]] if start else []
        width = decoding.num_beams if isinstance(decoding, Beam) else 1
        while start < len(ordered):
            tokens = width * (size[ordered[start].prompt] + decoding.max_new_tokens)
            count = max(1, min(self._settings.batch_tokens // tokens, self._settings.max_batch))
            split.append(ordered[start : start + count])
            start += count
        return split

    def complete(self, batch: Sequence[Request], decoding: Decoding) -> list[Completion]:
        self._encode(batch)
        rows = [
            Row(request.prompt.example_id, request.prompt.ask, self._encoded.pop(request.prompt))
            for request in batch
        ]
        fitting = [row for row in rows if self._fits(len(row.ids), decoding)]
        with quiet():
            written = iter(self._generator.write(fitting, decoding) if fitting else [])
        self.environment["oom_splits"] = str(self._generator.splits)
        return [
            _completion(row, next(written)) if self._fits(len(row.ids), decoding) else _too_long(row)
            for row in rows
        ]

    def _encode(self, requests: Sequence[Request]) -> None:
        """Tokenise what is not tokenised yet; the ids are kept until they are completed."""
        new = [request.prompt for request in requests if request.prompt not in self._encoded]
        if new:
            with quiet():
                ids = self.renderer.encode(prompt.messages for prompt in new)
            self._encoded.update(zip(new, map(torch.tensor, ids), strict=True))

    def _fits(self, length: int, decoding: Decoding) -> bool:
        if self._context is None:
            return True
        # An encoder-decoder model counts prompt and answer apart.
        answer = 0 if self.loaded.encoder_decoder else decoding.max_new_tokens
        return length + answer <= self._context


def _completion(row: Row, written: Written) -> Completion:
    return Completion(
        example_id=row.example_id,
        ask=row.ask,
        texts=written.texts,
        answer=None,
        finish_reason="stop" if written.ended else "length",
        prompt_tokens=len(row.ids),
        completion_tokens=written.tokens,
    )


def _too_long(row: Row) -> Completion:
    return Completion(
        example_id=row.example_id,
        ask=row.ask,
        texts=(),
        answer=None,
        finish_reason="too_long",
        prompt_tokens=len(row.ids),
        completion_tokens=0,
    )
