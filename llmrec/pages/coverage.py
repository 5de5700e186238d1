"""How many rows of each run got a valid answer, and what was wrong with, or mended in, the others."""

from collections.abc import Sequence

from llmrec.pages.charts import shares
from llmrec.pages.groups import Group
from llmrec.pages.view import Figure, Section, Table, count, words

VALID = "valid"
ABOUT = (
    "Every row counts: one without a valid answer is a miss, or a rating of the training mean. Repairs are "
    "what a parser mended in answers, by kind, several a row where a list needed them; re-asks are prompts "
    "sent again with the reason."
)


def coverage(groups: Sequence[Group]) -> Section:
    """Return the chart and the table of each group."""
    figures = [figure(group) for group in groups]
    return Section("coverage", "Coverage and kinds of failure", ABOUT, [], figures)


def figure(group: Group) -> Figure:
    """Return the shares of rows, valid and by kind of failure; counts of repairs and re-asks beside them."""
    found = [entry.metrics.coverage for entry in group.entries]
    failures = sorted({kind for one in found for kind in one.failures})
    repairs = sorted({kind for one in found for kind in one.repairs})
    marks, rows = [], []
    for entry, one in zip(group.entries, found, strict=True):
        parts = {VALID: one.valid, **one.failures}
        marks += [
            {"run": entry.name, "kind": spaced(kind), "share": number / one.all}
            for kind, number in parts.items()
        ]
        numbers = [one.all, one.valid, *(one.failures.get(kind, 0) for kind in failures)]
        numbers += [*(one.repairs.get(kind, 0) for kind in repairs), one.reasks]
        rows.append([words(entry.name), *map(count, numbers)])
    header = ["run", "n", VALID, *(f"failed: {spaced(kind)}" for kind in failures)]
    header += [*(f"repaired: {spaced(kind)}" for kind in repairs), "re-asks"]
    kinds = [VALID, *map(spaced, failures)]
    return Figure(group.title, shares(marks, kinds), Table("Rows by outcome", header, rows, len(rows)))


def spaced(kind: str) -> str:
    """Return the name of a failure or repair in words."""
    return kind.replace("_", " ")
