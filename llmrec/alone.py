"""How many answers change with what else is in their batch, where the arithmetic lets them: measured."""

from collections.abc import Iterable, Sequence

from llmrec.decoding.base import Decoding
from llmrec.model.base import Session
from llmrec.progress import Progress
from llmrec.records import Answer, Completion, Ranking, Rating, Request
from llmrec.seeded import hash64

ROWS = 16
SHARE = 24  # of so many rows one: a row by itself takes nearly as long as a batch


def changed(
    session: Session,
    requests: Sequence[Request],
    given: Iterable[Completion],
    decoding: Decoding,
    progress: Progress,
) -> str:
    """Ask a few requests, drawn by a hash of their ids, each by itself, and return how many of them were
    answered otherwise than in `given`, as "2 of 16"."""
    first = {done.example_id: said(done) for done in given if done.ask == 0}
    many = min(ROWS, -(-len(requests) // SHARE))
    drawn = sorted(requests, key=lambda request: hash64("alone", request.question.id))[:many]
    others = 0
    with progress.bar("asking some again, each alone", many, "rows") as advance:
        for request in drawn:
            (done,) = session.complete([request], decoding)
            others += said(done) != first[done.example_id]
            advance(1)
    return f"{others} of {many}"


def said(done: Completion) -> tuple[Sequence[str], Answer | float | None]:
    """Return what an answer comes to: texts, stars to a hundredth, or items in their order."""
    match done.answer:
        case Rating(stars):
            return done.texts, round(stars, 2)
        case Ranking(items):
            return items, None
        case other:
            return done.texts, other
