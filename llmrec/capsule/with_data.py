"""A capsule held against the data: the same choices, made again from raw files on, but for the model."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from llmrec import artifacts
from llmrec.artifacts import RunDir, from_lines, read_titles
from llmrec.capsule.claims import Claims
from llmrec.capsule.differing import Difference, between, first_row, first_score, leaves
from llmrec.errors import DataError, LlmrecError
from llmrec.pipeline import run
from llmrec.progress import Progress
from llmrec.records import Example, Prediction, Prompt

UNTOLD = ("seconds",)  # what of metrics.json nothing can tell again
KINDS: Mapping[str, type[Struct]] = {
    artifacts.EXAMPLES: Example,
    artifacts.PROMPTS: Prompt,
    artifacts.PREDICTIONS: Prediction,
}
ANSWERED = (artifacts.COMPLETIONS, artifacts.ENVIRONMENT, artifacts.TUNING, artifacts.FIT)


def made_again(claims: Claims, data_dir: Path, folder: Path, progress: Progress) -> list[Difference]:
    """Make the run again below `folder`, its completions given, and return the first difference, if any.

    Raises DataError where the data are missing; they are not fetched from where a stranger says. Raises as
    the run does, where no row differed before.
    """
    plan = claims.planned(data_dir=str(data_dir.absolute()), cache_dir=str(folder / "cache"))
    for path in raw_files(claims.config["dataset"], plan.data_dir / plan.dataset.name):
        if not path.is_file() and not path.with_name(path.name.removesuffix(".gz")).is_file():
            raise DataError(f"{path}: not there; put it there, or leave out --data-dir")
    run_dir = RunDir(folder / "made")
    for name in ANSWERED:
        if name in claims.files:
            run_dir.write(name, claims.files[name])
    failed: LlmrecError | None = None
    try:
        metrics = run(plan, run_dir, progress, asks=False)
    except LlmrecError as error:
        failed = error
    for name, claimed in (
        (artifacts.EXAMPLES, claims.examples),
        (artifacts.PROMPTS, claims.prompts),
        (artifacts.PREDICTIONS, claims.predictions),
    ):
        path = run_dir.path / name
        if path.is_file() and (wrong := first_row(name, claimed, from_lines(path, KINDS[name]))):
            return [wrong]
    if failed is not None:
        raise failed
    titles = dict(claims.record(artifacts.ITEMS, dict[str, str])) if artifacts.ITEMS in claims.files else {}
    for place, one, other in leaves(titles, read_titles(run_dir.path)):
        return [Difference(artifacts.ITEMS, "", place, between(one, other))]
    partial = len(plan.metrics) < claims.scored_by
    wrong = first_score(claims.metrics, metrics, UNTOLD, partial)
    return [wrong] if wrong is not None else []


def raw_files(node: Any, folder: Path) -> Iterator[Path]:
    """Yield where the files lie that a data set's config would have fetched."""
    if isinstance(node, Mapping):
        if "address" in node and "file" in node:
            yield folder / str(node["file"])
        for value in node.values():
            yield from raw_files(value, folder)
