"""How many answers change with what else is in their batch, where the arithmetic lets them: measured."""

from collections.abc import Iterable, Sequence

from llmrec.decoding.base import Decoding
from llmrec.model.base import Session
from llmrec.records import Answer, Completion, Ranking, Rating, Request
from llmrec.seeded import hash64

ROWS = 16


def changed(
    session: Session, requests: Iterable[Request], given: Iterable[Completion], decoding: Decoding
) -> str:
    """Ask up to ROWS requests, drawn by a hash of their ids, each by itself, and return how many of them were
    answered otherwise than in `given`, as "2 of 16"."""
    first = {done.example_id: said(done) for done in given if done.ask == 0}
    drawn = sorted(requests, key=lambda request: hash64("alone", request.question.id))[:ROWS]
    alone = (session.complete([request], decoding)[0] for request in drawn)
    others = sum(said(done) != first[done.example_id] for done in alone)
    return f"{others} of {len(drawn)}"


def said(done: Completion) -> tuple[Sequence[str], Answer | float | None]:
    """Return what an answer comes to: texts, stars to a hundredth, or items in their order."""
    match done.answer:
        case Rating(stars):
            return done.texts, round(stars, 2)
        case Ranking(items):
            return items, None
        case other:
            return done.texts, other
