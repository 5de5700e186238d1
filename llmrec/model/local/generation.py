"""One batch of token ids in, texts out; a batch that does not fit in memory is halved."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import GenerationConfig

from llmrec.decoding.base import Decoding
from llmrec.decoding.beam import Beam
from llmrec.decoding.sampling import Sampling
from llmrec.errors import BackendError
from llmrec.model.local.device import free
from llmrec.model.local.library import is_out_of_memory
from llmrec.model.local.loaded import Loaded
from llmrec.model.local.settings import Cache
from llmrec.seeded import hash64


class Generate(Protocol):
    """The part of a transformers model's `generate` that is used here."""

    def __call__(self, *, input_ids: Tensor, attention_mask: Tensor, generation_config: Any) -> Tensor: ...


class Row(NamedTuple):
    """A prompt's name, which seeds its chance, and its token ids [length]."""

    example_id: str
    ask: int
    ids: Tensor


class Written(NamedTuple):
    """Texts, best first; whether the best one came to its end; the tokens of all of them."""

    texts: tuple[str, ...]
    ended: bool
    tokens: int


class Generator:
    """Writes on by any decoding. `splits` counts batches halved for want of memory."""

    def __init__(self, loaded: Loaded, cache: Cache, seed: int, generate: Generate) -> None:
        self.splits = 0
        self._loaded = loaded
        self._cache = cache
        self._seed = seed
        self._generate = generate

    def write(self, rows: Sequence[Row], decoding: Decoding) -> list[Written]:
        """Return what is written after each row. A model that must not see padding gets rows of one
        length at a time.

        Raises BackendError when a single row does not fit in memory.
        """
        lengths = {len(row.ids) for row in rows}
        if len(lengths) > 1 and not self._loaded.may_pad:
            alike = [[row for row in rows if len(row.ids) == length] for length in sorted(lengths)]
            done = {
                (row.example_id, row.ask): text
                for group in alike
                for row, text in zip(group, self.write(group, decoding), strict=True)
            }
            return [done[row.example_id, row.ask] for row in rows]
        try:
            return self._write_at_once(rows, decoding)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if len(rows) == 1:
                raise BackendError(
                    f"model: {len(rows[0].ids)} prompt tokens and {decoding.max_new_tokens} new ones exceed "
                    f"the memory of {self._loaded.device}; shorten prompts, or take a smaller model or dtype"
                ) from error
        # Below the handler, for the error held the failed batch's tensors.
        free(self._loaded.device)
        self.splits += 1
        half = len(rows) // 2
        return self.write(rows[:half], decoding) + self.write(rows[half:], decoding)

    def _write_at_once(self, rows: Sequence[Row], decoding: Decoding) -> list[Written]:
        side = str(self._loaded.padding_side)
        ids = [row.ids for row in rows]
        inputs = pad_sequence(ids, True, self._loaded.pad_token, padding_side=side)
        mask = pad_sequence([torch.ones_like(row) for row in ids], True, 0, padding_side=side)
        torch.manual_seed(hash64("generation", self._seed, *((row.example_id, row.ask) for row in rows)))
        with torch.inference_mode():
            output = self._generate(
                input_ids=inputs.to(self._loaded.device),
                attention_mask=mask.to(self._loaded.device),
                generation_config=self._settings(decoding),
            )
        # A decoder of its own begins with a start token, any other with the prompt.
        begin = 1 if self._loaded.encoder_decoder else inputs.shape[1]
        texts = output[:, begin:].tolist()
        each = len(texts) // len(rows)
        return [self._read(texts[first : first + each]) for first in range(0, len(texts), each)]

    def _settings(self, decoding: Decoding) -> GenerationConfig:
        static = {"cache_implementation": "static"} if self._cache is Cache.static else {}
        chosen: dict[str, object] = {"do_sample": False, "num_beams": 1}
        if isinstance(decoding, Beam):
            chosen |= {
                "num_beams": decoding.num_beams,
                "num_return_sequences": decoding.num_return_sequences,
                "length_penalty": decoding.length_penalty,
            }
        elif isinstance(decoding, Sampling):
            chosen |= {
                "do_sample": True,
                "temperature": decoding.temperature,
                "top_p": decoding.top_p,
                "top_k": decoding.top_k,
            }
        return GenerationConfig(max_new_tokens=decoding.max_new_tokens, **chosen, **static)

    def _read(self, sequences: list[list[int]]) -> Written:
        """Cut each sequence at its first end token, behind which there is padding only."""
        ends = self._loaded.end_tokens
        lengths = [
            next((place + 1 for place, token in enumerate(sequence) if token in ends), len(sequence))
            for sequence in sequences
        ]
        kept = [sequence[:length] for sequence, length in zip(sequences, lengths, strict=True)]
        decoded = self._loaded.tokenizer.batch_decode(
            kept, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return Written(tuple(decoded), bool(kept[0]) and kept[0][-1] in ends, sum(lengths))
