"""The first stages of a run: from raw files to the rows that are asked about."""

from typing import NamedTuple

from llmrec.errors import DataError
from llmrec.plan import Plan
from llmrec.progress import Progress
from llmrec.prompt.naming import Names, Naming, named
from llmrec.records import Corpus, Example, Training
from llmrec.split.ledger import Ledger, Role


class Rows(NamedTuple):
    """What is asked, out of `total` rows, under which names, and what may be learned from: `training`
    rows, and the `pool` of training examples that demonstrations are chosen from."""

    corpus: Corpus
    ledger: Ledger
    names: Names
    examples: list[Example]
    total: int
    without_reference: int
    training: Training
    pool: list[Example]


def draw(plan: Plan, progress: Progress) -> Rows:
    """Load the corpus, split it and draw the rows. Raises DataError when none is left to ask."""
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
    naming = plan.variant.names if plan.model.reads_prompts else Naming.title
    names = named(naming, corpus.items, ledger.sequences(), settings.seed)
    pool: list[Example] = []
    if plan.variant.demonstrations and plan.model.reads_prompts:
        pool, _ = task.examples(ledger, refer, Role.TRAIN, plan.variant.pool, settings.seed)
    without = len(task.rows(ledger, settings.role)) - total
    training = task.training(ledger, refer, settings.seed)
    return Rows(corpus, ledger, names, examples, total, without, training, pool)
