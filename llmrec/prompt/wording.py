"""A task's words: one template a module, with places for what a question shows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from llmrec.errors import ConfigError, did_you_mean

PLACES = (
    "user", "user_id", "item", "item_id", "title", "brand", "category", "stars", "review", "history",
    "candidates",
)  # fmt: skip
EVENT_PLACES = ("i", "item_id", "title", "stars", "summary")
CANDIDATE_PLACES = ("i", "item_id", "title")
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Wording:
    """What each module says for one task; `{place}` stands for a part of the question.

    `task`, `behavior` and `format` are the paper's three modules, `input` the row's own data.
    `event` and `candidate` word one line of `{history}` and `{candidates}`; `no_history` stands
    where nothing came before. `brief` is the one-liner for fine-tuning. `needs_behavior` says that
    the task cannot be asked without a history; `ordered` that the history's order is told.
    """

    task: str
    input: str
    behavior: str
    no_history: str
    format: str
    brief: str
    event: str
    candidate: str
    needs_behavior: bool
    ordered: bool

    def __post_init__(self) -> None:
        known = {"event": EVENT_PLACES, "candidate": CANDIDATE_PLACES}
        for field in fields(self):
            template = getattr(self, field.name)
            if isinstance(template, str):
                check_places(field.name, template, known.get(field.name, PLACES))


def check_places(name: str, template: str, known: tuple[str, ...]) -> None:
    """Raise ConfigError when a template has a place that nothing fills."""
    for place in _PLACE.findall(template):
        if place not in known:
            way_out = did_you_mean(place, known) or f"; known are {', '.join(known)}"
            raise ConfigError(f"{name}: {{{place}}} is no place that can be filled{way_out}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put the values in their places; braces inside a value stay as they are."""
    return _PLACE.sub(lambda match: values.get(match.group(1), match.group(0)), template)
