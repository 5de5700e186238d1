"""Checks, live in every run, that no question gives its own answer away."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from llmrec.errors import LlmrecError
from llmrec.records import Example, Interaction, Item, Message, Module, Prompt, Ranking, Text
from llmrec.results import Leaks
from llmrec.text import normalise

CHECKS = (
    "target_in_history",
    "later_event",
    "target_title_in_prompt",
    "target_id_in_prompt",
    "target_text_in_prompt",
    "demonstration_later",
    "demonstration_not_training",
    "id_plus_one",
)
IN_ORDER = "names_numbered_in_order"
_NUMBER = re.compile(r"\d+$")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_TOO_ORDERED = 0.25  # a random order has one such step among all
_OWN_WORDS = 6  # fewer words in a row ("five stars, I love it") are anyone's


class LeakError(LlmrecError):
    """A question that holds its own answer."""


def check(
    examples: Sequence[Example],
    prompts: Sequence[Prompt],
    items: Mapping[str, Item],
    demonstrations: Mapping[str, Example],
    training: Iterable[Interaction],
    wording: str,
) -> dict[str, list[str]]:
    """Return the ids of the examples that each check finds leaking, by the check's name.

    `prompts` stand in the order of `examples`; `items` are as prompts show them; `demonstrations`
    are the pool they were chosen from, `training` the rows that may be shown as such; `wording` is what
    every prompt says before a row's values are put in, so that its own words are not taken for a title.
    """
    found: dict[str, list[str]] = {name: [] for name in CHECKS}
    may_be_shown = {(row.user, row.item) for row in training} if demonstrations else set()
    fixed = spaced(wording)
    for example, prompt in zip(examples, prompts, strict=True):
        shown = [demonstrations[id] for id in prompt.demonstrations]
        asked = prompt.messages[-1:]
        claims = {
            "target_in_history": any(e.item == example.target.item for e in example.question.history),
            "later_event": any(e.timestamp > example.target.timestamp for e in example.question.history),
            "target_title_in_prompt": title_given_away(example, asked, items, fixed),
            "target_id_in_prompt": id_given_away(example, asked),
            "target_text_in_prompt": text_given_away(example, asked),
            "demonstration_later": any(later(demo, example) for demo in shown),
            "demonstration_not_training": any(
                (demo.target.user, demo.target.item) not in may_be_shown for demo in shown
            ),
        }
        for name, leaks in claims.items():
            if leaks:
                found[name].append(example.id)
    found["id_plus_one"] = numbered_along(examples, items)
    return found


def check_names(
    examples: Sequence[Example],
    items: Mapping[str, Item],
    sequences: Iterable[tuple[str, Sequence[str]]],
) -> dict[str, list[str]]:
    """Return all examples as leaking where the names that items are shown under are numbers given out along
    the sequences. Those hold the held-out rows, and a sample may have none that "id + 1" finds."""
    leaks = numbered_in_order(items, sequences)
    return {IN_ORDER: [example.id for example in examples] if leaks else []}


def later(demo: Example, example: Example) -> bool:
    """Say whether a demonstration, or an event in its history, is later than the target."""
    times = [demo.target.timestamp, *(event.timestamp for event in demo.question.history)]
    return max(times) > example.target.timestamp


def title_given_away(
    example: Example, asked: Sequence[Message], items: Mapping[str, Item], wording: str
) -> bool:
    """Say whether the target's title stands in the question more often than the items shown explain.

    Only where the item is what is asked for. Several items may share a title, and one title may be
    part of another: those in the history or among the candidates explain as many occurrences, and so
    do the prompt's own words.
    """
    title = spaced(items[example.target.item].title)
    if not isinstance(example.reference, Ranking) or not title.strip():
        return False
    question = example.question
    given = [event.item for event in question.history] + list(question.candidates)
    explained = wording.count(title) + sum(spaced(items[id].title).count(title) for id in given)
    return any(spaced(message.content).count(title) > explained for message in asked)


def id_given_away(example: Example, asked: Sequence[Message]) -> bool:
    """Say whether the target's id stands in a question that asks for the item and does not offer it."""
    target = example.target.item
    if not isinstance(example.reference, Ranking) or target in example.question.candidates:
        return False
    named = re.compile(rf"(?<![\w-]){re.escape(target)}(?![\w-])")
    # Short numbers, as MovieLens has for ids, stand in titles too; numbered_along looks after those.
    return len(target) > 5 and any(named.search(message.content) for message in asked)


def text_given_away(example: Example, asked: Sequence[Message]) -> bool:
    """Say whether a text that is asked for, or a sentence of the review behind it, stands in the
    question; the review may, where the task shows it, and what the user wrote elsewhere too."""
    target, question = example.target, example.question
    texts = [target.summary]
    if isinstance(example.reference, Text):
        texts.append(example.reference.text)
    if question.review is None:
        texts += _SENTENCE.split(target.review)
    told = {spaced(event.summary) for event in question.history}
    long = {words for words in map(spaced, texts) if len(words.split()) >= _OWN_WORDS} - told
    hidden = [
        spaced(part.text)
        for message in asked
        for part in message.parts
        if question.review is None or part.module is Module.BEHAVIOR
    ]
    return any(words in text for words in long for text in hidden)


def spaced(text: str) -> str:
    """Return the text's normalised lines, a space around each: words are whole, lines do not merge."""
    return " ".join(f" {normalise(line)} " for line in text.splitlines())


def numbered_along(examples: Sequence[Example], items: Mapping[str, Item]) -> list[str]:
    """Return the examples whose target's number is the last item's plus one, if they are too many.

    Numbers are those that the ids shown end in. Ids given out while reading the sequences make "id + 1"
    a recommender. By chance it is right once in a catalogue: the ids leak when the share's lower bound
    (Wilson, z = 3) is over 1%, and over five times chance.
    """
    asked = [e for e in examples if isinstance(e.reference, Ranking) and e.question.history]
    hits = [e.id for e in asked if follows(items[e.question.history[-1].item].id, items[e.target.item].id)]
    tolerated = max(0.01, 5 / max(len(items), 1))
    return hits if asked and wilson_lower(len(hits), len(asked), z=3.0) > tolerated else []


def numbered_in_order(items: Mapping[str, Item], sequences: Iterable[tuple[str, Sequence[str]]]) -> bool:
    """Say whether items are shown under ids whose numbers tell in which order they first appear when the
    sequences are read one after the other: over a quarter of the steps (Wilson, z = 3) are "id + 1".

    A title may end in a number too, as the volumes of a series do, and that is no leak.
    """
    shown = {id: item.id for id, item in items.items() if item.title.endswith(item.id)}
    if not shown:
        return False
    order = dict.fromkeys(item for _, sequence in sequences for item in sequence if item in shown)
    steps = [follows(shown[one], shown[other]) for one, other in pairwise(order)]
    return bool(steps) and wilson_lower(sum(steps), len(steps), z=3.0) > _TOO_ORDERED


def follows(last: str, target: str) -> bool:
    numbers = [_NUMBER.search(last), _NUMBER.search(target)]
    if numbers[0] is None or numbers[1] is None:
        return False
    return int(numbers[1].group()) == int(numbers[0].group()) + 1


def wilson_lower(hits: int, n: int, z: float) -> float:
    """Return the lower bound of a share (E. B. Wilson, JASA 1927)."""
    share, z2 = hits / n, z * z
    middle = share + z2 / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return (middle - spread) / (1 + z2 / n)


def verdict(found: Mapping[str, Sequence[str]], stop: bool) -> Leaks:
    """Return what the metrics say of leaks. Raises LeakError when there are any and `stop` is set."""
    leaking = {name: ids for name, ids in found.items() if ids}
    if leaking and stop:
        told = ", ".join(f"{name} in {len(ids):,} (first {ids[0]})" for name, ids in leaking.items())
        raise LeakError(f"leak: {told}; mend the data or the split, or stamp the result by on_leak=stamp")
    return Leaks("LEAK" if leaking else "clean", {name: len(ids) for name, ids in found.items()})
