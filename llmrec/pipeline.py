"""One run, a straight line: raw files -> rows -> prompts -> completions -> predictions -> metrics."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple

from msgspec.structs import replace

from llmrec import artifacts, leak
from llmrec.artifacts import RunDir, pretty, to_lines
from llmrec.config import to_yaml
from llmrec.opening import Opening
from llmrec.plan import PATHS, OnLeak, Plan
from llmrec.processes import ALONE, Processes
from llmrec.progress import Progress
from llmrec.prompt.variant import Writer
from llmrec.records import Completion, Prediction, Prompt, Ranking, Request
from llmrec.refine import Asking
from llmrec.results import Leaks, Metrics
from llmrec.rows import Rows, draw
from llmrec.scoring import sum_up, unworded

log = logging.getLogger(__name__)


def run(plan: Plan, run_dir: RunDir, progress: Progress, asks: bool = True) -> Metrics:
    """Do the whole job in `run_dir`, or what is left of it, and return the metrics.

    Raises LlmrecError; what was completed before stays in the folder. Without `asks` no
    model is opened: what the folder holds is parsed and scored again.

    Of several processes all answer, where the model spreads, and the first alone scores: raises
    DelegatedError in the others.
    """
    processes = Processes.of_run(plan.model.spreads and asks)
    seconds = run_dir.seconds()
    run_dir.settle(artifacts.CONFIG, to_yaml(plan.stored), but=PATHS)
    with timed(seconds, "rows"), processes.first_before_the_rest():
        rows = draw(plan, progress)
    log.info("%s of %s rows", f"{len(rows.examples):,}", f"{rows.total:,}")
    with timed(seconds, "prompts"):
        prompts = word(plan, rows, progress)
        leaks = look_for_leaks(plan, rows, prompts, progress)
    run_dir.settle(artifacts.EXAMPLES, to_lines(rows.examples))
    run_dir.settle(artifacts.PROMPTS, to_lines(prompts))
    spent = seconds if asks else None
    predictions, completions = ask(plan, rows, prompts, run_dir, progress, spent, processes)
    run_dir.write(artifacts.PREDICTIONS, to_lines(predictions))
    run_dir.write(artifacts.ITEMS, pretty(titles(rows, predictions)))
    with timed(seconds, "scores"):
        metrics = sum_up(plan, rows, prompts, predictions, completions, progress)
    metrics = replace(
        metrics,
        leaks=leaks,
        environment=run_dir.environment(),
        finetune=run_dir.tuning(),
        fit=run_dir.fit(),
        seconds=seconds,
    )
    run_dir.write(artifacts.METRICS, pretty(metrics))
    return metrics


def writer(plan: Plan, rows: Rows) -> Writer:
    """Return what words this run's questions."""
    return plan.variant.open(plan.wording, rows.names, rows.pool, plan.settings.seed)


def word(plan: Plan, rows: Rows, progress: Progress) -> list[Prompt]:
    """Word every question; a recommender that reads no prompts gets empty ones."""
    if not plan.model.reads_prompts:
        return [unworded(example) for example in rows.examples]
    write = writer(plan, rows).write
    prompts = []
    with progress.bar("wording prompts", len(rows.examples), "rows") as advance:
        for example in rows.examples:
            prompts.append(write(example.question))
            advance(1)
    return prompts


def look_for_leaks(plan: Plan, rows: Rows, prompts: list[Prompt], progress: Progress) -> Leaks:
    """Run every check. Raises LeakError when one finds something and the run is to stop."""
    pool = {example.id: example for example in rows.pool}
    wording = "\n".join(map(str, (*astuple(plan.wording), *astuple(plan.variant))))
    with progress.bar("looking for leaks", None, "rows"):
        shown = rows.names.items
        found = leak.check(rows.examples, prompts, shown, pool, rows.training.interactions, wording)
        found |= leak.check_names(rows.examples, shown, rows.ledger.sequences())
    return leak.verdict(found, stop=plan.settings.on_leak is OnLeak.stop)


def ask(
    plan: Plan,
    rows: Rows,
    prompts: list[Prompt],
    run_dir: RunDir,
    progress: Progress,
    seconds: dict[str, float] | None,
    processes: Processes = ALONE,
) -> tuple[list[Prediction], list[Completion]]:
    """Ask the model, opened only if something is left to ask, and note the seconds; None asks nothing."""
    choices = plan.decoding.chooser(rows.names.items)
    requests = [
        Request(example.question, prompt, choices(example.question))
        for example, prompt in zip(rows.examples, prompts, strict=True)
    ]
    opening = Opening(plan, rows, run_dir, progress, processes)
    asking = Asking(
        session=opening if seconds is not None else None,
        decoding=plan.decoding,
        reader=plan.parser.bind(rows.names.items),
        reasons=plan.variant.reasoning_tokens > 0,
        max_reasks=plan.settings.max_reasks,
        progress=progress,
    )
    spent: dict[str, float] = {}
    with timed(spent, "inference"):
        if processes.size > 1:
            with processes.all_before_the_first():
                opening()  # in all of them: loading and learning want every process
                asking.predict(processes.share(requests), run_dir)
        run_dir.gather()
        predictions, completions = asking.predict(requests, run_dir)
        if seconds is not None:
            opening.tell()
    if seconds is not None and opening.seconds is not None:
        seconds |= {"model": opening.seconds, "inference": round(spent["inference"] - opening.seconds, 3)}
    if seconds is not None:
        opening.ask_alone(requests, completions)
    return [prediction.unscored() for prediction in predictions], completions


def titles(rows: Rows, predictions: Sequence[Prediction]) -> dict[str, str]:
    """Return the titles that the data have, whatever prompts call them, by id of the items that rows and
    answers name; those without one left out."""
    answers = [prediction.answer for prediction in predictions]
    answers += [example.reference for example in rows.examples]
    named = {item for answer in answers if isinstance(answer, Ranking) for item in answer.items}
    for example in rows.examples:
        named |= {example.target.item, *example.question.candidates}
        named.update(event.item for event in example.question.history)
    known = rows.corpus.items
    return {id: known[id].title for id in sorted(named & known.keys()) if known[id].title}


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Note how long a stage took, in wall-clock seconds, and log its end."""
    start = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - start, 3)
    log.info("%s: %.1f s", stage, seconds[stage])
