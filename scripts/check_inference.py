"""Holds greedy texts against transformers' generate, a prompt at a time, in float32."""

import argparse
import json
from pathlib import Path
from typing import Any

import bench
import torch
from inference_jobs import asked, opened

SHORT = "task.answer_tokens=24"
TASKS = {
    "rating": ["task=rating", "dataset=beauty"],
    "sequential": ["task=sequential", "dataset=beauty", SHORT],
    "direct": ["task=direct", "dataset=beauty", "task.num_negatives=9", SHORT],
    "explanation": ["task=explanation", "dataset=musical_instruments", SHORT],
    "summarization": ["task=summarization", "dataset=gift_cards"],
}
TIED = 1e-4  # two logits that are closer are equal within the arithmetic


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--out", type=Path, default=bench.ROOT / "docs/performance/same_texts.json")
    args = parser.parse_args()
    told = bench.about(("torch", "transformers"))
    before = json.loads(args.out.read_text())["tasks"] if args.out.is_file() else []
    found = {row["task"]: row for row in before}
    words = [f"limit={args.limit}", f"data_dir={bench.data()}", f"model.device={args.device}"]
    for task in args.tasks.split(","):
        row = compared(task, [*TASKS[task], *words])
        found[task] = row | {"date": told["date"], "commit": told["commit"]}
        print(json.dumps(row), flush=True)
        bench.write(args.out, told | {"tasks": [found[name] for name in TASKS if name in found]})


def compared(task: str, overrides: list[str]) -> dict[str, Any]:
    """Return how many texts are the same, and how many of the others part at a tie."""
    plan, requests = asked([*overrides, "decoding=greedy", "decoding.lines=null", "model.dtype=float32"])
    session = opened(plan)
    done = {}
    for batch in session.batches(requests, plan.decoding):
        done |= {found.example_id: found for found in session.complete(batch, plan.decoding)}
    same, ties = 0, 0
    for request in requests:
        [ids] = session.renderer.encode([request.prompt.messages])
        wanted = generated(session.loaded, ids, plan.decoding.max_new_tokens)
        text = session.loaded.tokenizer.decode(wanted, skip_special_tokens=True)
        if done[request.prompt.example_id].texts[0] == text:
            same += 1
        else:
            ties += least_margin(session.loaded, ids, wanted) < TIED
    engine = session.environment["inference"]
    return {"task": task, "engine": engine, "n": len(requests), "same": same, "part at a tie": ties}


@torch.inference_mode()
def generated(loaded: Any, ids: list[int], most: int) -> list[int]:
    settings = {"max_new_tokens": most, "do_sample": False}
    written: list[int] = loaded.model.generate(torch.tensor([ids], device=loaded.device), **settings)[
        0, len(ids) :
    ].tolist()
    return written


@torch.inference_mode()
def least_margin(loaded: Any, ids: list[int], written: list[int]) -> float:
    """Return the least distance between the two largest logits over all tokens written."""
    logits = loaded.model(torch.tensor([ids + written], device=loaded.device)).logits[0, len(ids) - 1 : -1]
    best = logits.topk(2).values
    return float((best[:, 0] - best[:, 1]).min())


if __name__ == "__main__":
    main()
