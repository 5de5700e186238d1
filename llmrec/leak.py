"""Checks, live in every run, that no question gives its own answer away."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from llmrec.errors import LlmrecError
from llmrec.records import Example, Interaction, Item, Leaks, Message, Part, Prompt, Ranking
from llmrec.text import normalise

CHECKS = (
    "target_in_history",
    "later_event",
    "target_title_in_prompt",
    "target_review_in_prompt",
    "demonstration_later",
    "demonstration_not_training",
    "id_plus_one",
)
_NUMBER = re.compile(r"\d+$")
_WORDS_OF_A_TEXT = 5  # shorter reviews ("Great") are not told apart from anyone's words


class LeakError(LlmrecError):
    """A question that holds its own answer."""


def check(
    examples: Sequence[Example],
    prompts: Sequence[Prompt],
    items: Mapping[str, Item],
    demonstrations: Mapping[str, Example],
    training: Iterable[Interaction],
) -> dict[str, list[str]]:
    """Return the ids of the examples that each check finds leaking, by the check's name.

    `prompts` stand in the order of `examples`; `demonstrations` are the pool they were chosen from,
    `training` the rows that may be shown as such.
    """
    found: dict[str, list[str]] = {name: [] for name in CHECKS}
    may_be_shown = {(row.user, row.item) for row in training} if demonstrations else set()
    for example, prompt in zip(examples, prompts, strict=True):
        shown = [demonstrations[id] for id in prompt.demonstrations]
        texts = [part.text for message in prompt.messages for part in message.parts]
        claims = {
            "target_in_history": any(e.item == example.target.item for e in example.question.history),
            "later_event": any(e.timestamp > example.target.timestamp for e in example.question.history),
            "target_title_in_prompt": title_given_away(example, prompt, shown, items),
            "target_review_in_prompt": review_given_away(example, texts),
            "demonstration_later": any(later(demo, example) for demo in shown),
            "demonstration_not_training": any(
                (demo.target.user, demo.target.item) not in may_be_shown for demo in shown
            ),
        }
        for name, leaks in claims.items():
            if leaks:
                found[name].append(example.id)
    found["id_plus_one"] = numbered_along(examples)
    return found


def later(demo: Example, example: Example) -> bool:
    """Say whether a demonstration, or an event in its history, is later than the target."""
    times = [demo.target.timestamp, *(event.timestamp for event in demo.question.history)]
    return max(times) > example.target.timestamp


def title_given_away(
    example: Example, prompt: Prompt, shown: Sequence[Example], items: Mapping[str, Item]
) -> bool:
    """Say whether the target's title stands in the question more often than the items shown explain.

    Only where the item is what is asked for. Several items may share a title, and one title may be
    part of another: those in the history or among the candidates explain as many occurrences.
    """
    if not isinstance(example.reference, Ranking) or not prompt.messages:
        return False
    title = f" {normalise(items[example.target.item].title)} "
    if not title.strip():
        return False
    question = example.question
    given = [event.item for event in question.history] + list(question.candidates)
    explained = sum(f" {normalise(items[id].title)} ".count(title) for id in given)
    asked = row_text(prompt.messages[-1])
    return asked.count(title) > explained


def row_text(message: Message) -> str:
    """Return the normalised lines of a message, apart from each other, so that titles do not merge."""
    lines = (line for part in message.parts for line in lines_of(part))
    return "  ".join(f" {normalise(line)} " for line in lines)


def lines_of(part: Part) -> list[str]:
    return part.text.splitlines()


def review_given_away(example: Example, texts: Iterable[str]) -> bool:
    """Say whether the text of the target's review stands in the prompt of a task that hides it."""
    review = normalise(example.target.review)
    if example.question.review is not None or len(review.split()) < _WORDS_OF_A_TEXT:
        return False
    own = {normalise(event.summary) for event in example.question.history}
    return review not in own and any(review in normalise(text) for text in texts)


def numbered_along(examples: Sequence[Example]) -> list[str]:
    """Return the examples whose target's number is the last item's plus one, if they are too many.

    Ids given out while reading the sequences make "id + 1" a recommender. By chance it is right
    about once in a catalogue: the ids leak when the share's lower bound (Wilson, z = 3) is over 1%.
    """
    asked = [e for e in examples if isinstance(e.reference, Ranking) and e.question.history]
    hits = [e.id for e in asked if follows(e.question.history[-1].item, e.target.item)]
    return hits if asked and wilson_lower(len(hits), len(asked), z=3.0) > 0.01 else []


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
