"""Differences between runs as tables."""

from collections.abc import Sequence

from rich.table import Table

from llmrec import exits
from llmrec.comparison.differences import Difference
from llmrec.records import Answer, Ranking, Rating, Text
from llmrec.report.table import number

HEADER = ("score", "first", "second", "change", "p", "p Holm", "effect", "second is")
NOTES = (
    "change: second minus first on the rows that both were asked, in brackets the 95% paired bootstrap",
    "p: permutation test; p Holm: corrected for all that are compared here; effect: Cohen's d of paired rows",
    "better, worse: where p Holm is below .05; unclear is no proof of equality",
)
CHANGED = ("row", "user", "right", "first", "second")
LONGEST = 200  # characters of a text that are shown


def cells(found: Difference) -> list[str]:
    """Return a difference's row, as HEADER names it."""
    interval = f"\n[{number(found.ci95[0])}, {number(found.ci95[1])}]" if found.ci95 else ""
    return [
        found.metric.partition("/")[0],
        *map(number, found.scores),
        f"{found.difference:+.4f}{interval}",
        p_value(found.p),
        p_value(found.p_corrected),
        "-" if found.effect is None else f"{found.effect:+.2f}",
        str(found.outcome),
    ]


def p_value(p: float) -> str:
    return "< .001" if p < 0.001 else f"{p:.3f}".lstrip("0")


def told(answer: Answer | None, right: Answer) -> str:
    """Return an answer in a few words; of a ranking, where the right item stands in it."""
    if answer is None:
        return "no valid answer"
    if isinstance(answer, Rating):
        return f"{answer.stars:g}"
    if isinstance(answer, Text):
        return answer.text if len(answer.text) <= LONGEST else answer.text[: LONGEST - 3] + "..."
    assert isinstance(right, Ranking)
    [item] = right.items
    return f"place {answer.items.index(item) + 1}" if item in answer.items else f"not {item}"


def drawn(header: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> Table:
    """Return a table for a terminal that reads no markup."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in header:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> str:
    """Return a table for a document."""
    lines = exits.table([header, [":--"] * len(header), *rows])
    return "\n".join(["**" + exits.document(title.replace("\n", "; ")) + "**", "", lines, ""])
