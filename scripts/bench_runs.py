"""What `scripts/bench_runs` runs: whole runs of llmrec, each in a process of its own."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import bench

ASKED = ["dataset=beauty", "task=rating", "model=smollm2", f"data_dir={bench.data()}"]
SWEPT = ["prompt=zero_shot,no_task_description,no_behavior,no_format", "prompt.history_tokens=50,100,200"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", default="100,1000,10000")
    parser.add_argument("--sweep-rows", type=int, default=100)
    parser.add_argument("--only", choices=["started", "swept", "grown"], help="what else was found is kept")
    parser.add_argument("--out", type=Path, default=bench.ROOT / "docs/performance/runs.json")
    args = parser.parse_args()
    counts = [int(count) for count in args.rows.split(",")]
    found = bench.begun(args.out, ("llmrec", "torch", "transformers"), 1)
    with tempfile.TemporaryDirectory() as folder:
        parts = {
            "started": started,
            "swept": lambda: [swept(args.sweep_rows, Path(folder) / "sweep")],
            "grown": lambda: grown(counts, Path(folder)),
        }
        for name, part in parts.items():
            if args.only in (None, name):
                about = {key: bench.about(())[key] for key in ("date", "commit")}
                rows = [{"part": name} | about | row for row in part()]
                print(*map(json.dumps, rows), sep="\n", flush=True)
                found["rows"] = [row for row in found["rows"] if row["part"] != name] + rows
                bench.write(args.out, found)


def grown(counts: Sequence[int], folder: Path) -> list[dict[str, Any]]:
    """Time runs of more and more rows by the digits' likelihoods: what grows with a row is asking it."""
    samples = [
        one(["run", *ASKED, "decoding=digits", f"limit={count}", f"hydra.run.dir={folder}/{count}"])
        for count in counts
    ]
    spent = [sample.cpu for sample in samples]
    rows = []
    for (fewer, more), (short, long), peaks in zip(
        pairwise(counts), pairwise(spent), pairwise(sample.peak for sample in samples), strict=True
    ):
        times, target = more / fewer, 1.05 * more / fewer
        rows.append(
            {
                "what": f"{times:g} times the rows",
                "on": f"rating by decoding=digits, {fewer:,} and {more:,} rows",
                "found": f"{short:.1f} and {long:.1f} s CPU: {long / short:.2f} times; "
                f"peak {peaks[0]:,.0f} and {peaks[1]:,.0f} MB",
                "target": f"<= {target:g} times",
                "holds": long / short <= target,
            }
        )
    return rows


def swept(count: int, folder: Path) -> dict[str, Any]:
    """Time a sweep of twelve prompts, and hold the wall clock of the command against its inference."""
    sample = one(["run", "-m", *ASKED, *SWEPT, f"limit={count}", f"hydra.sweep.dir={folder}"])
    cells = [json.loads(path.read_text())["seconds"] for path in folder.rglob("metrics.json")]
    inference = sum(seconds["inference"] for seconds in cells)
    models, corpora = (sum(seconds[what] > 0.5 for seconds in cells) for what in ("model", "rows"))
    times = sample.wall / inference
    return {
        "what": f"a sweep of {len(cells)} prompts, from start to tables",
        "on": f"rating, {count} rows each",
        "found": f"{sample.wall:.1f} s for {inference:.1f} s of inference: {times:.3f} times; "
        f"models loaded: {models}, corpora: {corpora}",
        "target": "<= 1.1 times",
        "holds": times <= 1.1 and len(cells) == 12,
    }


def started() -> list[dict[str, Any]]:
    """Time what is asked before anything else."""
    rows = []
    for words in (["--help"], ["list"]):
        spent = sorted(one(words).cpu for _ in range(5))[2]
        told = {"what": f"llmrec {words[0]}", "on": "median of 5", "found": f"{spent:.3f} s CPU"}
        rows.append(told | {"target": "<= 0.35 s CPU", "holds": spent <= 0.35})
    return rows


def one(words: Sequence[str]) -> bench.Sample:
    command = [sys.executable, "-m", "llmrec", *words]
    env = {"PYTHONPATH": str(bench.ROOT), "HF_HUB_OFFLINE": "1"}
    return bench.run(bench.Job(work="run", name=words[0], does="", command=command, env=env), 1)


if __name__ == "__main__":
    main()
