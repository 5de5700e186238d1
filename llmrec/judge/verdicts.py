"""What a judge's answers come to, and how far it agrees with itself."""

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
from msgspec import Struct

from llmrec.annotate.ballot import Sheet
from llmrec.annotate.material import Material
from llmrec.annotate.ratings import SCHEMA, Export, Rated
from llmrec.annotate.rubric import SCALE, Rubric
from llmrec.annotate.scores import Chance, Estimate, estimate
from llmrec.judge.asking import Judged
from llmrec.metric.base import Array


class Preference(Struct, frozen=True):
    """How likely `one` is the better of the two to the judge, over both orders."""

    one: str
    other: str
    share: Estimate


class Verdicts(Struct, frozen=True):
    """What a judge found: the mean score (1 to 5) of each system by criterion, and what is preferred.

    `first` is how likely the text shown first is the better, 0.5 where order makes no difference;
    `same_winner` the share of pairs of texts with the same winner in both orders. `unanswered` of the
    questions `asked` were too long for the judge, and count in no mean.
    """

    judge: str
    scores: dict[str, dict[str, Estimate]]
    preferences: list[Preference]
    first: Estimate
    same_winner: Estimate
    asked: int
    unanswered: int


def verdicts(judge: str, material: Material, rubric: Rubric, found: Judged, chance: Chance) -> Verdicts:
    """Return what the judge's answers come to."""
    rows = [item.id for item in material.items]
    names = [system.name for system in material.systems]
    pairs = list(combinations(range(len(names)), 2))
    forth = np.stack([known(found.first_wins[row, one, other] for row in rows) for one, other in pairs])
    back = np.stack([known(found.first_wins[row, other, one] for row in rows) for one, other in pairs])
    for_one = (forth + 1.0 - back) / 2.0
    same = np.where(np.isnan(for_one), np.nan, (forth > 0.5) != (back > 0.5))
    answers = [*found.scores.values(), *found.first_wins.values()]
    return Verdicts(
        judge=judge,
        scores={
            name: {
                one.id: estimate(
                    known(found.scores[row, system, one.id] for row in rows)[None],
                    (SCALE[0], SCALE[-1]),
                    chance,
                )
                for one in rubric.criteria
            }
            for system, name in enumerate(names)
        },
        preferences=[
            Preference(names[one], names[other], estimate(for_one[at : at + 1], (0, 1), chance))
            for at, (one, other) in enumerate(pairs)
        ],
        first=estimate(np.concatenate([forth, back]), (0, 1), chance),
        same_winner=estimate(same, (0, 1), chance),
        asked=len(answers),
        unanswered=sum(answer is None for answer in answers),
    )


def known(values: Iterable[float | None]) -> Array:
    """Return the values as an array, NaN where there is none."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def export(judge: str, sheet: Sheet, rubric: Rubric, found: Judged) -> Export:
    """Return the judge's answers as a rater of the page would have given them: texts are ranked by how likely
    each is the better, over all others and both orders; scores are rounded."""
    answers = []
    for showing in sheet.showings:
        ranks = ranked(found, showing.row, showing.order)
        scores = {
            one.id: tuple(rounded(found.scores[showing.row, system, one.id]) for system in showing.order)
            for one in rubric.criteria
        }
        answers.append(Rated(item=showing.id, ranks=ranks, scores=scores, comment=""))
    return Export(schema=SCHEMA, page=sheet.id, rater=judge, answers=tuple(answers))


def ranked(found: Judged, row: str, order: Sequence[int]) -> tuple[int | None, ...]:
    """Return the places of a row's systems from 1, None for all where a question was not answered."""
    worth = [
        known(
            value
            for other in order
            if other != system
            for value in (found.first_wins[row, system, other], lost(found.first_wins[row, other, system]))
        ).sum()
        for system in order
    ]
    if np.isnan(worth).any():
        return (None,) * len(order)
    return tuple(1 + sum(bool(other > own) for other in worth) for own in worth)


def lost(first_wins: float | None) -> float | None:
    return None if first_wins is None else 1.0 - first_wins


def rounded(score: float | None) -> int | None:
    return None if score is None else round(score)
