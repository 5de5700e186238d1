"""Finished runs of texts to be rated: cheap models on invented data, and texts that nobody should trust."""

from collections.abc import Sequence
from pathlib import Path

from llmrec.artifacts import PREDICTIONS, PROMPTS, RunDir, from_lines, to_lines
from llmrec.commands.composing import composed
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Message, Module, Part, Prediction, Prompt, Text

LINES = {
    "often": "task=explanation model=frequent_text limit=24",
    "chance": "task=explanation model=random limit=20",
    "reviews": "task=summarization model=lead_words limit=12",
    "headlines": "task=summarization model=frequent_text limit=12",
    "stars": "task=rating model=train_mean limit=12",
}
HOSTILE = (
    "<script>window.hacked = 1; alert(1)</script>",
    "</script><script>window.hacked = 2</script><img src=x onerror='window.hacked = 3'>",
    '"><svg onload="window.hacked = 4"><a href="javascript:window.hacked=5">press</a>',
    "{{ 7 * 7 }} {% raw %} &lt;b&gt; ${window.hacked = 6} `` \\u003cscript\\u003e <!-- <script>",
    "\u202eright to left, never ended \u2066 and \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "nul \x00 bell \x07 escape \x1b[31m delete \x7f line \u2028 paragraph \u2029 end",
    "long " * 10_000,
    "unbroken" * 1_000,
    "",
    "z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319 " * 30 + "\U0001f469\u200d\U0001f680",
)


def finished(to: Path, names: Sequence[str] = tuple(LINES)) -> Path:
    """Make the runs in folders of their names."""
    for name in names:
        words = ["dataset=demo", "resamples=200", f"cache_dir={to}/cache", *LINES[name].split()]
        run(plan(composed(words)), RunDir(to / name), Silent())
    return to


def rewritten(folder: Path, texts: Sequence[str]) -> None:
    """Let the run of a folder have answered these texts in turn, as no parser would let it."""
    made = from_lines(folder / PREDICTIONS, Prediction)
    told = [
        Prediction(one.example_id, Text(texts[at % len(texts)]), None, (), 1) for at, one in enumerate(made)
    ]
    (folder / PREDICTIONS).write_bytes(to_lines(told))


def prompted(folder: Path, given: str) -> None:
    """Let the run of a folder have been asked in words, as a language model is, with `given` as its input."""
    made = from_lines(folder / PROMPTS, Prompt)
    parts = (
        Part(Module.TASK, "The user gave the product below 4 of 5 stars. Explain why."),
        Part(Module.INPUT, given),
        Part(Module.BEHAVIOR, "What the user bought before, with ratings:\n1. A brush (5 stars)"),
        Part(Module.FORMAT, "Reply with one sentence and nothing else."),
    )
    told = [Prompt(one.example_id, 0, (Message("user", parts),), 0, ()) for one in made]
    (folder / PROMPTS).write_bytes(to_lines(told))
