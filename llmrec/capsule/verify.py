"""Does a capsule hold what it claims? Its answers are read and scored again, without a model."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from msgspec.structs import replace as with_fields
from omegaconf.errors import OmegaConfBaseException

from llmrec import artifacts
from llmrec.artifacts import RunDir
from llmrec.capsule.claims import Claims
from llmrec.capsule.contents import Manifest
from llmrec.capsule.differing import Difference, first_row, first_score
from llmrec.capsule.unpack import WAY_OUT, changed, told, unpacked
from llmrec.capsule.with_data import UNTOLD, made_again
from llmrec.errors import DataError
from llmrec.pipeline import ask
from llmrec.plan import Plan
from llmrec.progress import Progress
from llmrec.records import Answer, Example
from llmrec.scoring import sum_up

OF_THE_DATA = ("n_total", "leaks", "floors", "counts")  # what of metrics.json only the data can tell
# What malformed records make of the code that reads them.
_MALFORMED = (
    ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError,
    OmegaConfBaseException,
)  # fmt: skip


class Verified(NamedTuple):
    """What came of it: the manifest, what differs (nothing where the capsule holds what it claims), how many
    rows and scores were held against each other, and the scores that were not."""

    manifest: Manifest
    differences: list[str]
    rows: int
    scores: int
    unscored: list[str]


class Again(NamedTuple):
    """What reading and scoring a second time gave: the first row and the first score that differ."""

    differences: list[Difference]
    scores: list[str]


def verified(capsule: Path, data_dir: Path | None, most: int, progress: Progress) -> Verified:
    """Hold a capsule of at most `most` bytes against itself and, where `data_dir` is given, the data in it.

    Raises DataError for a file that is no capsule, for one that nothing should be built of, and where the
    data are missing.
    """
    files = unpacked(capsule, most)
    manifest, claims = told(capsule, files), Claims(capsule, files)
    try:
        with TemporaryDirectory(prefix="llmrec.") as folder:
            again = scored_again(claims, Path(folder) / "again", progress)
            found = list(again.differences)
            if data_dir is not None and not found:
                found += made_again(claims, data_dir, Path(folder), progress)
    except _MALFORMED as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise DataError(f"{capsule}: its records make no run ({reason}); {WAY_OUT}") from error
    differences = [*changed(files, manifest), *map(str, found)]
    unscored = [result.id for result in claims.metrics.metrics if result.id not in again.scores]
    return Verified(manifest, differences, len(claims.examples), len(again.scores), unscored)


def scored_again(claims: Claims, folder: Path, progress: Progress) -> Again:
    """Read the completions, and score what they say."""
    plan = claims.planned()
    if fault := next(unfit(claims, plan), None):
        return Again([fault], [])
    rows, run_dir = claims.drawn(plan.dataset.name), RunDir(folder)
    run_dir.write(artifacts.COMPLETIONS, claims.files[artifacts.COMPLETIONS])
    predictions, completions = ask(plan, rows, claims.prompts, run_dir, progress, None)
    made = sum_up(replace(plan, floors=[]), rows, claims.prompts, predictions, completions, progress)
    metrics = with_fields(made, **claims.noted)
    partial = len(plan.metrics) < claims.scored_by
    found = (
        first_row(artifacts.PREDICTIONS, claims.predictions, predictions),
        first_score(claims.metrics, metrics, (*OF_THE_DATA, *UNTOLD), partial),
    )
    return Again([one for one in found if one is not None], [result.id for result in metrics.metrics])


def unfit(claims: Claims, plan: Plan) -> Iterator[Difference]:
    """Yield why rows, prompts and completions are not those of one run of the plan."""
    kind = plan.task.answer
    yield from unfit_rows(claims.examples, kind)
    for example, prompt in zip_longest(claims.examples, claims.prompts):
        if example is None or prompt is None or prompt.example_id != example.id:
            id = prompt.example_id if example is None else example.id
            yield Difference(artifacts.PROMPTS, id, "row", "is not in its place")
    answered = {done.example_id for done in claims.completions if done.ask == 0}
    for example in claims.examples:
        if example.id not in answered:
            yield Difference(artifacts.COMPLETIONS, example.id, "row", "is not there")
    for done in claims.completions:
        if done.answer is not None and not isinstance(done.answer, kind):
            yield Difference(
                artifacts.COMPLETIONS, done.example_id, "answer", f"is no {kind.__name__.lower()}"
            )


def unfit_rows(examples: Sequence[Example], kind: type[Answer]) -> Iterator[Difference]:
    """Yield why rows are not those of a task that asks for a kind of answer."""
    if not examples:
        yield Difference(artifacts.EXAMPLES, "", "rows", "there are none")
    for id, count in Counter(example.id for example in examples).items():
        if count > 1:
            yield Difference(artifacts.EXAMPLES, id, "id", f"stands there {count} times")
    for example in examples:
        if not isinstance(example.reference, kind):
            yield Difference(artifacts.EXAMPLES, example.id, "reference", f"is no {kind.__name__.lower()}")
