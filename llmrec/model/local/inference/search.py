"""Beam search over the titles of a catalogue, as trees behind each prompt.

Every beam is a path of nodes in the tree of its prompt, so no keys or values are copied when beams part or
die. Where only one token may follow, it is read along with the token before it: a title that can only go on
in one way is scored in one step, and takes part in the search token by token as if it had been read so.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor

from llmrec.model.local.inference.body import Body
from llmrec.model.local.inference.kv_cache import KVCache
from llmrec.model.local.inference.prefix import PrefixCache
from llmrec.model.local.inference.titles import AllowedTitles, Branch, Found, Span
from llmrec.model.local.inference.writing import begin


class Beam(NamedTuple):
    """A beginning of titles: its log-likelihood; the columns of its tokens; the log-probabilities of the
    tokens that must come next, all read already; and of what may come behind those (None: the end)."""

    score: float
    span: Span
    path: tuple[int, ...]
    forced: tuple[float, ...]
    options: tuple[tuple[Branch | None, float], ...]


class Step(NamedTuple):
    """A beam longer by a token; `branch` is where it parted from others, None along forced tokens."""

    score: float
    beam: Beam
    branch: Branch | None
    ends: bool


class BeamSearch:
    """The search behind one prompt. `done` once no running beam can come among the `size` best."""

    def __init__(self, allowed: AllowedTitles, size: int) -> None:
        self.allowed, self.size = allowed, size
        self.found: list[Found] = []
        self.running: list[Beam] = []

    @property
    def done(self) -> bool:
        if not self.running:
            return True
        return len(self.found) == self.size and self.running[0].score <= self.found[-1].score

    def advance(self) -> list[Step]:
        """Take every beam a token further, and return those that have to be read, the best first: the
        `size` best go on. An end counts where it is among the `size` best itself."""
        steps = sorted(chain.from_iterable(map(_steps, self.running)), key=lambda step: -step.score)
        ended = [step for step in steps[: self.size] if step.ends]
        self.found += [Found(step.beam.span.low, step.score) for step in ended]
        self.found = sorted(self.found, key=lambda found: -found.score)[: self.size]
        going = [step for step in steps if not step.ends][: self.size]
        self.running = [_along(step) for step in going if step.branch is None]
        return [step for step in going if step.branch is not None]


def _steps(beam: Beam) -> Iterator[Step]:
    if beam.forced:
        yield Step(beam.score + beam.forced[0], beam, None, False)
    else:
        for branch, score in beam.options:
            yield Step(beam.score + score, beam, branch, branch is None)


def _along(step: Step) -> Beam:
    return step.beam._replace(score=step.score, forced=step.beam.forced[1:])


class Asked(NamedTuple):
    """A beam to be scored: its search, score and path, the tokens that must come next, where they lead."""

    search: BeamSearch
    score: float
    path: tuple[int, ...]
    forced: list[int]
    span: Span


def best_titles(
    prompts: Sequence[list[int]],
    searches: Sequence[BeamSearch],
    body: Body,
    prefix: PrefixCache,
    end_token: int,
) -> list[list[Found]]:
    """Return the titles found behind each prompt, the likeliest first."""
    begun = begin(prompts, body, prefix, 0)
    roots = [Asked(search, 0.0, (), [], search.allowed.titles.root) for search in searches]
    for search, beam in zip(searches, scored(roots, begun.states, body, end_token), strict=True):
        search.running = [beam]
    trees = TreeCache(begun.cache, begun.lengths, body, end_token)
    live = list(searches)
    while live:
        trees.grow([(search, search.advance()) for search in live])
        staying = [row for row, search in enumerate(live) if not search.done]
        if len(staying) < len(live):
            live = [live[row] for row in staying]
            trees.keep(torch.tensor(staying, dtype=torch.long))
    return [search.found for search in searches]


def scored(asked: Sequence[Asked], states: Tensor, body: Body, end_token: int) -> list[Beam]:
    """Return the beams with all that is to be known of them; each owns a state [hidden] for every forced
    token and one more."""
    wanted: list[tuple[int, int]] = []
    options = [list(beam.search.allowed.ways(beam.span)) for beam in asked]
    state = 0
    for beam, branches in zip(asked, options, strict=True):
        wanted += [(state + place, token) for place, token in enumerate(beam.forced)]
        state += len(beam.forced)
        wanted += [(state, end_token if branch is None else branch.token) for branch in branches]
        state += 1
    which, tokens = torch.tensor(wanted, dtype=torch.long).reshape(-1, 2).T.contiguous()
    scores = iter(body.log_likelihoods(states, which, tokens).tolist())
    return [
        Beam(
            score=beam.score,
            span=beam.span,
            path=beam.path,
            forced=tuple(next(scores) for _ in beam.forced),
            options=tuple((branch, next(scores)) for branch in branches),
        )
        for beam, branches in zip(asked, options, strict=True)
    ]


class TreeCache:
    """The cache of all prompts, a row each, to which every step adds columns."""

    def __init__(self, cache: KVCache, lengths: Tensor, body: Body, end_token: int) -> None:
        self._cache, self._lengths, self._body, self._end = cache, lengths, body, end_token

    def keep(self, rows: Tensor) -> None:
        """Let go of all other rows."""
        self._cache, self._lengths = self._cache.kept(rows, 0), self._lengths[rows]

    def grow(self, asked: Sequence[tuple[BeamSearch, list[Step]]]) -> None:
        """Read the last token of every step, a list a row, with those that must follow; the beams join
        those that run already."""
        chunks = [[_chunk(search, step) for step in steps] for search, steps in asked]
        size = max(sum(len(chunk.tokens) for chunk in row) for row in chunks)
        if not size:
            return
        before = self._cache.filled
        if before + size > self._cache.room:
            self._cache = self._cache.kept(torch.arange(len(chunks)), max(size, before))
        ids, positions = (torch.zeros(len(chunks), size, dtype=torch.long) for _ in range(2))
        # What fills a shorter row up looks at the first token, for it must look somewhere.
        sees = torch.zeros(len(chunks), size, before + size, dtype=torch.bool)
        sees[:, :, 0] = True
        nodes: list[tuple[int, int]] = []
        read: list[Asked] = []
        for row, length in enumerate(self._lengths.tolist()):
            node = 0
            for tokens, beam in chunks[row]:
                own = range(node, node + len(tokens))
                ids[row, own] = torch.tensor(tokens)
                positions[row, own] = length + len(beam.path) + torch.arange(len(tokens))
                sees[row, own, :length] = True
                sees[row, own.start : own.stop, list(beam.path)] = True
                path = [before + place for place in own]
                sees[row, own.start : own.stop, path[0] : path[-1] + 1] = _causal(len(tokens))
                nodes += [(row, place) for place in own]
                read.append(beam._replace(path=(*beam.path, *path)))
                node = own.stop
        states = self._body.read(ids, positions, sees, self._cache)
        rows, columns = torch.tensor(nodes, device=states.device).T
        grown = scored(read, states[rows, columns], self._body, self._end)
        for search, running in zip((beam.search for beam in read), grown, strict=True):
            search.running.append(running)
        for search, _ in asked:
            search.running.sort(key=lambda beam: -beam.score)


class Chunk(NamedTuple):
    """Tokens to read for a step, and the beam that will own them."""

    tokens: list[int]
    beam: Asked


def _chunk(search: BeamSearch, step: Step) -> Chunk:
    assert step.branch is not None
    token, span = step.branch
    forced = search.allowed.titles.chain(span)
    onward = span._replace(depth=span.depth + len(forced))
    return Chunk([token, *forced], Asked(search, step.score, step.beam.path, forced, onward))


def _causal(size: int) -> Tensor:
    return torch.ones(size, size, dtype=torch.bool).tril()
