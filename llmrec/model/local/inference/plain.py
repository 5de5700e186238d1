"""Any checkpoint, by transformers' own generation and whole forward passes: the path for models that cannot
be read as trees, and what those that can are measured against."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import GenerationConfig, StoppingCriteria

from llmrec.decoding.base import Writing
from llmrec.decoding.beam import Beam
from llmrec.decoding.sample import Sample
from llmrec.model.local.inference.engine import Endings, Engine, Row, Written
from llmrec.model.local.inference.titles import Found, Titles
from llmrec.model.local.loaded import Loaded
from llmrec.model.local.settings import Cache
from llmrec.seeded import hash64

# Logits held at once: 64 million of them take 256 MB in float32.
LOGITS = 1 << 26


class Generate(Protocol):
    """The part of a transformers model's `generate` that is used here."""

    def __call__(
        self, *, input_ids: Tensor, attention_mask: Tensor, generation_config: Any, **more: Any
    ) -> Any: ...


class Plain(Engine):
    """Padded batches; a model that must not see padding gets rows of one length at a time."""

    name = "plain"

    def __init__(self, loaded: Loaded, cache: Cache, seed: int, generate: Generate) -> None:
        self._loaded, self._cache, self._seed, self._generate = loaded, cache, seed, generate
        # A decoder of its own begins with a start token, any other with the prompt.
        self._start = (
            loaded.model.generation_config.decoder_start_token_id if loaded.encoder_decoder else None
        )

    def write(self, rows: Sequence[Row], decoding: Writing) -> list[Written]:
        if self._loaded.may_pad:
            return self._write(rows, decoding)
        lengths = sorted({len(row.ids) for row in rows})
        alike = [[row for row in rows if len(row.ids) == length] for length in lengths]
        done = {
            id(row): text
            for group in alike
            for row, text in zip(group, self._write(group, decoding), strict=True)
        }
        return [done[id(row)] for row in rows]

    def _write(self, rows: Sequence[Row], decoding: Writing) -> list[Written]:
        side = str(self._loaded.padding_side)
        ids = [torch.tensor(row.ids) for row in rows]
        inputs = pad_sequence(ids, True, self._loaded.pad_token, padding_side=side)
        mask = pad_sequence([torch.ones_like(row) for row in ids], True, 0, padding_side=side)
        torch.manual_seed(hash64("generation", self._seed, *((row.example_id, row.ask) for row in rows)))
        begin = 1 if self._loaded.encoder_decoder else inputs.shape[1]
        ends = Endings(self._loaded, decoding.lines)
        output = self._generate(
            input_ids=inputs.to(self._loaded.device),
            attention_mask=mask.to(self._loaded.device),
            generation_config=self._settings(decoding),
            stopping_criteria=[AtItsEnd(begin, ends)],
        )
        texts = output[:, begin:].tolist()
        each = len(texts) // len(rows)
        return [self._read(texts[first : first + each], ends) for first in range(0, len(texts), each)]

    def _settings(self, decoding: Writing) -> GenerationConfig:
        static = {"cache_implementation": "static"} if self._cache is Cache.static else {}
        chosen: dict[str, object] = {"do_sample": False, "num_beams": 1}
        if isinstance(decoding, Beam):
            chosen |= {
                "num_beams": decoding.num_beams,
                "num_return_sequences": decoding.num_return_sequences,
                "length_penalty": decoding.length_penalty,
            }
        elif isinstance(decoding, Sample):
            chosen |= {
                "do_sample": True,
                "temperature": decoding.temperature,
                "top_p": decoding.top_p,
                "top_k": decoding.top_k,
            }
        return GenerationConfig(max_new_tokens=decoding.max_new_tokens, **chosen, **static)

    def _read(self, sequences: list[list[int]], ends: Endings) -> Written:
        """Cut each sequence at its end, behind which there is padding only."""
        kept = [sequence[: ends.place(sequence)] for sequence in sequences]
        return Written(tuple(map(ends.text, kept)), bool(kept[0]) and ends(kept[0]), sum(map(len, kept)))

    def score(self, rows: Sequence[Row]) -> list[list[float]]:
        return [self._score(row) for row in rows]

    def _score(self, row: Row) -> list[float]:
        """Read the prompt with every text anew, as many side by side as their logits allow."""
        scores = [float("-inf")] * len(row.texts)
        order = sorted(
            (place for place, text in enumerate(row.texts) if text), key=lambda place: len(row.texts[place])
        )
        while order:
            longest = len(row.ids) + len(row.texts[order[-1]])
            size = max(1, LOGITS // (longest * self._loaded.model.config.get_text_config().vocab_size))
            together, order = order[-size:], order[:-size]
            found = self._likelihoods(row.ids, [row.texts[place] for place in together])
            for place, score in zip(together, found, strict=True):
                scores[place] = score
        return scores

    def _likelihoods(self, prompt: list[int], texts: list[Sequence[int]]) -> list[float]:
        read = [torch.tensor(text[:-1], dtype=torch.long) for text in texts]
        logits = self._logits(prompt, pad_sequence(read, True, self._loaded.pad_token), read)
        tokens = pad_sequence([torch.tensor(text) for text in texts], True, -1).to(logits.device)
        scores = logits.gather(2, tokens.clamp(min=0)[..., None])[..., 0] - logits.logsumexp(2)
        return scores.double().masked_fill(tokens < 0, 0.0).sum(1).tolist()

    def _logits(self, prompt: list[int], texts: Tensor, read: list[Tensor]) -> Tensor:
        """Return [texts, longest, vocabulary]: the logits before each token of each text, in float32."""
        device, size = self._loaded.device, texts.shape[1] + 1
        prompts = torch.tensor([prompt] * len(texts))
        # What stands at the right of a row changes nothing before it.
        seen = pad_sequence([torch.ones(len(text) + 1, dtype=torch.long) for text in read], True, 0)
        if self._start is not None:
            inputs = {
                "input_ids": prompts,
                "attention_mask": torch.ones_like(prompts),
                "decoder_input_ids": torch.cat([torch.full((len(texts), 1), self._start), texts], dim=1),
                "decoder_attention_mask": seen,
            }
        else:
            inputs = {
                "input_ids": torch.cat([prompts, texts], dim=1),
                "attention_mask": torch.cat([torch.ones_like(prompts), seen[:, 1:]], dim=1),
            }
        logits = self._loaded.model(**{name: part.to(device) for name, part in inputs.items()}).logits
        wanted: Tensor = logits[:, -size:].float()
        return wanted

    def search(self, rows: Sequence[Row], titles: Titles, beams: int) -> list[list[Found]]:
        return [self._search(row, titles, beams) for row in rows]

    def _search(self, row: Row, titles: Titles, beams: int) -> list[Found]:
        begin = 1 if self._loaded.encoder_decoder else len(row.ids)
        end = self._loaded.end_token
        allowed = titles.allowed(row.refused)
        output = self._generate(
            input_ids=torch.tensor([row.ids], device=self._loaded.device),
            attention_mask=torch.ones(1, len(row.ids), dtype=torch.long, device=self._loaded.device),
            generation_config=GenerationConfig(
                max_new_tokens=titles.longest + 1,
                num_beams=beams,
                num_return_sequences=beams,
                length_penalty=0.0,
                eos_token_id=end,
                return_dict_in_generate=True,
                output_scores=True,
            ),
            prefix_allowed_tokens_fn=lambda _, ids: allowed.next_tokens(ids[begin:].tolist(), end),
        )
        # A beam that never came to an end has a score of -1e9.
        found = zip(output.sequences[:, begin:].tolist(), output.sequences_scores.tolist(), strict=True)
        named = [(allowed.title(ids[: ids.index(end)]), score) for ids, score in found if end in ids]
        return [Found(title, score) for title, score in named if title is not None and score > -1e8]


class AtItsEnd(StoppingCriteria):
    """Ends each row where its text is at its end; `begin` is where the texts begin."""

    def __init__(self, begin: int, ends: Endings) -> None:
        self._begin, self._ends = begin, ends

    def __call__(self, input_ids: Tensor, scores: Any, **more: Any) -> Tensor:
        ended = [self._ends(row) for row in input_ids[:, self._begin :].tolist()]
        return torch.tensor(ended, device=input_ids.device)
