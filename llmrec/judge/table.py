"""What a judge found, as tables."""

from collections.abc import Sequence

from llmrec.annotate.scores import Estimate
from llmrec.judge.verdicts import Verdicts
from llmrec.report.table import number

Table = tuple[list[str], list[list[str]], str]


def tables(found: Verdicts) -> list[Table]:
    """Return header, rows and title of the scores and of the preferences."""
    criteria = list(next(iter(found.scores.values())))
    scores = [[name, *map(cell, own.values())] for name, own in found.scores.items()]
    preferred = [[one.one, one.other, cell(one.share)] for one in found.preferences]
    n = max(mean.rows for own in found.scores.values() for mean in own.values())
    return [
        (["texts by", *criteria], scores, f"scored from 1 to 5 by {found.judge}, n = {n:,} rows"),
        (["first", "second", "the first is better"], preferred, "preferred, over both orders"),
    ]


def notes(found: Verdicts) -> Sequence[str]:
    """Return how far the judge can be relied on."""
    told = [
        f"the text shown first is the better to it in {cell(found.first)}; 0.5 if order made no difference",
        f"the same text wins in both orders in {cell(found.same_winner)} of the pairs; 0.5 by tossing a coin",
        "a judge is one opinion: llmrec annotate score --judge FILE holds it against people",
    ]
    if found.unanswered:
        told.append(
            f"{found.unanswered:,} of {found.asked:,} questions were too long for it, and count nowhere"
        )
    return told


def cell(mean: Estimate) -> str:
    if mean.value is None:
        return "-"
    interval = f"\n[{number(mean.ci95[0])}, {number(mean.ci95[1])}]" if mean.ci95 else ""
    return number(mean.value) + interval
