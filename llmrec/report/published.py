"""What others published on the same data, figure by figure, with what is known to be wrong with each."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from llmrec.errors import DataError

BEAUTY = Path(__file__).with_name("published_beauty.csv")
COLUMNS = ("task", "method", "metric", "value", "source", "status", "defect", "ours")
FILE_ORDER = "file_order_ties"
ONE_NEGATIVE = "binary_loss"


class Defect(NamedTuple):
    """What is known to be wrong, or other, with a figure. `flatters` is 1 where it makes a method look better
    than it is, -1 where worse, 0 where it may do either."""

    words: str
    flatters: int


DEFECTS = {
    FILE_ORDER: Defect(
        "interactions of one second stand in file order, which tells models of sequences what is next", 1
    ),
    "leaky_ids": Defect("item ids are numbered along the sequences, so that the next id is the next item", 1),
    "feature_given": Defect("the feature that the reference is about is given to the model", 1),
    "under_trained": Defect("the model was stopped long before it had learned all that it can", -1),
    ONE_NEGATIVE: Defect("learned by binary cross-entropy against one drawn item, a weak loss", -1),
    "one_item": Defect("hit rate and nDCG are one number at every k: no more than one place was scored", -1),
    "rating_filter": Defect("rows where 5.0, or nothing that can be read, was predicted are dropped", 0),
    "first_816_rows": Defect("only the first 816 of 19,850 rows, in file order, are scored", 0),
    "other_split": Defect("another random draw of the test rows", 0),
    "other_candidates": Defect("another random draw of the 99 other candidates", 0),
    "other_references": Defect("reference sentences were chosen by a toolkit that is not public", 0),
    "other_decoding": Defect("decoded otherwise than for the paper's own table", 0),
    "unknown_ties": Defect("it is not told who comes first within one second", 0),
    # Not told, but found: ours give the four published figures of popularity to the last digit that way.
    "scores_by_id": Defect("items of equal score stand in the order of their ids, which is the file's", 0),
    "unknown_bleu": Defect("it is not told which BLEU it is: table and text name different ones", 0),
    "quoted": Defect("quoted at second hand, not checked in the original", 0),
    "third_party": Defect("run again by others than its authors", 0),
}


class Published(Struct, frozen=True):
    """A figure as published. `metric` is the id of our score that it is held against; `ours` are the models
    of ours that are of the same kind, the nearest first."""

    task: str
    method: str
    metric: str
    value: float
    source: str
    status: str
    defects: tuple[str, ...]
    ours: tuple[str, ...]


def read(path: Path = BEAUTY) -> list[Published]:
    """Return the figures of a file, in order. Raises DataError with the line that is none."""
    found = []
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        if tuple(next(rows, ())) != COLUMNS:
            raise DataError(f"{path}:1: no columns {','.join(COLUMNS)}; name them in the first line")
        for cells in rows:
            found.append(figure(cells, f"{path}:{rows.line_num}"))
    return found


def figure(cells: Sequence[str], place: str) -> Published:
    """Return the figure of a line. Raises DataError for a number, a defect or a line that is none."""
    if len(cells) != len(COLUMNS):
        raise DataError(f"{place}: {len(cells)} cells, not {len(COLUMNS)}; quote those that hold a comma")
    task, method, metric, value, source, status, defect, ours = cells
    unknown = [name for name in defect.split() if name not in DEFECTS]
    if unknown:
        raise DataError(f"{place}: '{unknown[0]}' is no known defect; choose of {', '.join(DEFECTS)}")
    try:
        number = float(value)
    except ValueError as error:
        raise DataError(f"{place}: '{value}' is no number; give the figure as published") from error
    return Published(task, method, metric, number, source, status, tuple(defect.split()), tuple(ours.split()))


def told(names: Sequence[str]) -> str:
    """Return the names of defects as words."""
    return ", ".join(name.replace("_", " ") for name in names) or "-"
