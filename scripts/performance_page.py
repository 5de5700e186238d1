"""Write the page on speed from what the benches left: `scripts/performance_page.py > docs/performance.md`.

Every figure is one of theirs; only what was tried where a target is missed is told in words.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

import bench

Found = Mapping[str, Any]

FOLDER = bench.ROOT / "docs/performance"
HEAD = """# How fast it is

Each bench runs llmrec and its peers in turn, a process for every job, on the same token ids, weights and
number format, and times the work without imports and loading. *Ratio* is the peer's cost by llmrec's: the
median over the rounds of the ratio in a round, by CPU seconds on one thread, by wall clock on all. *Peak*
is the whole process's. The model is SmolLM2-135M-Instruct, the data are Amazon's.
[inference.md](inference.md) tells how answers are computed. Written by `scripts/performance_page.py` from
the benches' JSON.
"""
# The benches, their files, and what a table shows of what a job printed.
BENCHES = (
    ("Inference", "bench_inference", ("inference", "inference_all"), ("prompt tokens", "same as llmrec")),
    ("Fine-tuning", "bench_training", ("training", "training_all"), ("tokens", "mean")),
    ("Reading and ranks", "bench_data", ("data",), ("n",)),
)
# What was tried where a target is missed, by the peer that it is held against.
TRIED = {
    "vLLM with prefix caching": """
The time of a few short answers goes into decoding steps of a few rows, and most of a step into products of
few rows by all weights, bound by memory. torch's bfloat16 product packs the weights anew each time, at
about a fifth of the bandwidth (.27 ms for 1.8 MB, for one row as for sixteen); vLLM keeps them packed.
Tried: weights packed once by torch's private oneDNN functions (44 ms a step of eight rows for 55; dropped:
private, and twice the memory); transposed weights, and eager attention (slower); guessing tokens that stand
in the prompt (1.3 times faster on lists in bfloat16, slower on many short answers; dropped); fewer passes
to try a model (kept).""",
    "lm-evaluation-harness hf": """
What is saved is reading; writing costs both the same. Few prompts that share little leave little to save.
Tried: see vLLM.""",
    "Trainer, grouped by length": """
Packing saves padding and the logits of prompts. Pairs of nearly one length have little padding, and a
step's products and gradients are the same for both. Tried: longer rows (attention within pairs then costs
what they save); logits at the targets alone, by a hook before the head (kept).""",
    "pandas": """
llmrec makes a checked record of every line for the stages after it, cleans its texts, and keeps the corpus
with a digest; pandas makes columns and keeps nothing. Of 2.7 s with texts, on a quiet core, unpacking takes
.3, decoding .3, cleaning 1.0 (most of it seeing that a text holds nothing to clean), the records themselves
.2, duplicates and k-core .3, and keeping .5. The first two alone are an eighth of pandas's time; the target
was set for them. Without texts pandas has nearly nothing to do. Tried: ISA-L in place of zlib, typed
decoding, lines a chunk at a time, ids counted as numbers, blanks folded by replacing (all kept).""",
    "datasets": """
See pandas: Arrow's reader makes columns. A corpus is read from its raw file once, then from its cache,
which takes a little more than the .2 s that were wanted: .15 make 198,502 records, .03 check the digest.""",
}


def main() -> None:
    blocks, missed = [HEAD], list[tuple[Found, Found]]()
    for title, script, names, columns in BENCHES:
        if any(map(there, names)):
            blocks.append(f"## {title}\n")
        for found in map(read, filter(there, names)):
            blocks += [
                about(script, found, f"{found['rounds']} rounds in turn"),
                table(found["rows"], columns),
            ]
            missed += [(found, row) for row in found["rows"] if verdict(row) == "missed"]
    if there("runs"):
        blocks += ["## Whole runs\n", runs(read("runs"))]
    if there("same_texts"):
        blocks += ["## Greedy texts are those of generate\n", texts(read("same_texts"))]
    if missed:
        blocks += ["## Where a target is missed\n", *bounds(missed), *tried(row["name"] for _, row in missed)]
    print("\n".join(blocks))


def there(name: str) -> bool:
    return (FOLDER / f"{name}.json").is_file()


def read(name: str) -> Found:
    found: Found = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def about(script: str, found: Found, how: str) -> str:
    machine = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items() if version)
    rows = [row for row in found.get("rows", ()) if "commit" in row] or [found]
    when = ", ".join(dict.fromkeys(f"{row['date'][:10]} at commit {row['commit']}" for row in rows))
    return (
        f"`scripts/{script}` on {when}, {how}; "
        f"{machine['cores']} cores, {machine['memory']:.0f} GB, {', '.join(machine['flags'])}; {versions}.\n"
    )


def drawn(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: int) -> str:
    """Return a table whose columns from number `numbers` on hold numbers, but for the last."""
    rule = [":--" if at < numbers or at == len(head) - 1 else "--:" for at in range(len(head))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows)) + "\n"


def table(rows: Sequence[Found], columns: Sequence[str]) -> str:
    head = ["work", "by", "threads", *columns, "CPU s", "wall s", "peak MB", "ratio", "target", ""]
    return drawn(head, (cells(row, columns) for row in rows), 2)


def cells(row: Found, columns: Sequence[str]) -> list[str]:
    samples, printed = row["samples"], row["samples"][-1]["printed"]
    return [
        row["work"],
        row["name"],
        str(row["threads"] or "all"),
        *(short(printed.get(name, "")) for name in columns),
        *(f"{middle(samples, clock):.3g}" for clock in ("cpu", "wall")),
        f"{median(sample['peak'] for sample in samples):,.0f}",
        f"{ratio(row):.2f}",
        f"≥ {row['target']:g}" if row["target"] else "",
        verdict(row),
    ]


def short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def middle(samples: Sequence[Found], clock: str) -> float:
    """Return the median of the seconds of work, or of the process where work was not timed alone."""
    return median(float(sample["printed"].get(f"work_{clock}", sample[clock])) for sample in samples)


def ratio(row: Found) -> float:
    return float(row["ratio"]["cpu" if row["threads"] else "wall"])


def verdict(row: Found) -> str:
    return "" if not row["target"] else "met" if ratio(row) >= row["target"] else "missed"


def runs(found: Found) -> str:
    rows = (
        [row["what"], row["on"], row["found"], row["target"].replace("<=", "≤"), HELD[row["holds"]]]
        for row in found["rows"]
    )
    told = about("bench_runs", found, "one thread")
    return told + "\n" + drawn(["what", "on", "found", "target", ""], rows, 5)


HELD = {True: "met", False: "missed"}


def texts(found: Found) -> str:
    head = ["task", "engine", "commit", "prompts", "same text", "part at a tie of logits", "part elsewhere"]
    rows = [
        [*(row[name] for name in ("task", "engine", "commit")), *map(str, counts(row))]
        for row in found["tasks"]
    ]
    told = about("check_inference", found, "in float32, against a prompt at a time")
    return told + "\n" + drawn(head, rows, 3)


def counts(row: Found) -> list[int]:
    return [row["n"], row["same"], row["part at a tie"], row["n"] - row["same"] - row["part at a tie"]]


def bounds(missed: Sequence[tuple[Found, Found]]) -> Iterator[str]:
    """Tell, for each target that is missed, what bounds it and where llmrec's time goes."""
    for found, row in missed:
        threads = "one thread" if row["threads"] else "all threads"
        told = [f"- **{row['work']}, {row['name']}**, {threads}: {ratio(row):.2f} for {row['target']:g}."]
        if bound := found.get("bounds", {}).get(row["work"]):
            seconds = 2e-9 * bound["least tokens"] * bound["weights"] / bound["peak"]
            least, weights, peak = (bound[name] for name in ("least tokens", "weights", "peak"))
            told += [
                f"Reading takes no less than {seconds:.2f} s on one thread: {least:,} distinct tokens, "
                f"{weights / 1e6:.1f} million weights, {peak:,.0f} GFLOP/s."
            ]
        if profile := found.get("profiles", {}).get(row["work"]):
            largest = [*profile.items()][:5]
            shares = ", ".join(f"{name.removeprefix('aten::')} {share:.0%}" for name, share in largest)
            told += [f"llmrec's time: {shares}."]
        yield "\n  ".join(told)


def tried(names: Iterable[str]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if name not in TRIED:
            sys.exit(f"the target against {name} is missed: tell in TRIED what was tried")
        yield f"\n**{name}.** {TRIED[name].strip()}"


if __name__ == "__main__":
    main()
