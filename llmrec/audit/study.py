"""The study that writes what the defects of evaluators are worth: a page, and a CSV."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from llmrec import exits
from llmrec.audit.findings import Finding, findings
from llmrec.audit.opened import opened
from llmrec.files import write_atomic
from llmrec.report.study import Ran, Study
from llmrec.report.table import number

COLUMNS = (
    "defect", "what", "task", "dataset", "ties", "model", "metric", "ours", "under_defect",
    "difference", "low", "high", "n", "n_under_defect",
)  # fmt: skip
OTHER_TIES = {"file_order": ", one second in file order"}
HOW = """How to read it:

- *ours*: every row counts, an answer that cannot be read is a miss (rating: the training mean), equal
  scores stand at their mid-rank, interactions of one second in a seeded order.
- *under the defect*: the same predictions as an evaluator with that defect counts them; where another split
  or other candidates are needed, the same kind of model on the same users.
- *difference*: under the defect minus ours, with the 95% interval of the paired bootstrap over rows; **bold**
  where it leaves out zero. It belongs to the defect, the model and the data together."""


@dataclass(frozen=True, kw_only=True)
class Audit(Study):
    """What each known defect of evaluators is worth, on the same predictions."""

    title: str

    def write(self, ran: Sequence[Ran], to: Path) -> Iterator[Path]:
        found = list(findings(opened(ran)))
        write_atomic(to / "audit.csv", to_csv(found))
        yield to / "audit.csv"
        write_atomic(
            to / "audit.md", page(self.title, ran, found, datetime.now(UTC).date().isoformat()).encode()
        )
        yield to / "audit.md"


def to_csv(found: Sequence[Finding]) -> bytes:
    """Return a line a finding."""
    rows = []
    for *of, effect in found:
        low, high = effect.ci95 or (None, None)
        scores = (
            effect.metric,
            effect.ours,
            effect.theirs,
            effect.difference,
            low,
            high,
            effect.n,
            effect.kept,
        )
        rows.append([*of, *scores])
    return exits.sheet(COLUMNS, rows).encode()


def page(title: str, ran: Sequence[Ran], found: Sequence[Finding], date: str) -> str:
    """Return the page in Markdown: a table for each defect."""
    done = [run.metrics for run in ran if run.metrics is not None]
    commits = sorted({run.environment.git or "unknown" for run in done})
    lost = [
        f"{run.choices['task']['name']} by {run.choices['model']['name']}" for run in ran if not run.metrics
    ]
    head = (
        f"Written on {date} from {len(done)} of {len(ran)} runs at commit {', '.join(commits) or 'unknown'}."
    )
    head += f" Not finished: {exits.document(', '.join(lost))}." if lost else ""
    by_defect: dict[tuple[str, str], list[Finding]] = {}
    for finding in found:
        by_defect.setdefault((finding.defect, finding.words), []).append(finding)
    sections = [
        f"## {name.replace('_', ' ')}\n\n{words[0].upper()}{words[1:]}.\n\n{table(alike)}"
        for (name, words), alike in by_defect.items()
    ]
    return "\n\n".join([f"# {title}", head, HOW, *sections]) + "\n"


def table(found: Sequence[Finding]) -> str:
    """Return the findings of one defect."""
    header = ["model", "on", "score", "n", "ours", "under the defect", "n", "difference"]
    lines = [header, [":--", ":--", ":--", "--:", "--:", "--:", "--:", "--:"]]
    for finding in found:
        effect = finding.effect
        lines.append(
            [
                finding.model,
                f"{finding.task} on {finding.dataset}{OTHER_TIES.get(finding.ties, '')}",
                effect.metric,
                f"{effect.n:,}",
                number(effect.ours),
                "-" if effect.theirs is None else number(effect.theirs),
                f"{effect.kept:,}",
                apart(effect.difference, effect.ci95),
            ]
        )
    return exits.table(lines)


def apart(difference: float | None, ci95: tuple[float, float] | None) -> str:
    """Return a difference over its interval, bold where that leaves out zero."""
    if difference is None:
        return "no row is left"
    if ci95 is None:
        return f"{difference:+.4f}"
    words = f"{difference:+.4f} [{ci95[0]:+.4f}, {ci95[1]:+.4f}]"
    return words if ci95[0] <= 0.0 <= ci95[1] else f"**{words}**"
