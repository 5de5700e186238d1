"""Runs of ratings against the tests' own servers."""

from llmrec.artifacts import RunDir
from llmrec.commands.composing import composed
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent

KEY = "sk-a-key-that-nobody-may-see"
ROWS = 24


def asked(address, to, *more, name="run"):
    """Run rating against an address, and return the metrics."""
    addresses = address if isinstance(address, str) else f"[{','.join(address)}]"
    made = plan(
        composed(
            [
                "dataset=demo",
                "task=rating",
                "model=chatgpt",
                f"model.base_url={addresses}",
                f"limit={ROWS}",
                "resamples=20",
                "model.in_flight=8",
                "model.timeout=0.5",
                "max_reasks=0",
                f"cache_dir={to}/cache",
                *more,
            ]
        )
    )
    return run(made, RunDir(to / name), Silent())
