"""Metrics of made-up runs, as report pages read them."""

from llmrec.results import (
    Coverage,
    Environment,
    Floor,
    Leaks,
    Margin,
    MetricResult,
    Metrics,
    Tokens,
    Verdict,
)

EVERY = Coverage(4, 4, {}, {}, 0)


def hit(value: float, name: str = "hr@5/full", up: bool = True) -> MetricResult:
    return MetricResult(name, value, 4, (value - 0.1, value + 0.1), up)


def margin(verdict: Verdict, name: str = "hr@5/full", value: float = 0.1) -> Margin:
    return Margin(name, value, 4, (value - 0.05, value + 0.05), verdict)


def made(**given: object) -> Metrics:
    """Return the metrics of a run, neutral but for what is given."""
    neutral: dict[str, object] = {
        "schema": "llmrec/metrics/2", "task": "sequential", "dataset": "beauty", "split": "paper",
        "model": "mine", "prompt": "zero_shot", "finetune": None, "decoding": {}, "seed": 0,
        "rows": "r", "n": 4, "n_total": 4, "metrics": [hit(0.5)], "coverage": EVERY,
        "leaks": Leaks("clean", {}), "floors": [], "tokens": Tokens(0, 0), "seconds": {},
        "environment": Environment({}, None, "cpu", "", "", {}), "headline": ["hr@5"], "counts": {},
        "notes": [],
    }  # fmt: skip
    return Metrics(**(neutral | given))  # type: ignore[arg-type]


def floor(model: str, value: float, *margins: Margin) -> Floor:
    return Floor(model, [hit(value)], EVERY, list(margins))
