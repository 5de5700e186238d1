"""What several runs will take before they start: tokens, time and money, all of it a guess."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from llmrec.ahead import SAMPLE, Cell
from llmrec.artifacts import METRICS, read_metrics
from llmrec.errors import LlmrecError
from llmrec.finished import stored_config
from llmrec.plan import Plan
from llmrec.report.power import lasting
from llmrec.results import way

HEADER = (
    "task", "dataset", "model", "runs", "finished", "left out", "rows", "prompt tokens", "answer tokens",
    "time", "cost",
)  # fmt: skip
UNKNOWN = "-"
NEWEST = 20  # earlier runs of a model and decoding whose speed is read
NOTE = (
    f"a guess of what is left to do: prompts at 4 bytes a token, worded for at most {SAMPLE} rows a run and "
    "scaled; answers at their longest, no re-asks; time by the speed of earlier runs of the same model here, "
    "without loading and learning"
)


class Cost(NamedTuple):
    """What runs have left: rows, tokens, seconds where a speed is known, and money, 0 where no price is."""

    rows: int
    prompt_tokens: float
    answer_tokens: int
    seconds: float | None
    money: float


def table(cells: Sequence[Cell]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows, one for each task, data and model, and one for all; a column that nothing is
    known for is left out."""
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault(called(cell.run.choices), []).append(cell)
    if len(groups) > 1:
        groups["all", "", ""] = list(cells)
    speeds: dict[str, float | None] = {}
    rows = [[*name, *told(alike, cost(alike, speeds))] for name, alike in groups.items()]
    kept = [at for at in range(len(HEADER)) if any(row[at] != UNKNOWN for row in rows)]
    return [HEADER[at] for at in kept], [[row[at] for at in kept] for row in rows]


def called(choices: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the names of a run's task, data and model."""
    task, dataset, model, method = (
        choices[group]["name"] for group in ("task", "dataset", "model", "finetune")
    )
    return task, dataset, model if method == "none" else f"{model} + {method}"


def told(cells: Sequence[Cell], left: Cost) -> list[str]:
    """Return what follows the names, as HEADER has it."""
    out = sum(bool(cell.run.left_out) for cell in cells)
    counts = [len(cells), sum(cell.finished for cell in cells), out, left.rows]
    amounts = [*counts, round(left.prompt_tokens), left.answer_tokens]
    return [
        *(f"{amount:,}" if amount else UNKNOWN for amount in amounts),
        lasting(left.seconds) if left.seconds else UNKNOWN,
        f"{left.money:,.2f}" if left.money else UNKNOWN,
    ]


def cost(cells: Iterable[Cell], speeds: dict[str, float | None]) -> Cost:
    """Return what cells have left; `speeds` keeps those that were read."""
    left = [(cell.plan, cell.size) for cell in cells if cell.plan is not None and cell.size.rows]
    return Cost(
        sum(size.rows for _, size in left),
        sum(size.prompt_tokens for _, size in left),
        sum(size.answer_tokens for _, size in left),
        whole([by(speed(made, speeds), size.prompt_tokens + size.answer_tokens) for made, size in left]),
        sum(made.model.cost(size.prompt_tokens, size.answer_tokens) for made, size in left),
    )


def whole(parts: Sequence[float | None]) -> float | None:
    """Return the sum, None where a part is not known."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def by(rate: float | None, amount: float) -> float | None:
    return None if rate is None else rate * amount


def speed(made: Plan, speeds: dict[str, float | None]) -> float | None:
    """Return the seconds that a token takes a run's model, None where nothing of it has finished here."""
    key = repr((made.stored["model"], made.decoding.name, made.settings.output_dir))
    if key not in speeds:
        folder = Path(made.settings.output_dir) / "runs"
        speeds[key] = read_speed(folder, made.stored["model"], made.decoding.name)
    return speeds[key]


def read_speed(folder: Path, model: Mapping[str, Any], decoding: str) -> float | None:
    """Return the seconds a token of prompt or answer over the newest runs below a folder that have this
    model's whole config and this decoding."""
    seconds, tokens, read = 0.0, 0, 0
    for path in sorted(folder.rglob(METRICS), key=lambda path: -path.stat().st_mtime_ns):
        try:
            found = read_metrics(path)
            alike = (found.model, way(found)) == (model["name"], decoding)
            if not alike or OmegaConf.to_container(stored_config(path.parent).model) != model:
                continue
        except LlmrecError:  # of another version
            continue
        seconds += found.seconds.get("inference", 0.0)
        tokens += found.tokens.prompt + found.tokens.completion
        read += 1
        if read == NEWEST:
            break
    return seconds / tokens if seconds and tokens else None
