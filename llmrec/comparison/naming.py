"""What runs are called beside each other."""

from collections.abc import Sequence

from llmrec.finished import Finished
from llmrec.results import Metrics, way


def names(runs: Sequence[Finished]) -> list[str]:
    """Return a name for each run, made of what tells it from the others; its folder where nothing does."""
    parts = [named(run.metrics) for run in runs]
    differs = [len(set(column)) > 1 for column in zip(*parts, strict=True)]
    told = [
        ", ".join(word for word, apart in zip(part, [True, *differs[1:]], strict=True) if apart and word)
        for part in parts
    ]
    return [
        name if told.count(name) == 1 else f"{name} ({run.folder.name})"
        for name, run in zip(told, runs, strict=True)
    ]


def named(run: Metrics) -> tuple[str, str, str, str]:
    learned = f" + {run.finetune.method}" if run.finetune else ""
    return f"{run.model}{learned}", run.prompt, way(run), f"seed {run.seed}"
