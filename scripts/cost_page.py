"""Write the page on what the paper's table costs: `scripts/cost_page.py > docs/cost.md`.

Tokens are measured on the real rows; hours are arithmetic on a stated device, for no GPU is asked.
"""

import argparse
import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

import bench
from inference_jobs import opened

from llmrec.commands.composing import composed
from llmrec.decoding.base import Writing
from llmrec.lessons import prepare
from llmrec.pipeline import writer
from llmrec.plan import Plan, plan
from llmrec.progress import Silent
from llmrec.rows import draw
from llmrec.split.ledger import Role

# The task and the data whose prompts are measured: Beauty's file at hand has no texts.
TASKS = {
    "rating": "beauty",
    "sequential": "beauty",
    "direct": "beauty",
    "explanation": "musical_instruments",
    "summarization": "musical_instruments",
}
# Billions of weights, by the models' own cards.
MODELS = {"chatglm (GLM-4)": 9.4, "chatglm2": 6.2, "llama (Llama 3)": 8.0, "alpaca": 6.7}
TUNINGS = 2  # LoRA and P-tuning v2
GPUS = (1, 8, 64)
HEAD = """# What the paper's table costs

The language models of `experiment=paper`: {models} of them, five tasks, off the shelf, by LoRA and by
P-tuning v2, all rows of Beauty, {epochs} epochs. Tokens are **measured**: prompts and pairs of {sample} rows
a task by SmolLM2's tokenizer (others differ by some tenths), answers at the longest that the task allows.
Hours are **arithmetic, not measured**: a GPU of {flops:,.0f} TFLOP/s in bfloat16 used at {share:.0%}, and
{bandwidth:,.2f} TB/s of memory; 2 FLOP a weight and token of a prompt, {learning:g} of a pair's; {batch}
answers at once read all weights a token. No beginning shared by prompts is taken off. Written by
`scripts/cost_page.py` on {date} at commit {commit}.

`llmrec run experiment=paper` tells its own estimate before it starts, by the speeds of your earlier runs.
"""


class Task(NamedTuple):
    """Rows and tokens a row: of prompts off the shelf and fine-tuned, of answers; pairs and tokens a pair."""

    name: str
    dataset: str
    rows: int
    prompt: float
    tuned_prompt: float
    answer: int
    pairs: int
    pair: float


def main() -> None:
    args = arguments()
    tasks = list(measured(args.sample))
    told = bench.about(())
    print(
        HEAD.format(
            **{"models": len(MODELS), "sample": args.sample, "flops": args.tflops, "share": args.share},
            **{"bandwidth": args.bandwidth, "learning": args.learning, "batch": args.batch},
            epochs=EPOCHS,
            **{"date": told["date"][:10], "commit": told["commit"]},
        )
    )
    print("## Tokens\n")
    print(lines(TOKENS, map(amounts, tasks)))
    print(f"The two tasks of texts: lengths of {TASKS['explanation']}, as many rows as Beauty has ratings.\n")
    cells = {
        (name, task.name, how): cell(args, weights, task, how) for name, weights, task, how in each(tasks)
    }
    print("## Hours on one GPU\n")
    print(lines(HOURS, rows_of(cells)))
    print("## On several\n")
    print(lines(SPREAD, (spread(list(cells.values()), count) for count in GPUS)))
    print(SPREAD_NOTE)
    print("## By a served model\n")
    print(served(tasks))


TOKENS = ("task", "rows", "prompt", "prompt, fine-tuned", "answer, at most", "pairs", "a pair")
HOURS = ("model", "off the shelf", "fine-tuned: learning", "fine-tuned: answering", "all")
SPREAD = ("GPUs", "a run a GPU, hours", "rows over all GPUs, hours", "GPU hours")
SPREAD_NOTE = """*A run a GPU*: `hydra/launcher=submitit_slurm` or `ray_cluster`; the longest run bounds it.
*Rows over all GPUs*: `accelerate launch`, where every run is split; loading, and what GPUs tell each other
in learning, is not counted. See [engines.md](engines.md).
"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=300, help="rows a task that are tokenised")
    parser.add_argument("--tflops", type=float, default=989, help="an H100's dense peak in bfloat16")
    parser.add_argument("--share", type=float, default=0.4, help="of the peak that is reached")
    parser.add_argument("--bandwidth", type=float, default=3.35, help="TB/s")
    parser.add_argument("--batch", type=int, default=64, help="answers written at a time")
    parser.add_argument("--learning", type=float, default=4, help="FLOP a weight and token; weights stay")
    return parser.parse_args()


def measured(sample: int) -> Iterator[Task]:
    """Yield the tasks with their rows and tokens."""
    session: Any = None
    rated: Task | None = None
    for name, dataset in TASKS.items():
        words = [f"task={name}", f"dataset={dataset}", f"data_dir={bench.data()}", "model=smollm2"]
        plain = plan(composed([*words, f"limit={sample}"]))
        tuned = plan(composed([*words, f"limit={sample}", "finetune=lora", f"training_limit={sample}"]))
        session = session or opened(plain)
        drawn = draw(plain, Silent())
        lessons = prepare(tuned, draw(tuned, Silent()), Silent())
        pairs = [[*pair.prompt.messages] for pair in lessons.train]
        answers = session.renderer.encode_answers([pair.target for pair in lessons.train])
        assert isinstance(plain.decoding, Writing)
        task = Task(
            name,
            dataset,
            drawn.total,
            prompts(session, plain),
            prompts(session, tuned),
            plain.decoding.max_new_tokens,
            len(tuned.task.rows(drawn.ledger, Role.TRAIN)),
            mean(map(len, session.renderer.encode(pairs))) + mean(map(len, answers)),
        )
        rated = rated or task
        of_beauty = dataset == rated.dataset
        yield task if of_beauty else task._replace(rows=rated.rows, pairs=rated.pairs)


def prompts(session: Any, made: Plan) -> float:
    """Return the mean tokens of a run's prompts."""
    rows = draw(made, Silent())
    write = writer(made, rows).write
    asked = [write(example.question).messages for example in rows.examples]
    return mean(map(len, session.renderer.encode(asked)))


def mean(lengths: Iterable[int]) -> float:
    found = list(lengths)
    return sum(found) / len(found)


def each(tasks: Sequence[Task]) -> Iterator[tuple[str, float, Task, str]]:
    """Yield the runs: model, its weights, task, and how it is made to answer."""
    for (name, weights), task in product(MODELS.items(), tasks):
        yield name, weights, task, "off the shelf"
        for number in range(TUNINGS):
            yield name, weights, task, f"fine-tuned {number}"


def cell(args: argparse.Namespace, billions: float, task: Task, how: str) -> tuple[float, float]:
    """Return the hours on one GPU that a run learns and answers for."""
    is_tuned, weights, speed = how != "off the shelf", billions * 1e9, args.tflops * 1e12 * args.share
    prompt = task.tuned_prompt if is_tuned else task.prompt
    reading = 2 * weights * prompt * task.rows / speed
    step = 2 * weights / (args.bandwidth * 1e12)  # two bytes a weight
    writing = task.rows * task.answer * max(step / args.batch, 2 * weights / speed)
    learning = args.learning * weights * task.pair * task.pairs * EPOCHS / speed if is_tuned else 0.0
    return learning / 3600, (reading + writing) / 3600


EPOCHS = 3  # of conf/finetune


def amounts(task: Task) -> list[str]:
    tokens = [f"{task.prompt:.0f}", f"{task.tuned_prompt:.0f}", str(task.answer)]
    return [task.name, f"{task.rows:,}", *tokens, f"{task.pairs:,}", f"{task.pair:.0f}"]


def rows_of(cells: dict[tuple[str, str, str], tuple[float, float]]) -> Iterator[list[str]]:
    for name in [*MODELS, "all"]:
        mine = {key: hours for key, hours in cells.items() if name in (key[0], "all")}
        plain = sum(hours[1] for key, hours in mine.items() if key[2] == "off the shelf")
        learning = sum(hours[0] for hours in mine.values())
        answering = sum(hours[1] for key, hours in mine.items() if key[2] != "off the shelf")
        figures = (plain, learning, answering, plain + learning + answering)
        yield [name, *(f"{figure:,.1f}" for figure in figures)]


def spread(cells: Sequence[tuple[float, float]], count: int) -> list[str]:
    """Return the hours on several GPUs: the longest runs first, each to the GPU that is free first."""
    free = [0.0] * count
    for hours in sorted(map(sum, cells), reverse=True):
        heapq.heappush(free, heapq.heappop(free) + hours)
    total = sum(map(sum, cells))
    return [str(count), f"{max(free):,.1f}", f"{total / count:,.1f}", f"{total:,.1f}"]


def served(tasks: Sequence[Task]) -> str:
    """Return what a served model's tokens cost off the shelf, by the prices in conf/model/chatgpt.yaml."""
    made = plan(composed(["model=chatgpt", "task=rating"]))
    price: Any = made.model.price  # type: ignore[attr-defined]
    prompt = sum(task.rows * task.prompt for task in tasks)
    answer = sum(task.rows * task.answer for task in tasks)
    cost = (price.prompt * prompt + price.completion * answer) / 1e6
    return (
        f"`model=chatgpt`, off the shelf, five tasks: {prompt / 1e6:,.1f} million tokens of prompts and at "
        f"most {answer / 1e6:,.1f} million of answers, {cost:,.2f} dollars by the prices in "
        "`conf/model/chatgpt.yaml`, half of that by its Batch API."
    )


def lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = [":--", *("--:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows)) + "\n"


if __name__ == "__main__":
    main()
