"""From the folder of a finished run to the files of its capsule, which tell neither who made it nor where."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from llmrec import artifacts
from llmrec.artifacts import from_lines, pretty, to_lines
from llmrec.capsule.contents import CATALOGUE, MANIFEST, NEEDED, TRAINING, manifest
from llmrec.capsule.places import Places
from llmrec.capsule.traces import check, traces
from llmrec.errors import DataError
from llmrec.finished import Finished
from llmrec.progress import Progress
from llmrec.records import Completion, Item, Ranking
from llmrec.rows import Rows, draw

RECORDS = (artifacts.ENVIRONMENT, artifacts.TUNING, artifacts.FIT, artifacts.METRICS)
VERBATIM = tuple(name for name in (*NEEDED, artifacts.ITEMS) if name not in (artifacts.CONFIG, *RECORDS))


def exported(run: Finished, progress: Progress, allowed: Collection[str]) -> dict[str, bytes]:
    """Return the files of a run's capsule by name, its manifest among them.

    The data are read for what the scores took of them. Raises DataError where they give other rows now, and
    for what would tell of this machine or its user and is not `allowed`.
    """
    records = {name: plain(run, name) for name in RECORDS if (run.folder / name).is_file()}
    config = dict(run.choices)
    places = Places(config, *records.values())
    files = {name: run.file(name).read_bytes() for name in VERBATIM if name != artifacts.ITEMS}
    if (run.folder / artifacts.ITEMS).is_file():
        files[artifacts.ITEMS] = run.file(artifacts.ITEMS).read_bytes()
    # JSON is YAML too, and has neither anchors nor tags.
    files[artifacts.CONFIG] = pretty(places.without(config))
    files |= {name: pretty(places.without(record)) for name, record in records.items()}
    files |= evidence(run, progress)
    files[MANIFEST] = manifest(files, places.named(config))
    named = [*places.instead, str(run.folder.absolute()), str(run.folder.resolve())]
    check(files, traces(named, key_of(config)), allowed)
    return files


def plain(run: Finished, name: str) -> Any:
    """Return a JSON file of the folder as plain data. Raises DataError where it is none."""
    try:
        return msgspec.json.decode(run.file(name).read_bytes())
    except msgspec.MsgspecError as error:
        raise DataError(
            f"{run.folder / name}: no JSON ({error}); give the run's own command again"
        ) from error


def evidence(run: Finished, progress: Progress) -> Mapping[str, bytes]:
    """Return what readings and scores took of the data beyond the rows, by name: the training answers of
    ratings and texts; where texts were read as items the catalogue, as prompts show it."""
    rows = draw(run.plan, progress)
    if rows.examples != run.examples:
        raise DataError(
            f"{run.folder / artifacts.EXAMPLES}: the data in {run.plan.data_dir} give other rows now; put "
            "back what the run was made from"
        )
    if run.plan.task.answer is not Ranking:
        return {TRAINING: to_lines(rows.training.answers)}
    completions = from_lines(run.file(artifacts.COMPLETIONS), Completion)
    return {CATALOGUE: catalogue(rows)} if any(done.texts for done in completions) else {}


def catalogue(rows: Rows) -> bytes:
    """Return what a reader knows of each item: the id and the title that it is shown under."""
    shown = {id: Item(item.id, item.title, "", ()) for id, item in rows.names.items.items()}
    return pretty(shown)


def key_of(config: Mapping[str, Any]) -> str | None:
    """Return the name of the environment variable that holds the model's key, if it has one."""
    model = config.get("model")
    return model.get("key") if isinstance(model, Mapping) else None
