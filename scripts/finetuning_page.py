"""Write the page of fine-tuning results from run folders: `scripts/finetuning_page.py DIR > docs/results.md`.

Every figure is computed from what the runs stored: scores out of metrics.json, paired differences out of the
predictions, by the metrics of the run's own config.
"""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from llmrec.artifacts import EXAMPLES, METRICS, PREDICTIONS, from_lines, read_metrics
from llmrec.finished import stored_config
from llmrec.metric.base import Context, Row
from llmrec.metric.difference import differences
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Example, Prediction
from llmrec.results import MetricResult, Metrics
from llmrec.rows import draw

HEAD = """# Fine-tuning put to the test

Off the shelf (prompt zero_shot, asked once) against LoRA and P-tuning v2 (prompt finetuning, the answer alone
as the target), on the same test rows. Written by `scripts/results_finetuning` on {date} at commit {commit},
from the `metrics.json` and the predictions of each run, on a CPU of two cores, a thread a run. Samples and
trainings are small: they show what a small budget gives, not what a model can reach.

- *strict*: every row counts, an answer that cannot be read is a miss (rating: the training mean instead);
  *valid only*: the rows with an answer that could be read. In brackets the 95% bootstrap interval.
- *difference*: fine-tuned minus off the shelf, strict, on the same rows, with the 95% interval of the paired
  bootstrap; **bold** where it leaves out zero in favour of fine-tuning, *italic* where against it.
- A fine-tuned model ranks by beam search, ten titles; off the shelf it writes a list of ten.
"""
OUTCOME = """## What came out

Does fine-tuning raise compliance and accuracy, as the paper says? *Better* and *worse* are against off the
shelf, beyond the interval of the difference; *above every floor* (chance, popularity, training mean or most
frequent text) is by the value alone.

| | | valid, before | after | better | worse | above every floor |
| :-- | :-- | --: | --: | :-- | :-- | :-- |
"""
ARROWS = {True: "↑", False: "↓"}


def main(folders: list[Path]) -> None:
    commits, sections, verdicts = set(), [], []
    for group in grouped(folders):
        sections.append(section(group))
        verdicts += summary(group)
        commits |= {read_metrics(folder / METRICS).environment.git or "unknown" for folder in group}
    today = datetime.now(UTC).date().isoformat()
    print(HEAD.format(date=today, commit=", ".join(sorted(commits)) or head()))
    print(OUTCOME + "\n".join(verdicts) + "\n")
    print("\n".join(sections))


def head() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def grouped(folders: list[Path]) -> list[list[Path]]:
    """Return the run folders below by task and rows, the base first in each group."""
    together: dict[tuple[str, str, str], list[Path]] = {}
    for path in sorted(path for folder in folders for path in folder.rglob(METRICS)):
        run = read_metrics(path)
        together.setdefault((run.dataset, run.task, run.rows), []).append(path.parent)
    for group in together.values():
        group.sort(key=lambda folder: order(method(read_metrics(folder / METRICS))))
    return [together[key] for key in sorted(together)]


def order(name: str) -> tuple[bool, str]:
    """The base comes first."""
    return name != "none", name


def method(run: Metrics) -> str:
    return run.finetune.method if run.finetune else "none"


def section(group: list[Path]) -> str:
    """Return the table of one task on one data set."""
    runs = [read_metrics(folder / METRICS) for folder in group]
    first = runs[0]
    names = [find(first, name).id for name in first.headline]
    lines = [
        f"## {first.task} on {first.dataset}, n = {first.n:,} of {first.n_total:,}",
        "",
        "| | valid | score | strict | valid only | difference |",
        "| :-- | --: | :-- | --: | --: | --: |",
    ]
    for folder, run in zip(group, runs, strict=True):
        apart = against(group[0], folder) if run.finetune else {}
        for place, name in enumerate(names):
            label = (
                (f"{run.model}, {method(run)}" if run.finetune else f"{run.model} off the shelf")
                if not place
                else ""
            )
            valid = f"{run.coverage.valid:,} of {run.coverage.all:,}" if not place else ""
            strict, only = find(run, name), find(run, f"{name}:valid")
            arrow = ARROWS[strict.higher_is_better]
            cells = [label, valid, f"{name} {arrow}", told(strict), told(only), verdict(apart.get(name))]
            lines.append("| " + " | ".join(cells) + " |")
    for floor in first.floors:
        values = "; ".join(f"{name} {told(next(r for r in floor.metrics if r.id == name))}" for name in names)
        lines.append(f"\n*{floor.model}*: {values}")
    lines += [
        "",
        "| | trainable | of | pairs | tokens | seconds | best of steps | failures |",
        "| :-- " + "| --: " * 6 + "| :-- |",
    ]
    lines += [cost(run) for run in runs]
    return "\n".join([*lines, ""])


def summary(group: list[Path]) -> list[str]:
    """Return a line a fine-tuned run: what it changed beyond the interval, and whether floors are beaten."""
    first, *others = [read_metrics(folder / METRICS) for folder in group]
    lines = []
    for folder, run in zip(group[1:], others, strict=True):
        apart = against(group[0], folder)
        marks = {name: verdict(apart[find(run, name).id]) for name in run.headline}
        better = [name for name, mark in marks.items() if mark.startswith("**")]
        worse = [name for name, mark in marks.items() if mark.startswith("*") and name not in better]
        above = [name for name in run.headline if above_floors(run, name)]
        told = [", ".join(names) or "-" for names in (better, worse, above)]
        valid = [f"{which.coverage.valid} of {which.coverage.all}" for which in (first, run)]
        lines.append("| " + " | ".join([f"{run.task} on {run.dataset}", method(run), *valid, *told]) + " |")
    return lines


def above_floors(run: Metrics, name: str) -> bool:
    own = find(run, name)
    floors = [result.value for floor in run.floors for result in floor.metrics if result.id == own.id]
    sign = 1 if own.higher_is_better else -1
    return own.value is not None and all(
        sign * own.value > sign * value for value in floors if value is not None
    )


def cost(run: Metrics) -> str:
    failures = ", ".join(f"{name} {count}" for name, count in run.coverage.failures.items()) or "-"
    tuned = run.finetune
    if tuned is None:
        return f"| {run.model} off the shelf | - | - | - | - | - | - | {failures} |"
    figures = [tuned.trainable, tuned.total, tuned.pairs, tuned.tokens, round(tuned.seconds)]
    cells = [f"{run.model}, {tuned.method}", *(f"{figure:,}" for figure in figures)]
    return "| " + " | ".join([*cells, f"{tuned.best_step} of {tuned.steps}", failures]) + " |"


def against(base: Path, tuned: Path) -> dict[str, MetricResult]:
    """Return the paired differences of the tuned run from the base run, by metric id."""
    made = plan(stored_config(tuned))
    one, other = rows(base), rows(tuned)
    context = Context(training=draw(made, Silent()).training.answers)
    pairs = [(one[id], other[id]) for id in one]
    found = differences(made.metrics, pairs, context, made.settings.seed, made.settings.resamples)
    return {result.id: result for result in found}


def rows(folder: Path) -> dict[str, Row]:
    given = {row.example_id: row.answer for row in from_lines(folder / PREDICTIONS, Prediction)}
    return {
        example.id: Row(question=example.question, reference=example.reference, answer=given[example.id])
        for example in from_lines(folder / EXAMPLES, Example)
    }


def find(run: Metrics, name: str) -> MetricResult:
    return next(r for r in run.metrics if r.id == name or r.id.partition("/")[0] == name)


def told(result: MetricResult) -> str:
    if result.value is None:
        return "-"
    interval = f" [{result.ci95[0]:.3f}, {result.ci95[1]:.3f}]" if result.ci95 else ""
    return f"{result.value:.3f}{interval}"


def verdict(result: MetricResult | None) -> str:
    """Mark a difference whose interval leaves out zero: bold for better, italic for worse."""
    if result is None or result.ci95 is None or result.value is None:
        return "-"
    low, high = result.ci95
    words = f"{result.value:+.3f} [{low:+.3f}, {high:+.3f}]"
    if low <= 0 <= high:
        return words
    return f"**{words}**" if (result.value > 0) == result.higher_is_better else f"*{words}*"


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
