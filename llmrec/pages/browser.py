"""The samples of a page, as the JSON that its browser of samples reads: prompts, completions, what was read
in them, and scores of single rows. Texts and prompts that several samples share are named by number.
"""

from msgspec import Struct

from llmrec.pages.samples import Why

LONGEST = 6_000  # characters of a text that are kept
RANKED = 10  # items of a ranking that are kept
# Control characters as their pictures (U+2400 on), tabs and line ends aside.
_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {127: 0x2421}


class Turn(Struct, frozen=True):
    """A message: its parts, each a module ("" where none wrote it) and the number of a text."""

    role: str
    parts: list[tuple[str, int]]


class Asked(Struct, frozen=True):
    """What came back for one ask: texts by number, best first."""

    ask: int
    finish: str
    texts: list[int]
    prompt_tokens: int
    completion_tokens: int


class Asking(Struct, frozen=True):
    """A row of a group; `candidates` stand in the order shown, `review` is the number of a text, None where
    none was shown."""

    id: str
    group: int
    user: str
    reference: str
    candidates: list[str]
    review: int | None


class Sample(Struct, frozen=True):
    """A run's answer to a row. `prompt` is a number, None for a model that read none; `parsed` is a rating, a
    text, or the first of `ranked` items, the right one at `place` (0: nowhere); `score` is the first headline
    score of the row by itself, None where a single row has none."""

    run: int
    row: int
    why: Why
    prompt: int | None
    cut: int
    completions: list[Asked]
    parsed: list[str]
    ranked: int
    place: int
    failure: str | None
    repairs: list[str]
    asks: int
    score: float | None


class Shown(Struct, frozen=True):
    """A run: how many of its `rows` are shown."""

    name: str
    folder: str
    group: int
    shown: int
    rows: int


class Scored(Struct, frozen=True):
    """A group, and the score that its rows are held against each other by."""

    title: str
    score: str
    higher_is_better: bool
    is_ranked: bool


class Samples(Struct, frozen=True):
    """All that the browser of samples is given. `lengths` has the characters of texts that were cut; `left`
    counts chosen samples that the budget had no room for."""

    texts: list[str]
    lengths: dict[int, int]
    prompts: list[list[Turn]]
    groups: list[Scored]
    runs: list[Shown]
    rows: list[Asking]
    samples: list[Sample]
    left: int


def visible(text: str) -> str:
    """Return the beginning of a text, control characters as their pictures."""
    return text[:LONGEST].translate(_PICTURES)
