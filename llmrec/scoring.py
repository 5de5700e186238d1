"""From predictions to metrics: the model's scores, its floors' on the same rows, and what was counted."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

from llmrec.artifacts import METRICS_SCHEMA, to_lines
from llmrec.metric.base import Array, Context, Row
from llmrec.metric.difference import apart, verdict
from llmrec.metric.score import count, score
from llmrec.model.base import Model
from llmrec.plan import Plan
from llmrec.progress import Progress
from llmrec.records import Answer, Completion, Example, Prediction, Prompt, Request, unscored
from llmrec.results import (
    Coverage,
    Environment,
    Floor,
    Leaks,
    Margin,
    MetricResult,
    Metrics,
    Tokens,
    find,
)
from llmrec.rows import Rows
from llmrec.suspicious import counts as suspicious

NOT_CHECKED = Leaks("unchecked", {})
NOWHERE = Environment({}, None, "", "", "", {})


class Scored(NamedTuple):
    """A model's answers, one a row; the ids of each metric, and what it counted; the scores."""

    answers: Sequence[Answer | None]
    names: list[list[str]]
    statistics: list[Array]
    results: list[MetricResult]


def sum_up(
    plan: Plan,
    rows: Rows,
    prompts: Sequence[Prompt],
    predictions: Sequence[Prediction],
    completions: Sequence[Completion],
    progress: Progress,
) -> Metrics:
    """Score the predictions and the floors; leaks, environment, training and
    seconds are the caller's to fill."""
    with progress.bar("scoring", 1 + len(plan.floors), "models") as advance:
        own = scored(plan, rows, [prediction.answer for prediction in predictions])
        advance(1)
        floors = []
        for floor in plan.floors:
            floors.append(stand_on(floor, own, plan, rows, progress))
            advance(1)
    return Metrics(
        schema=METRICS_SCHEMA,
        task=plan.task.name,
        dataset=plan.dataset.name,
        split=plan.split.name,
        model=plan.model.name,
        prompt=plan.variant.name if plan.model.reads_prompts else "",
        finetune=None,
        decoding=asdict(plan.decoding),
        seed=plan.settings.seed,
        rows=fingerprint(rows.examples),
        n=len({example.question.row for example in rows.examples}),
        n_total=rows.total,
        metrics=own.results,
        coverage=coverage(predictions, completions),
        leaks=NOT_CHECKED,
        floors=floors,
        tokens=tokens(completions),
        seconds={},
        environment=NOWHERE,
        headline=plan.task.headline,
        counts=counts(rows, prompts, completions, plan.variant.demonstrations),
        notes=notes(plan, rows),
    )


def notes(plan: Plan, rows: Rows) -> list[str]:
    """Return what a reader of the scores must know."""
    told = [*rows.corpus.notes, *plan.task.notes(), *plan.model.notes(), *plan.settings.notes()]
    told += [note for metric in plan.metrics for note in metric.notes()]
    if plan.model.reads_prompts:
        told += plan.variant.notes()
    learned = [lesson.task.name for lesson in plan.lessons]
    if plan.finetune.trains and plan.task.name not in learned:
        told.append(f"task={plan.task.name} was not learned, only {', '.join(learned)}")
    return told


def fingerprint(examples: Sequence[Example]) -> str:
    """Return a hash of what was asked and what counts as right: histories, candidates, references."""
    return hashlib.blake2b(to_lines(examples), digest_size=8).hexdigest()


def scored(plan: Plan, rows: Rows, answers: Sequence[Answer | None]) -> Scored:
    """Score answers, one an example in order; every example counts."""
    given = [
        Row(question=example.question, reference=example.reference, answer=answer)
        for example, answer in zip(rows.examples, answers, strict=True)
    ]
    context = Context(training=rows.training.answers)
    counted = count(plan.metrics, given, context)
    settings = plan.settings
    results = score(plan.metrics, given, context, settings.seed, settings.resamples, counted)
    names = [metric.ids(given, context) for metric in plan.metrics]
    return Scored(answers, names, counted, results)


def stand_on(floor: Model, own: Scored, plan: Plan, rows: Rows, progress: Progress) -> Floor:
    """Score a floor on the same rows in the same way, and tell how far above it the model stands."""
    key = repr((floor, plan.metrics, plan.settings.seed, plan.settings.resamples))
    if key not in rows.scored:
        rows.scored[key] = scored(plan, rows, answered(floor, plan, rows, progress))
    found: Scored = rows.scored[key]
    valid, asked = sum(answer is not None for answer in found.answers), len(found.answers)
    failures = {"no_answer": asked - valid} if valid < asked else {}
    counted = Coverage(valid, asked, failures, {}, 0)
    return Floor(floor.name, found.results, counted, margins(found, own, plan))


def answered(floor: Model, plan: Plan, rows: Rows, progress: Progress) -> list[Answer | None]:
    """Return a floor's answers to the rows, in their order; it reads neither prompt nor decoding."""
    session = floor.open(rows.training, plan.settings.seed, plan.cache_dir, progress)
    requests = [Request(example.question, unworded(example)) for example in rows.examples]
    answers = {
        done.example_id: unscored(done.answer)
        for batch in session.batches(requests, plan.decoding)
        for done in session.complete(batch, plan.decoding)
    }
    return [answers[example.id] for example in rows.examples]


def margins(floor: Scored, own: Scored, plan: Plan) -> list[Margin]:
    """Return how far the model lies from a floor by each headline score, none for the same answers."""
    if list(floor.answers) == list(own.answers):
        return []
    wanted = {result.id for name in plan.task.headline for result in find(own.results, name)}
    chosen = [place for place, ids in enumerate(own.names) if wanted & set(ids)]
    found = apart(
        [(plan.metrics[place], own.names[place]) for place in chosen],
        [floor.statistics[place] for place in chosen],
        [own.statistics[place] for place in chosen],
        plan.settings.seed,
        plan.settings.resamples,
    )
    return [Margin(r.id, r.value, r.n, r.ci95, verdict(r)) for r in found if r.id in wanted]


def unworded(example: Example) -> Prompt:
    """Return the prompt of a recommender that answers from data."""
    return Prompt(example.id, 0, (), 0, ())


def coverage(predictions: Sequence[Prediction], completions: Sequence[Completion]) -> Coverage:
    """Count valid answers, failures and repairs by name, and re-asks."""
    failures = Counter(p.failure for p in predictions if p.failure is not None)
    repairs = Counter(repair for p in predictions for repair in p.repairs)
    return Coverage(
        valid=sum(p.answer is not None for p in predictions),
        all=len(predictions),
        failures=dict(sorted(failures.items())),
        repairs=dict(sorted(repairs.items())),
        reasks=sum(done.ask > 0 for done in completions),
    )


def tokens(completions: Sequence[Completion]) -> Tokens:
    return Tokens(
        prompt=sum(done.prompt_tokens for done in completions),
        completion=sum(done.completion_tokens for done in completions),
    )


def counts(
    rows: Rows, prompts: Sequence[Prompt], completions: Sequence[Completion], wanted: int
) -> dict[str, int]:
    """Return what reading, splitting and wording counted, and what answers hold."""
    return {
        **rows.corpus.counts,
        "training_rows": len(rows.training.interactions),
        "rows_without_reference": rows.without_reference,
        "prompts_cut": sum(prompt.cut > 0 for prompt in prompts),
        "events_cut": sum(prompt.cut for prompt in prompts),
        "prompts_short_of_demonstrations": sum(
            bool(prompt.messages) and len(prompt.demonstrations) < wanted for prompt in prompts
        ),
        **suspicious(prompts, completions),
    }
