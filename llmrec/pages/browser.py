"""What the browser of samples reads, as JSON: a list of samples by what they are filtered and sorted by, and
the details of rows: prompts, completions, what was read in them. One page holds all details; another asks
for those of a row when it is opened. Texts, prompts and items that several share are named by number.
"""

from msgspec import Struct

from llmrec.pages.samples import Why

LONGEST = 6_000  # characters of a text that are kept
TITLE = 200  # characters of a title that are kept
RANKED = 10  # items of a ranking that are kept
# Control characters as their pictures (U+2400 on), tabs and line ends aside.
_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {127: 0x2421}


class Listed(Struct, frozen=True):
    """A row of a group."""

    id: str
    group: int
    user: str


class Sample(Struct, frozen=True):
    """A run's answer to a row; `score` is the first headline score of the row by itself, None where a single
    row has none."""

    run: int
    row: int
    failure: str | None
    repairs: list[str]
    score: float | None


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


class Said(Struct, frozen=True):
    """An answer: a rating or a text as `words`, or the first `items` of a ranking, by number."""

    words: str
    items: list[int]


class Asking(Struct, frozen=True):
    """What a row asked: about an `item`, None where it asks for one; `candidates` stand in the order shown,
    items by number; `review` is the number of a text, None where none was shown."""

    item: int | None
    right: Said
    candidates: list[int]
    review: int | None


class Answered(Struct, frozen=True):
    """What a run answered. `prompt` is a number, None for a model that read none; of so many `ranked` items
    the right one is at `place` (0: nowhere)."""

    why: Why
    prompt: int | None
    cut: int
    completions: list[Asked]
    read: Said | None
    ranked: int
    place: int
    asks: int


class Details(Struct, frozen=True):
    """Of rows and samples, by their numbers. `lengths` has the characters of texts that were cut; `items`
    are ids and titles, "" where a title is not known."""

    texts: list[str]
    lengths: dict[int, int]
    prompts: list[list[Turn]]
    items: list[tuple[str, str]]
    rows: dict[int, Asking]
    samples: dict[int, Answered]


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
    """All that the browser of samples is given. `left` counts chosen samples that the budget had no room
    for. Details stand here, or are had below the address `source`, where a text is searched too."""

    groups: list[Scored]
    runs: list[Shown]
    rows: list[Listed]
    samples: list[Sample]
    left: int
    details: Details | None
    source: str


def visible(text: str) -> str:
    """Return the beginning of a text, control characters as their pictures."""
    return text[:LONGEST].translate(_PICTURES)


def titled(title: str) -> str:
    """Return a title, cut with an ellipsis where it is long, as `visible` does it."""
    return visible(title if len(title) <= TITLE else title[: TITLE - 1] + "\u2026")
