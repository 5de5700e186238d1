"""Requests in, completions out, over weights in memory."""

from collections.abc import Sequence
from functools import cached_property, partial
from itertools import islice

import numpy as np
import torch

from llmrec.decoding.base import Decoding
from llmrec.model.base import Session
from llmrec.model.local.answering import Answering, answering
from llmrec.model.local.device import most_rows, token_budget
from llmrec.model.local.inference.batching import Ids, Sized, batched, in_order
from llmrec.model.local.inference.body import body_of
from llmrec.model.local.inference.engine import Engine, Halving
from llmrec.model.local.inference.plain import Generate, Plain
from llmrec.model.local.inference.prefix import common_beginning
from llmrec.model.local.inference.trees import Trees
from llmrec.model.local.library import quiet
from llmrec.model.local.loaded import Loaded
from llmrec.model.local.settings import Cache, LocalSettings
from llmrec.model.local.template import Renderer
from llmrec.records import Completion, Prompt, Request

# Prompts tokenised at once: lists of Python numbers take ten times the memory of what is kept.
ENCODED_AT_ONCE = 256


class LocalSession(Session):
    """A loaded checkpoint that answers in batches.

    `environment["inference"]` is "trees" where what prompts begin with alike was read once, else "plain";
    `["oom_splits"]` counts the batches halved so far for want of memory.
    """

    def __init__(
        self, loaded: Loaded, settings: LocalSettings, seed: int, generate: Generate | None = None
    ) -> None:
        self.renderer = Renderer(loaded.tokenizer, settings)
        self.loaded = loaded
        self._halving = Halving(loaded.device)
        self._engines = partial(engines, loaded, settings, seed, generate)
        self._answering: dict[Decoding, Answering] = {}
        self._encoded: dict[Prompt, Ids] = {}
        self._answers: dict[str, list[int]] = {}
        bounds = [bound for bound in (settings.max_length, loaded.context) if bound is not None]
        self._context = min(bounds, default=None)
        self._budget = settings.batch_tokens or token_budget(loaded.model, loaded.device)
        self._max_batch = settings.max_batch or most_rows(loaded.device)
        self.environment = loaded.environment() | {
            "batch": f"batch_tokens={self._budget}, max_batch={self._max_batch}",
            "cache": str(settings.cache),
            "template": "chat" if self.renderer.chat else "plain",
            "context": str(self._context),
            "oom_splits": "0",
        }

    def prepare(self, decoding: Decoding) -> None:
        self._way(decoding)

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[Request]]:
        """Split into batches within the token budget; prompts that are too long for the model stand in the
        first batch."""
        self._encode(requests)
        way = self._way(decoding)
        fitting, long = list[Sized](), list[Sized]()
        for number, request in enumerate(requests):
            ids = self._encoded[request.prompt]
            name = (request.prompt.example_id, request.prompt.ask)
            fits = self._fits(len(ids), way.longest(request))
            (fitting if fits else long).append(Sized(number, name, ids, way.tokens(request, len(ids))))
        if fitting:
            way.engine.expect(
                common_beginning([end(fitting, key=in_order).ids.tolist() for end in (min, max)])
            )
        numbers = [[row.number for row in sorted(long, key=lambda row: row.name)]] if long else []
        numbers += batched(fitting, self._budget, self._max_batch)
        return [[requests[number] for number in batch] for batch in numbers]

    def complete(self, batch: Sequence[Request], decoding: Decoding) -> list[Completion]:
        self._encode(batch)
        way = self._way(decoding)
        done: dict[Prompt, Completion] = {}
        fitting: list[Request] = []
        for request in batch:
            length = len(self._encoded[request.prompt])
            if self._fits(length, way.longest(request)):
                fitting.append(request)
            else:
                done[request.prompt] = _too_long(request.prompt, length)
        rows = [way.row(request, self._encoded[request.prompt].tolist()) for request in fitting]
        with quiet(), torch.inference_mode():
            found = self._halving(rows, way.complete)
        self.environment["oom_splits"] = str(self._halving.splits)
        done |= {request.prompt: answer for request, answer in zip(fitting, found, strict=True)}
        for request in batch:
            self._encoded.pop(request.prompt, None)
        return [done[request.prompt] for request in batch]

    def _way(self, decoding: Decoding) -> Answering:
        if decoding not in self._answering:
            end = self.loaded.end_token
            self._answering[decoding] = answering(decoding, self._ready, self._encode_answers, end)
        self.environment["inference"] = self._answering[decoding].engine.name
        return self._answering[decoding]

    @cached_property
    def _ready(self) -> tuple[Engine, Engine]:
        """The engines, made when something is asked: a model that learns may never be."""
        return self._engines()

    def _encode(self, requests: Sequence[Request]) -> None:
        """Tokenise what is not tokenised yet; the ids are kept until they are completed."""
        new = (request.prompt for request in requests if request.prompt not in self._encoded)
        while part := list(islice(new, ENCODED_AT_ONCE)):
            with quiet():
                ids = self.renderer.encode(prompt.messages for prompt in part)
            self._encoded.update(zip(part, (np.array(row, dtype=np.int32) for row in ids), strict=True))

    def _encode_answers(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of texts as answers; each is tokenised once."""
        if new := [text for text in dict.fromkeys(texts) if text not in self._answers]:
            with quiet():
                self._answers.update(zip(new, self.renderer.encode_answers(new), strict=True))
        return [self._answers[text] for text in texts]

    def _fits(self, prompt: int, answer: int) -> bool:
        if self._context is None:
            return True
        if self.loaded.encoder_decoder:
            return prompt <= self._context  # its answer is counted apart
        return prompt + answer <= self._context


def engines(
    loaded: Loaded, settings: LocalSettings, seed: int, generate: Generate | None
) -> tuple[Engine, Engine]:
    """Return the quickest engine that a model allows, and the plain one."""
    plain = Plain(loaded, settings.cache, seed, generate or loaded.model.generate)
    shares = settings.share_prefixes and settings.cache is Cache.dynamic and generate is None
    body = body_of(loaded) if shares else None
    return (Trees(loaded, body, seed) if body else plain), plain


def _too_long(prompt: Prompt, length: int) -> Completion:
    return Completion(
        example_id=prompt.example_id,
        ask=prompt.ask,
        texts=(),
        answer=None,
        finish_reason="too_long",
        prompt_tokens=length,
        completion_tokens=0,
    )
