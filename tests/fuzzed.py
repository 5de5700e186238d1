"""What reads strangers' bytes, as targets: each takes bytes and a folder, and returns or raises LlmrecError.

`seeds` are sound inputs to begin from; the first byte of a run folder's input says which file it is.
"""

import gzip
import io
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fuzzed_models import MODELS
from fuzzed_shared import SHARED
from target import Target, planned, written

from llmrec.annotate.ballot import read_key
from llmrec.annotate.rubric import read_rubric
from llmrec.artifacts import RunDir, from_lines, read_metrics, read_titles
from llmrec.dataset.amazon import read_amazon
from llmrec.errors import LlmrecError
from llmrec.finished import stored_config, stored_plan
from llmrec.pages.lines import Lines
from llmrec.progress import Silent
from llmrec.records import Example, Prediction, Prompt, Training
from llmrec.report.latex import latex
from llmrec.report.table import grids, markdown

SECONDS = 60.0  # for one input, on a busy machine, the first imports included
REVIEW = b'{"reviewerID": "u", "asin": "i", "overall": 5.0, "unixReviewTime": 1, "reviewText": "x"}\n'
META = b"{'asin': 'i', 'title': 'Rose &amp; Oil', 'categories': [['Beauty', 'Skin']], 'brand': 'B'}\n"
TABLE = b'user,item,rating,timestamp,review,summary\nu,i,5,1,"a ""b""\nc",d\n'


def reviews(data: bytes, folder: Path) -> None:
    read_amazon([written(folder / "reviews.json", data)], Silent())


def metadata(data: bytes, folder: Path) -> None:
    read_amazon([written(folder / "r.json", REVIEW), written(folder / "meta.json", data)], Silent())


def packed(data: bytes, folder: Path) -> None:
    read_amazon([written(folder / "reviews.json.gz", data)], Silent())


def table(data: bytes, folder: Path) -> None:
    dataset = planned("dataset=custom", "dataset.interactions=t.csv").dataset
    dataset.read([written(folder / "t.csv", data), written(folder / "i.csv", data)], Silent())


def films(data: bytes, folder: Path) -> None:
    planned("dataset=movielens-1m", "model=popularity").dataset.read(
        [written(folder / "ml.zip", data)], Silent()
    )


def run_folder(data: bytes, folder: Path) -> None:
    """Read one file of a run, by the first byte, as `report`, `view`, `compare` and `score` do."""
    name = list(FILES)[data[0] % len(FILES)] if data else "metrics.json"
    path = written(folder / name, data[1:])
    try:
        FILES[name](path)
    finally:
        path.unlink()


def metrics(path: Path) -> None:
    "\n".join(markdown(grid) + latex(grid) for grid in grids([read_metrics(path)]))


def prompts(path: Path) -> None:
    from_lines(path, Prompt)
    Lines(path, Prompt)


FILES: dict[str, Callable[[Path], object]] = {
    "config.yaml": lambda path: stored_plan(path.parent, stored_config(path.parent)),
    "metrics.json": metrics,
    "examples.jsonl": lambda path: from_lines(path, Example),
    "prompts.jsonl": prompts,
    "predictions.jsonl": lambda path: from_lines(path, Prediction),
    "items.json": lambda path: read_titles(path.parent),
    "environment.json": lambda path: RunDir(path.parent).environment(),
    "finetune.json": lambda path: RunDir(path.parent).tuning(),
    "fit.json": lambda path: RunDir(path.parent).fit(),
}


def replay(data: bytes, folder: Path) -> None:
    file = written(folder / "completions.jsonl", data)
    replace(planned("model=replay", "model.path=x").model, path=str(file)).open(
        Training([], {}, []), 0, folder, Silent()
    )


def key(data: bytes, folder: Path) -> None:
    read_key(written(folder / "key.json", data))


def rubric(data: bytes, folder: Path) -> None:
    read_rubric(written(folder / "rubric.yaml", data))


def zipped(ratings: bytes, films: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ml-1m/ratings.dat", ratings)
        archive.writestr("ml-1m/movies.dat", films)
    return made.getvalue()


COMPLETION = {
    "example_id": "a", "ask": 0, "texts": ["5"], "answer": {"type": "rating", "stars": 5.0},
    "finish_reason": "stop", "prompt_tokens": 1, "completion_tokens": 1,
}  # fmt: skip
LINE = json.dumps(COMPLETION).encode() + b"\n"
TARGETS = {
    "reviews": Target(reviews, (REVIEW, REVIEW.replace(b"reviewerID", b"user_id"))),
    "metadata": Target(metadata, (META, b'{"asin": "i", "title": "x", "category": ["a"]}\n')),
    "gzip": Target(packed, (gzip.compress(REVIEW), gzip.compress(b"\n" * 1_000))),
    "table": Target(table, (TABLE,)),
    "films": Target(films, (zipped(b"1::2::5::3\n", b"2::Piano, The (1993)::Drama\n"),)),
    "run_folder": Target(
        run_folder,
        (
            *(bytes([n]) + LINE for n in range(len(FILES))),
            b"\x00model: {name: a, _target_: b.c}\n",
            b'\x05{"i": "x"}',
        ),
        tuple(bytes([number]) for number in range(len(FILES))),
    ),
    "replay": Target(replay, (LINE,)),
    "key": Target(key, (b'{"schema": "llmrec/rating-key/1", "task": "t", "seed": 0}',)),
    "rubric": Target(rubric, (b"criteria:\n- {id: a, question: b, low: c, high: d}\n",)),
    **SHARED,
    **MODELS,
}


def hold(name: str, data: bytes, folder: Path) -> bool:
    """Give a target its bytes: say whether it refused them, in one line and in time. Any other end is a
    finding, and raised."""
    start = time.monotonic()
    told = None
    try:
        TARGETS[name].read(data, folder)
    except LlmrecError as error:
        told = str(error)
    assert told is None or len(told.splitlines()) == 1, f"not one line: {told!r}"
    assert time.monotonic() - start < SECONDS, "too slow"
    return told is not None
