"""A language model as judge: what it is asked, by likelihood, so that every answer is one."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from typing import NamedTuple

from llmrec.annotate.material import Material
from llmrec.annotate.rubric import SCALE, Rubric
from llmrec.artifacts import COMPLETIONS, PROMPTS, RunDir, to_lines
from llmrec.decoding.base import Decoding
from llmrec.decoding.likelihood import CandidateLabels, Digits, Estimate, Normalise
from llmrec.errors import DataError
from llmrec.model.base import Session
from llmrec.parser.base import Reader
from llmrec.progress import Progress
from llmrec.records import (
    Choices,
    Message,
    Part,
    Prediction,
    Prompt,
    Question,
    Ranking,
    Rating,
    Reading,
    Request,
)
from llmrec.refine import Asking

# The expectation over the probabilities of 1 to 5, as in G-Eval (Liu et al., 2023).
SCORE = Digits(name="digits", estimate=Estimate.expectation, end=False, low=SCALE[0], high=SCALE[-1])
CHOICE = CandidateLabels(name="candidates", normalise=Normalise.none, end=False, size=2)
NUMBERS = Choices(tuple(map(str, SCALE)), tuple(map(str, SCALE)))
FIRST_OR_SECOND = Choices(("first", "second"), ("1", "2"))
ALONE = """{asked}

Text:
{text}

{question} Answer with one number from {low} ({worst}) to {high} ({best})."""
BESIDE = """{asked}

Text 1:
{first}

Text 2:
{second}

Which text is better, by these questions: {questions} Answer with 1 or 2."""
NOTHING = "(no text)"
LARGEST = 700.0  # the exponential of more is no float


class Judged(NamedTuple):
    """What a judge said. `scores[row, system, criterion]` is from 1 to 5; `first_wins[row, one, other]` the
    probability that `one`, shown first, is the better; None where the judge's context was too short."""

    scores: dict[tuple[str, int, str], float | None]
    first_wins: dict[tuple[str, int, int], float | None]


def judged(
    material: Material,
    rubric: Rubric,
    session: Callable[[], Session],
    run_dir: RunDir,
    progress: Progress,
) -> Judged:
    """Return what the judge says of every text by itself, and of every two texts in both orders; what
    `run_dir` holds already is not asked again. Raises DataError where it was asked something else."""

    def answers(requests: Sequence[Request], decoding: Decoding) -> list[Prediction]:
        asking = Asking(
            session=session,
            decoding=decoding,
            reader=NoTexts(),
            reasons=False,
            max_reasks=0,
            progress=progress,
        )
        return asking.predict(requests, run_dir)[0]

    alone, beside = dict(one_by_one(material, rubric)), dict(two_by_two(material, rubric))
    run_dir.settle(PROMPTS, to_lines(asked.prompt for asked in (*alone.values(), *beside.values())))
    scores = zip(alone, answers([*alone.values()], SCORE), strict=True)
    choices = zip(beside, answers([*beside.values()], CHOICE), strict=True)
    try:
        return Judged(
            scores={key: stars(found) for key, found in scores},
            first_wins={key: share_of_first(found) for key, found in choices},
        )
    except ValueError as error:
        raise DataError(
            f"{run_dir.path / COMPLETIONS}: {error}, which no judge is asked for; remove the folder to judge "
            "anew"
        ) from error


def one_by_one(material: Material, rubric: Rubric) -> Iterator[tuple[tuple[str, int, str], Request]]:
    """Yield what is asked of each text and criterion; texts of a row stand together, and what they begin with
    is read once."""
    for item in material.items:
        for system, text in enumerate(item.texts):
            for criterion in rubric.criteria:
                words = ALONE.format(
                    asked=item.asked.whole,
                    text=text or NOTHING,
                    question=criterion.question,
                    low=SCALE[0],
                    worst=criterion.low,
                    high=SCALE[-1],
                    best=criterion.high,
                )
                yield (
                    (item.id, system, criterion.id),
                    request((item.id, system, criterion.id), words, NUMBERS),
                )


def two_by_two(material: Material, rubric: Rubric) -> Iterator[tuple[tuple[str, int, int], Request]]:
    """Yield what is asked of every two texts of a row, in both orders."""
    questions = " ".join(criterion.question for criterion in rubric.criteria)
    for item in material.items:
        for one, other in permutations(range(len(item.texts)), 2):
            words = BESIDE.format(
                asked=item.asked.whole,
                first=item.texts[one] or NOTHING,
                second=item.texts[other] or NOTHING,
                questions=questions,
            )
            key = item.id, one, other
            yield key, request(key, words, FIRST_OR_SECOND)


def request(key: tuple[object, ...], words: str, choices: Choices) -> Request:
    id = "|".join(map(str, key))
    question = Question(
        id=id, user="", time=0, history=(), item=None, rating=None, review=None, candidates=()
    )
    messages = (Message("user", (Part(None, words),)),)
    return Request(question, Prompt(id, 0, messages, 0, ()), choices)


def stars(found: Prediction) -> float | None:
    """Return a score, None where there is none. Raises ValueError for an answer to another question."""
    if found.answer is None:
        return None
    if not isinstance(found.answer, Rating) or not SCALE[0] <= found.answer.stars <= SCALE[-1]:
        raise ValueError(f"'{found.example_id}' is answered by {found.answer}")
    return found.answer.stars


def share_of_first(found: Prediction) -> float | None:
    """Return the probability of "1" among "1" and "2", None where neither has any. Raises ValueError for an
    answer to another question."""
    if found.answer is None or found.answer == Ranking(()):
        return None
    if not isinstance(found.answer, Ranking) or len(found.answer.items) != len(found.answer.scores):
        raise ValueError(f"'{found.example_id}' is answered by {found.answer}")
    scores = dict(zip(found.answer.items, found.answer.scores, strict=True))
    if not scores.keys() <= set(FIRST_OR_SECOND.names):
        raise ValueError(f"'{found.example_id}' is answered by {found.answer}")
    odds = scores.get("second", -math.inf) - scores.get("first", -math.inf)
    return 1.0 / (1.0 + math.exp(min(odds, LARGEST)))


class NoTexts(Reader):
    """A judge chooses and writes nothing."""

    def read(self, text: str, question: Question) -> Reading:
        return Reading(None, "text", ())

    def reason(self, failure: str) -> str:
        return failure
