"""Folders of finished runs for reports: real ones on invented data, and large ones made from them."""

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from llmrec.artifacts import (
    COMPLETIONS,
    CONFIG,
    EXAMPLES,
    METRICS,
    PREDICTIONS,
    PROMPTS,
    RunDir,
    from_lines,
    pretty,
    read_metrics,
    to_lines,
)
from llmrec.commands.composing import composed
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Completion, Example, Message, Module, Part, Prediction, Prompt, Ranking
from llmrec.results import Coverage
from llmrec.seeded import hash64

HOSTILE = [
    "<script>window.hacked = 1</script>",
    "</script><img src=x onerror='window.hacked = 2'>",
    "5 <b onmouseover=alert(1)>stars</b> &amp; <!-- ]]> -->",
    "\u202eright to left\u202c and \u0000\u0007\u001b[31m control \u2028\u2029",
    "long " * 10_000,
    "{{ 7 * 7 }} ${alert(1)} javascript:alert(1)",
    "4",
    "",
]


def finished(to: Path, name: str, line: str) -> Path:
    """Run a line of choices on the invented data and return its folder."""
    words = ["dataset=demo", "resamples=100", f"cache_dir={to}/cache", *line.split()]
    run(plan(composed(words)), RunDir(to / name), Silent())
    return to / name


def answering(to: Path, name: str, line: str, texts: Sequence[str]) -> Path:
    """Run a line of choices whose model answers with the texts in turn, asked once a row."""
    asked = finished(to, f"{name}-asked", f"{line} model=random")
    rows = from_lines(asked / EXAMPLES, Example)
    recorded = to / f"{name}.jsonl"
    recorded.write_bytes(
        to_lines(
            Completion(row.id, 0, (texts[at % len(texts)],), None, "stop", 10 + at, 2)
            for at, row in enumerate(rows)
        )
    )
    return finished(to, name, f"{line} model=replay model.path={recorded} max_reasks=0")


def enlarged(to: Path, name: str, like: Path, rows: int, words: int) -> Path:
    """Return a run of so many rows with 100 candidates, made from a run of the direct task: prompts of so
    many words, of which a third are of this run alone; every seventh answer unread, the others by chance."""
    [first, *_] = from_lines(like / EXAMPLES, Example)
    candidates = tuple(f"B{item:09d}" for item in range(100))
    examples, prompts, completions, predictions = [], [], [], []
    for row in range(rows):
        id, right = f"{hash64('row', row):016x}", candidates[hash64("right", row) % 100]
        question = replace(first.question, id=id, user=f"U{row % 500}", candidates=candidates)
        examples.append(replace(first, question=question, reference=Ranking((right,))))
        parts = (
            Part(Module.TASK, f"{name}: which of these will the user buy? " + "please " * (words // 3)),
            Part(Module.INPUT, f"{row}: " + "title " * (words // 3)),
            Part(Module.BEHAVIOR, f"{row} in {name}: " + "earlier " * (words // 3)),
        )
        prompts.append(Prompt(id, 0, (Message("user", parts),), 0, ()))
        text = f"{name} says {row}: " + "words " * (words // 6)
        completions.append(Completion(id, 0, (text,), None, "stop", words, words // 6))
        chance = hash64("answer", name, row)
        failure = ("no_match", "empty", "ambiguous")[chance % 3] if row % 7 == 0 else None
        chosen = Ranking(tuple(candidates[(chance + at * 7) % 100] for at in range(10)))
        predictions.append(Prediction(id, None if failure else chosen, failure, (), 1))
    valid = sum(one.failure is None for one in predictions)
    covered = Coverage(valid, rows, {"no_match": rows - valid}, {}, 0)
    metrics = replace(read_metrics(like / METRICS), model=name, rows="large", n=rows, coverage=covered)
    folder = to / name.replace("/", "-")
    run_dir = RunDir(folder)
    records = {EXAMPLES: examples, PROMPTS: prompts, COMPLETIONS: completions, PREDICTIONS: predictions}
    for file, lines in records.items():
        run_dir.write(file, to_lines(lines))
    run_dir.write(CONFIG, (like / CONFIG).read_bytes())
    run_dir.write(METRICS, pretty(metrics))
    return folder
