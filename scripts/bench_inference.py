"""Times inference beside its peers: the same prompts of Beauty, the same weights, a process for every job."""

import argparse
import sys
import tempfile
from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple

import bench
from rich.console import Console

JOBS = str(Path(__file__).with_name("inference_jobs.py"))
LLMREC, LM_EVAL, VLLM = "llmrec", "lm-evaluation-harness hf", "vLLM with prefix caching"
ONE_BY_ONE, BATCHED, ALLOWED = "generate, one by one", "generate, batched", "generate, allowed tokens"
DOES = {
    LLMREC: "a run's own session, from messages to answers",
    ONE_BY_ONE: "transformers' generate, a prompt at a time, as the paper's authors do",
    BATCHED: "transformers' generate, all prompts padded to one batch",
    ALLOWED: "transformers' beam search with prefix_allowed_tokens_fn over a trie of dicts",
    LM_EVAL: "HFLM's generate_until and loglikelihood, batch 8 and 16; 64 on a GPU",
    VLLM: "LLM.generate in the same process, on the same token ids",
}
# What each kind of work is held against: the peer, the environment that it needs, what it should come to.
PEERS = {
    "text": [(ONE_BY_ONE, "", None), (BATCHED, "", None), (LM_EVAL, "lmeval", 2.0), (VLLM, "vllm", 1.0)],
    "few texts": [(ONE_BY_ONE, "", None), (BATCHED, "", None), (LM_EVAL, "lmeval", 2.0)],
    "more texts": [(BATCHED, "", None), (LM_EVAL, "lmeval", 2.0)],
    "few": [(LM_EVAL, "lmeval", 5.0)],
    "many": [(LM_EVAL, "lmeval", 15.0)],
    "search": [(ALLOWED, "", 1.4)],
}
GREEDY = ["decoding=greedy", "decoding.lines=null"]
RANKED = ["task=direct", "decoding=candidates", "task.wording.input=''"]
WORKS = {
    "rating, 8 prompts": ("text", ["task=rating", "limit=8", *GREEDY]),
    "rating, 64 prompts": ("text", ["task=rating", "limit=64", *GREEDY]),
    "rating, 16 prompts of few_shot": ("few texts", ["task=rating", "limit=16", "prompt=few_shot", *GREEDY]),
    "lists, 16 prompts": ("few texts", ["task=sequential", "limit=16", "task.answer_tokens=32", *GREEDY]),
    "20 candidates, 8 prompts of 100 tokens": (
        "few",
        [*RANKED, "limit=8", "task.num_negatives=19", "prompt.history_tokens=20"],
    ),
    "100 candidates, a prompt of 700 tokens": ("many", [*RANKED, "limit=1", "prompt=few_shot"]),
    "top 10 of 12,101 titles, 4 prompts": ("search", ["task=sequential", "limit=4", "decoding=catalogue"]),
}
# A GPU wants more at a time.
ON_GPU = {
    "rating, 32 prompts": ("few texts", ["task=rating", "limit=32", *GREEDY]),
    "rating, 512 prompts": ("more texts", ["task=rating", "limit=512", *GREEDY]),
    "few_shot, 256 prompts": ("more texts", ["task=rating", "limit=256", "prompt=few_shot", *GREEDY]),
    "lists, 256 prompts": ("more texts", ["task=sequential", "limit=256", "task.answer_tokens=32", *GREEDY]),
    "100 candidates, 64 prompts": ("many", [*RANKED, "limit=64", "prompt=few_shot"]),
    "top 10 of 12,101 titles, 32 prompts": ("search", ["task=sequential", "limit=32", "decoding=catalogue"]),
}


class Work(NamedTuple):
    """Prompts and how they are answered: `overrides` for llmrec, `file` with token ids for the peers. `bound`
    is what no way to do it falls below: tokens that must be read, weights, GFLOP a second."""

    name: str
    kind: str
    overrides: list[str]
    file: Path
    bound: dict[str, float]


def main() -> None:
    args = arguments()
    found = {"bounds": {}, "profiles": {}} | bench.begun(args.out, ("torch", "transformers"), args.rounds)
    threads, clock = (1, "cpu") if args.threads == "one" and args.device == "cpu" else (None, "wall")
    with tempfile.TemporaryDirectory() as folder:
        for work in prepared(Path(folder), args, {row["work"] for row in found["rows"]}):
            made = list(jobs(work, args))
            rows = bench.in_turn(made, args.rounds, threads)
            agree(rows)
            Console(width=200).print(bench.table(rows, clock, ("prompt tokens", "GPU MB", "same as llmrec")))
            found["rows"] += bench.told(rows)
            found["bounds"][work.name] = work.bound
            found["profiles"] |= bench.profiles(made, threads)
            bench.write(args.out, found)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", choices=["one", "all"], default="one")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--dtypes", default=",".join(dtypes()), help="bfloat16 too where it has units")
    parser.add_argument("--only", default="", help="works whose name begins so")
    parser.add_argument("--peers", type=Path, help="the folder given to scripts/setup_peers")
    parser.add_argument("--out", type=Path, default=bench.ROOT / "docs/performance/inference.json")
    return parser.parse_args()


def dtypes() -> list[str]:
    """Return the number formats that the processor has units for: without them a ratio says nothing."""
    has_bf16 = {"avx512_bf16", "amx_bf16"} & set(bench.machine()["flags"])
    return ["float32", "bfloat16"] if has_bf16 else ["float32"]


def prepared(folder: Path, args: argparse.Namespace, done: Container[str]) -> Iterator[Work]:
    """Have llmrec word and tokenise the prompts of what is not done yet, once for all jobs."""
    works = ON_GPU if args.device == "cuda" else WORKS
    for number, (name, (kind, overrides)) in enumerate(works.items()):
        if name.startswith(args.only):
            for dtype in args.dtypes.split(","):
                if f"{name}, {dtype}" in done:
                    continue
                words = ["dataset=beauty", f"data_dir={bench.data()}", *overrides]
                words += [f"model.dtype={dtype}", f"model.device={args.device}"]
                work = Work(f"{name}, {dtype}", kind, words, folder / f"{number}-{dtype}", {})
                job = bench.Job(work=name, name="prepare", does="", command=command("prepare", work))
                yield work._replace(bound=bench.run(job, 1).printed)


def command(job: str, work: Work, python: str = sys.executable) -> list[str]:
    return [python, JOBS, job, str(work.file), *(work.overrides if job in ("prepare", LLMREC) else [])]


def jobs(work: Work, args: argparse.Namespace) -> Iterator[bench.Job]:
    """Return llmrec's job and those of the peers whose environments are there."""
    yield bench.Job(work=work.name, name=LLMREC, does=DOES[LLMREC], command=command(LLMREC, work))
    for peer, needs, target in PEERS[work.kind]:
        python = str(args.peers / needs / "bin/python") if needs and args.peers else sys.executable
        if needs and not (args.peers and Path(python).is_file()):
            print(f"{work.name}: {peer} is left out: no environment by scripts/setup_peers", file=sys.stderr)
            continue
        yield bench.Job(
            work=work.name, name=peer, does=DOES[peer], command=command(peer, work, python), target=target
        )


def agree(rows: list[bench.Row]) -> None:
    """Note in each sample how many answers are those that llmrec gave in the same round."""
    for row in rows:
        ours = next(one for one in rows if one.job.work == row.job.work)
        for sample, own in zip(row.samples, ours.samples, strict=True):
            pairs = list(zip(sample.printed["answers"], own.printed["answers"], strict=True))
            sample.printed["same as llmrec"] = f"{sum(one == other for one, other in pairs)} of {len(pairs)}"
    for row in rows:
        for sample in row.samples:
            del sample.printed["answers"]


if __name__ == "__main__":
    main()
