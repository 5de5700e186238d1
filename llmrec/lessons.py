"""Training pairs from the rows of a run: of its own task or of several, none from a held-out row."""

from dataclasses import replace
from typing import cast

from llmrec.finetune.base import Lessons, Validated
from llmrec.finetune.settings import SftSettings
from llmrec.metric.base import Context, Row
from llmrec.metric.score import score
from llmrec.model.base import Session
from llmrec.plan import Lesson, Plan
from llmrec.progress import Progress, Silent
from llmrec.prompt.rendering import answer_text
from llmrec.records import Completion, Example, Pair, Request
from llmrec.refine import Asking
from llmrec.results import MetricResult
from llmrec.rows import Rows
from llmrec.split.ledger import Ledger, Role
from llmrec.task.base import Refer

HELD_OUT = "held_out_of_another_task"
COVERAGE = "coverage"


def prepare(plan: Plan, rows: Rows, progress: Progress) -> Lessons:
    """Word the training and validation pairs of every task that is learned.

    Raises DataError where a row to be learned is a test row of any of them, or where the corpus lacks
    what one of them needs.
    """
    method = cast(SftSettings, plan.finetune)
    schemes = {plan.task.scheme} | {lesson.task.scheme for lesson in plan.lessons}
    ledger = rows.ledger.to_learn(schemes)
    learned = replace(rows, ledger=ledger)
    train, valid, left_out = list[Pair](), list[Pair](), 0
    with progress.bar("wording training pairs", None, "pairs") as advance:
        for lesson in plan.lessons:
            lesson.task.check(rows.corpus)
            refer = lesson.task.references(rows.ledger)
            train += pairs(plan, learned, lesson, refer, (Role.TRAIN, method.pairs))
            valid += pairs(plan, learned, lesson, refer, (Role.VALID, method.validation_pairs))
            usable = lesson.task.rows(ledger, Role.TRAIN)
            rows.ledger.refuse_overlap(usable, sorted(schemes))
            left_out += len(lesson.task.rows(rows.ledger, Role.TRAIN)) - len(usable)
            advance(len(train))
    return Lessons(
        tasks=[lesson.task.name for lesson in plan.lessons],
        train=train,
        valid=valid,
        left_out={HELD_OUT: left_out} if left_out else {},
        validate=Validation(plan, rows, ledger, method.validation_rows).of,
        judged_by=repr((plan.decoding, plan.parser, plan.metrics)),
    )


def pairs(plan: Plan, rows: Rows, lesson: Lesson, refer: Refer, drawn: tuple[Role, int | None]) -> list[Pair]:
    """Return rows of a role, no more than its limit, as prompts with their right answers."""
    task, seed, items = lesson.task, plan.settings.seed, rows.names.items
    pool: list[Example] = []
    if plan.variant.demonstrations:
        pool, _ = task.examples(rows.ledger, refer, Role.TRAIN, plan.variant.pool, seed)
    write = plan.variant.open(lesson.wording, rows.names, pool, seed).write
    examples, _ = task.examples(rows.ledger, refer, *drawn, seed)
    return [Pair(write(example.question), answer_text(example.reference, items)) for example in examples]


class Validation:
    """Validation rows of the run's own task, as a model in training is asked them."""

    def __init__(self, plan: Plan, rows: Rows, ledger: Ledger, limit: int) -> None:
        task, settings = plan.task, plan.settings
        self._plan, self._training = plan, rows.training
        refer = task.references(rows.ledger)
        self._examples, _ = task.examples(ledger, refer, Role.VALID, limit, settings.seed)
        write = plan.variant.open(plan.wording, rows.names, rows.pool, settings.seed).write
        choices = plan.decoding.chooser(rows.names.items)
        questions = [example.question for example in self._examples]
        self._requests = [Request(asked, write(asked), choices(asked)) for asked in questions]
        self._asking = Asking(
            session=None,
            decoding=plan.decoding,
            reader=plan.parser.bind(rows.names.items),
            reasons=plan.variant.reasoning_tokens > 0,
            max_reasks=0,
            progress=Silent(),
        )

    def of(self, session: Session) -> Validated | None:
        """Return how a session answers them, asked once: coverage and the task's headline scores; None
        where there is no such row."""
        if not self._requests:
            return None
        decoding = self._plan.decoding
        done: dict[str, Completion] = {}
        for batch in session.batches(self._requests, decoding):
            done |= {found.example_id: found for found in session.complete(batch, decoding)}
        readings = [self._asking.read(request, done[request.question.id]) for request in self._requests]
        scored = [
            Row(question=example.question, reference=example.reference, answer=reading.answer)
            for example, reading in zip(self._examples, readings, strict=True)
        ]
        context = Context(training=self._training.answers)
        results = score(self._plan.metrics, scored, context, self._plan.settings.seed, resamples=1)
        headline = [named(results, name) for name in self._plan.task.headline]
        valid = sum(reading.answer is not None for reading in readings)
        coverage = MetricResult(COVERAGE, valid / len(readings), len(readings), None, True)
        return Validated([coverage, *headline], headline[0])


def named(results: list[MetricResult], name: str) -> MetricResult:
    """Return the first result of a metric, whatever its id says behind the `/`."""
    return next(result for result in results if result.id.partition("/")[0] == name)
