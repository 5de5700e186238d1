"""A prompt variant: how the three modules are arranged, for any task's wording."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, auto

from msgspec.structs import replace

from llmrec.errors import ConfigError
from llmrec.prompt.demonstrations import Demonstrations, Select
from llmrec.prompt.naming import Names, Naming
from llmrec.prompt.rendering import Budget, Rendering, answer_text
from llmrec.prompt.wording import CANDIDATE_PLACES, Wording, check_places, fill
from llmrec.records import Example, Message, Module, Part, Prompt, Question


class Behavior(StrEnum):
    """When the user's interactions are told: never, where the task needs them, or always."""

    never = auto()
    needed = auto()
    always = auto()


@dataclass(frozen=True, kw_only=True)
class Variant:
    """An arrangement by name. `task`, `behavior` and `format` frame the task's own words, which stand
    at `{words}`; an empty frame switches the module off. `brief` asks the task's one-liner instead.
    `candidate` words a candidate's line, if it is not empty, in place of the task's own words. `names` says
    what items and users are called.

    `reasoning_tokens` is room for thought before the answer. `history_tokens` and `review_tokens`
    bound what is shown of a row, `demonstration_tokens` and `demonstration_candidates` what is shown
    of each of the `demonstrations`, chosen among `pool` training rows.
    """

    name: str
    system: str
    task: str
    behavior: str
    format: str
    inject: Behavior
    brief: bool
    candidate: str
    names: Naming
    reasoning_tokens: int
    history_tokens: int
    review_tokens: int
    demonstrations: int
    select: Select
    pool: int
    demonstration_tokens: int
    demonstration_candidates: int

    def __post_init__(self) -> None:
        for module in (Module.TASK, Module.BEHAVIOR, Module.FORMAT):
            check_places(module, getattr(self, module), ("words",))
        check_places("candidate", self.candidate, CANDIDATE_PLACES)
        for field in ("reasoning_tokens", "demonstrations"):
            if getattr(self, field) < 0:
                raise ConfigError(f"{field}: {getattr(self, field)} is below 0; give 0 or more")
        if self.demonstrations and self.pool < self.demonstrations:
            raise ConfigError(
                f"pool: {self.pool} rows cannot give {self.demonstrations} demonstrations; give as many"
            )

    def settled(self, wording: Wording) -> "Variant":
        """Return the same variant with `inject` as it falls out for one task: never or always."""
        told = self.inject is Behavior.always or (self.inject is Behavior.needed and wording.needs_behavior)
        return dataclasses.replace(self, inject=Behavior.always if told else Behavior.never)

    def shown(self, names: Names, answer: str, seed: int) -> Names:
        """Return what is shown of items and users in prompts that ask for an `answer` of this kind."""
        return names

    def open(self, wording: Wording, names: Names, pool: Sequence[Example], seed: int) -> "Writer":
        """Return a writer for one task and catalogue; demonstrations come out of `pool`."""
        return Writer(self, wording, names, Demonstrations(pool, self.select, seed))

    def notes(self) -> list[str]:
        """Return what a reader of the scores must know of the names."""
        told = {
            Naming.title: [],
            Naming.random_id: ["items and users are named by random ids"],
            Naming.sequential_id: [
                "items and users are named by ids numbered along all sequences, held-out rows included, as "
                "P5 did: what comes next is often id + 1"
            ],
        }
        return told[self.names]


class Writer:
    """Words questions. It never sees a reference but those of the demonstrations."""

    def __init__(self, variant: Variant, wording: Wording, names: Names, chosen: Demonstrations) -> None:
        self.wording = dataclasses.replace(wording, candidate=variant.candidate or wording.candidate)
        self.variant, self.names, self.chosen = variant.settled(wording), names, chosen

    def write(self, question: Question) -> Prompt:
        """Return the prompt of a question: demonstrations as earlier turns, then the question."""
        variant = self.variant
        turns: list[Message] = []
        if variant.system:
            turns.append(Message("system", (Part(None, variant.system),)))
        shown = self.chosen.of(question, variant.demonstrations)
        for example in shown:
            turns += self._demonstration(example)
        parts, cut = self._parts(question, Budget(variant.history_tokens, variant.review_tokens))
        turns.append(Message("user", parts))
        return Prompt(question.id, 0, tuple(turns), cut, tuple(example.id for example in shown))

    def _demonstration(self, example: Example) -> list[Message]:
        room = self.variant.demonstration_tokens
        parts, _ = self._parts(self._fewer_candidates(example), Budget(room, room))
        answer = answer_text(example.reference, self.names.items)
        if self.variant.reasoning_tokens:
            answer = f"Answer: {answer}"
        return [Message("user", parts), Message("assistant", (Part(None, answer),))]

    def _fewer_candidates(self, example: Example) -> Question:
        """Keep the first candidates shown, and the right one wherever it stands."""
        question, most = example.question, self.variant.demonstration_candidates
        others = [item for item in question.candidates if item != example.target.item][: most - 1]
        kept = {example.target.item, *others}
        return replace(question, candidates=tuple(item for item in question.candidates if item in kept))

    def _parts(self, question: Question, budget: Budget) -> tuple[tuple[Part, ...], int]:
        variant, wording = self.variant, self.wording
        rendering = Rendering(self.names.told(question), self.names, wording, budget)
        if variant.brief:
            return (Part(Module.TASK, fill(wording.brief, rendering.values)),), rendering.cut(wording.brief)
        told = wording.behavior if question.history else wording.no_history
        behavior = told if variant.inject is Behavior.always else ""
        framed = {
            Module.TASK: frame(variant.task, wording.task),
            Module.INPUT: wording.input,
            Module.BEHAVIOR: frame(variant.behavior, behavior),
            Module.FORMAT: frame(variant.format, wording.format),
        }
        texts = {module: fill(template, rendering.values).strip() for module, template in framed.items()}
        parts = tuple(Part(module, text) for module, text in texts.items() if text)
        return parts, rendering.cut(" ".join(framed.values()))


def frame(outer: str, words: str) -> str:
    """Put a module's words into the variant's frame; no words, or no frame, is no module."""
    return fill(outer, {"words": words}) if words else ""
