"""The first stages of a run: from raw files to the rows that are asked about."""

from dataclasses import dataclass, field
from typing import Any

from llmrec.errors import DataError
from llmrec.plan import Plan
from llmrec.progress import Progress
from llmrec.prompt.naming import Names, Naming, named
from llmrec.records import Corpus, Example, Training
from llmrec.split.ledger import Ledger, Role


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What is asked, out of `total` rows, and the `training` rows that may be learned from. `scored` holds
    what answers these rows alike in every run of a sweep, by what it is."""

    corpus: Corpus
    ledger: Ledger
    examples: list[Example]
    total: int
    without_reference: int
    training: Training
    scored: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rows(Drawn):
    """Drawn rows under the names that prompts give to items and users, and the `pool` of training examples
    that demonstrations are chosen from."""

    names: Names
    pool: list[Example]


# What was drawn last, so that the runs of a sweep over prompts, decodings and models read and split once.
_kept: dict[str, Drawn] = {}


def draw(plan: Plan, progress: Progress) -> Rows:
    """Load the corpus, split it and draw the rows. Raises DataError when none is left to ask."""
    settings = plan.settings
    drawing = (settings.subset, settings.limit, settings.ties, settings.seed, plan.data_dir, plan.cache_dir)
    key = repr((plan.dataset, plan.split, plan.task, *drawing))
    if key not in _kept:
        _kept.clear()
        _kept[key] = _draw(plan, progress)
    drawn = _kept[key]
    naming = plan.variant.names if plan.model.reads_prompts else Naming.title
    names = named(naming, drawn.corpus.items, drawn.ledger.sequences(), settings.seed)
    if plan.model.reads_prompts:
        names = plan.variant.shown(names, plan.task.answer.__name__.lower(), settings.seed)
    pool: list[Example] = []
    if plan.variant.demonstrations and plan.model.reads_prompts:
        refer = plan.task.references(drawn.ledger)
        pool, _ = plan.task.examples(drawn.ledger, refer, Role.TRAIN, plan.variant.pool, settings.seed)
    return Rows(**vars(drawn), names=names, pool=pool)


def _draw(plan: Plan, progress: Progress) -> Drawn:
    settings, task = plan.settings, plan.task
    corpus = plan.dataset.load(plan.data_dir, plan.cache_dir, progress)
    task.check(corpus)
    with progress.bar("splitting and drawing", None, "rows"):
        ledger = plan.split.assign(corpus, settings.ties, settings.seed)
        refer = task.references(ledger)
        examples, total = task.examples(ledger, refer, settings.role, settings.limit, settings.seed)
    if not examples:
        raise DataError(
            f"dataset={corpus.name}: none of its {len(corpus.interactions):,} interactions is a "
            f"{settings.subset} row of task={task.name}; take more data, a larger split.held_out or "
            f"another split"
        )
    return Drawn(
        corpus=corpus,
        ledger=ledger,
        examples=task.asked(examples),
        total=total,
        without_reference=len(task.rows(ledger, settings.role)) - total,
        training=task.training(ledger, refer, settings.seed),
    )
