"""Holds a real server against the same weights here: greedy texts, and likelihoods where it tells them."""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bench
from check_inference import TASKS
from inference_jobs import asked, opened

from llmrec.finetune.base import Place
from llmrec.progress import Silent
from llmrec.records import Training

CHOSEN = {
    "digits by the next token": [
        "task=rating",
        "dataset=beauty",
        "decoding=digits",
        "model.likelihoods=next",
    ],
    "digits": ["task=rating", "dataset=beauty", "decoding=digits", "model.likelihoods=prompt"],
    "candidates": [*TASKS["direct"][:3], "decoding=candidates", "model.likelihoods=prompt"],
}
NAME, TUNED = "under-test", "tuned"
LEARNED = ["task=rating", "dataset=beauty", "prompt=finetuning", "decoding=greedy"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", choices=("transformers", "vllm"), default="transformers")
    parser.add_argument("--peers", type=Path, help="the folder given to scripts/setup_peers, for vllm")
    parser.add_argument("--adapter", type=Path, help="with vllm: a LoRA of SmolLM2 that llmrec learned")
    parser.add_argument("--limit", type=int, default=8)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    common = [f"data_dir={bench.data()}", f"limit={args.limit}", "model.dtype=float32"]
    here = opened(asked([*TASKS["rating"], *common])[0])
    path = here.loaded.model.config.name_or_path
    works = {name: [*words, "decoding=greedy"] for name, words in TASKS.items()}
    works |= CHOSEN if args.server == "vllm" else {}
    rows = []
    with tempfile.TemporaryDirectory() as cache, serving(args, path) as address:
        told = ["model=served", f"model.base_url={address}", f"cache_dir={cache}"]
        told += [f"model.served_as={NAME if args.server == 'vllm' else path}", "model.timeout=300"]
        for name, words in works.items():
            own = [word for word in words if not word.startswith("model.")]
            rows.append(compared(name, (own, common, here), [*words, *told, *common[:2]]))
            print(json.dumps(rows[-1]), flush=True)
        if args.adapter:
            local = (LEARNED, common, tuned([*LEARNED, *common], args.adapter))
            rows.append(
                compared(
                    "rating by an adapter", local, [*LEARNED, *told, *common[:2], f"model.served_as={TUNED}"]
                )
            )
            print(json.dumps(rows[-1]), flush=True)
    out = args.out or bench.ROOT / f"docs/performance/served_{args.server}.json"
    bench.write(out, bench.about(("llmrec", "torch", "transformers", "openai")) | {"rows": rows})


def compared(name: str, local: tuple[list[str], list[str], Any], served: list[str]) -> dict[str, Any]:
    """Return how many answers of server and model are the same, and how far likelihoods lie apart at most."""
    words, common, here = local
    plan, requests = asked([*words, *common])
    ours = answers(here, requests, plan.decoding)
    plan, requests = asked(served)
    theirs = answers(opened(plan), requests, plan.decoding)
    found = {"what": name, "n": len(requests)}
    if not ours[requests[0].prompt.example_id].answer:
        same = sum(ours[id].texts == theirs[id].texts for id in ours)
        return found | {"same text": same}
    pairs = [(numbers(ours[id].answer), numbers(theirs[id].answer)) for id in ours]
    same = sum(list(one) == list(other) for one, other in pairs)
    apart = max(abs(one[key] - other.get(key, 0.0)) for one, other in pairs for key in one)
    return found | {"same order": same, "apart at most": apart}


def tuned(words: list[str], adapter: Path) -> Any:
    """Return a session of the model with an adapter."""
    plan, _ = asked([*words, "finetune=lora", f"finetune.adapter={adapter.absolute()}"])
    place = Place(Training([], {}, []), 0, plan.cache_dir, Silent())
    return plan.finetune.open(plan.model, lambda: None, place)[0]


def answers(session: Any, requests: list[Any], decoding: Any) -> dict[str, Any]:
    return {done.example_id: done for new in session.stream(requests, decoding, ()) for done in new}


def numbers(answer: Any) -> dict[str, float]:
    """Return the scores of an answer in its order."""
    return (
        {"stars": answer.stars}
        if hasattr(answer, "stars")
        else dict(zip(answer.items, answer.scores, strict=True))
    )


@contextmanager
def serving(args: argparse.Namespace, path: str) -> Iterator[str]:
    """Start the server on a free port of this machine, and stop it by its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    here = ["--host", "127.0.0.1", "--port", port, "--dtype", "float32"]
    transformers = [
        str(Path(sys.executable).with_name("transformers")),
        "serve",
        path,
        "--device",
        "cpu",
        *here,
    ]
    vllm = [
        str((args.peers or Path()) / "vllm/bin/python"),
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--model",
        path,
    ]
    vllm += ["--served-model-name", NAME, "--max-model-len", "4096", "--enforce-eager", *here]
    if args.adapter:
        vllm += [
            "--enable-lora",
            "--max-lora-rank",
            "64",
            "--lora-modules",
            f"{TUNED}={args.adapter.absolute()}",
        ]
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile("w+") as log:
        (Path(home) / "hub").mkdir()
        env = os.environ | {"HF_HOME": home, "HF_HUB_OFFLINE": "1"}
        env |= {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "VLLM_CPU_KVCACHE_SPACE": "1"}
        command = transformers if args.server == "transformers" else vllm
        with subprocess.Popen(command, env=env, stdout=log, stderr=log) as server:
            try:
                wait(int(port), server)
                yield f"http://127.0.0.1:{port}/v1"
            finally:
                server.terminate()


def wait(port: int, server: subprocess.Popen[bytes], longest: float = 600.0) -> None:
    end = time.monotonic() + longest
    while time.monotonic() < end and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    sys.exit("the server does not come up")


if __name__ == "__main__":
    main()
