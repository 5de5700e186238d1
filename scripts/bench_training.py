"""What `scripts/bench_training` runs: the bench, or by `--job` llmrec's own training, or the peers' pairs."""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bench
import training_peers

if TYPE_CHECKING:
    from llmrec.finetune.course import Course, Encodings
    from llmrec.model.local.session import LocalSession

# Task, data set and pairs, by device: long prompts of uneven length, and short ones.
WORKS = {
    "cpu": (("sequential", "beauty", 32), ("summarization", "gift_cards", 64)),
    "cuda": (("sequential", "beauty", 1024), ("summarization", "gift_cards", 2048)),
}
# Pairs of a step, and those read at a time.
BATCHES = {"cpu": (16, 4), "cuda": (64, 32)}
PACKAGES = ("llmrec", "torch", "transformers", "peft", "accelerate", "trl")
PEERS = (
    ("grouped", "Trainer, grouped by length", "batches of like length, all logits", 1.3),
    ("random", "Trainer, random batches", "llmrec's own steps, padded, all logits", None),
    ("trl", "trl, packed", "rows of 1,024 tokens under a block mask, logits at the targets", 1.3),
)


def ready(at: int, device: str, dtype: str) -> "tuple[Course, LocalSession, Encodings]":
    """Return all that llmrec trains with, up to the training itself."""
    import transformers

    from llmrec.commands.composing import composed
    from llmrec.finetune.base import Place
    from llmrec.finetune.course import Course
    from llmrec.finetune.sft import Sft
    from llmrec.finetune.training import adapted, encoded
    from llmrec.lessons import prepare
    from llmrec.model.local.library import quiet
    from llmrec.model.local.loading import load_to_learn
    from llmrec.model.local.model import LocalModel
    from llmrec.model.local.session import LocalSession
    from llmrec.plan import plan
    from llmrec.progress import Silent
    from llmrec.rows import draw

    (task, dataset, pairs), (batch, micro) = WORKS[device][at], BATCHES[device]
    choices = [
        f"task={task}",
        f"dataset={dataset}",
        "model=smollm2-lora",
        "limit=1",
        f"model.device={device}",
    ]
    choices += [f"training_limit={pairs}", f"data_dir={bench.data()}", f"model.dtype={dtype}"]
    choices += ["finetune.peft.r=8", "finetune.peft.lora_alpha=16", "finetune.epochs=1"]
    choices += [f"finetune.batch_size={batch}", f"finetune.micro_batch={micro}", "finetune.schedule=constant"]
    choices += ["finetune.warmup=0", "finetune.evaluations=1", "finetune.validation_rows=0"]
    made = plan(composed([*choices, "finetune.validation_pairs=1"]))
    method, model, rows = made.finetune, made.model, draw(made, Silent())
    assert isinstance(method, Sft)
    assert isinstance(model, LocalModel)
    place = Place(rows.training, made.settings.seed, made.cache_dir, Silent())
    checkpoint = model.checkpoint(place.cache_dir, place.progress)
    course = Course(method, model, checkpoint, "", prepare(made, rows, Silent()), place)
    loaded = load_to_learn(model, checkpoint, None, whole=False)
    transformers.set_seed(place.seed)
    with quiet():
        session = LocalSession(adapted(loaded, method), model, place.seed)
    return course, session, encoded(course, session)


def learn(at: int, device: str, dtype: str) -> None:
    """Train as `llmrec run` does, and tell the losses."""
    from llmrec.finetune.training import trained
    from llmrec.model.local.library import quiet

    course, session, encodings = ready(at, device, dtype)
    tokens = sum(pair.length for pair in encodings.train)
    with tempfile.TemporaryDirectory() as folder, quiet(), bench.work(tokens=tokens) as told:
        log = trained(course, session, encodings, Path(folder)).state.log_history
        told |= training_peers.losses(log)


def hand_over(at: int, device: str, dtype: str, file: Path) -> None:
    """Write the same pairs, in the same order, for those who import nothing of llmrec."""
    from llmrec.finetune.order import Steps

    course, _, encodings = ready(at, device, dtype)
    assert course.method.peft
    order = Steps(
        [pair.length for pair in encodings.train], BATCHES[device][0], course.place.seed, by_length=False
    )
    peft = {name: value for name, value in course.method.peft.items() if name != "peft_type"}
    told = {
        "pairs": [encodings.train[place] for place in order],
        "base": str(course.checkpoint.path),
        "dtype": dtype,
        "device": device,
        "seed": course.place.seed,
        "peft": peft,
        "batch_size": BATCHES[device][0],
        "micro_batch": BATCHES[device][1],
        "learning_rate": course.method.learning_rate,
    }
    file.write_text(json.dumps(told))


def jobs(folder: Path, peers: Path | None, device: str, dtype: str) -> list[bench.Job]:
    """Return the jobs of every work, after their pairs are written to the folder."""
    env = {"PYTHONPATH": str(bench.ROOT), "HF_HUB_OFFLINE": "1"}
    made = []
    for at, work in enumerate(WORKS[device]):
        file = folder / f"{at}.json"
        own = [sys.executable, __file__, "--device", device, "--dtype", dtype, "--job", str(at)]
        name = f"{work[0]}, {work[2]} pairs"
        bench.run(
            bench.Job(work=name, name="pairs", does="", command=[*own, "--pairs", str(file)], env=env), 1
        )
        does = "packed, attention within a pair, logits at the targets"
        made.append(bench.Job(work=name, name="llmrec", does=does, command=own, env=env))
        for kind, title, does, target in PEERS:
            python = peers / "trl/bin/python" if kind == "trl" and peers else Path(sys.executable)
            if kind == "trl" and not (peers and python.is_file()):
                print("trl, packed: left out: no environment by scripts/setup_peers", file=sys.stderr)
                continue
            command = [str(python), str(Path(__file__).with_name("training_peers.py")), kind, str(file)]
            made.append(bench.Job(work=name, name=title, does=does, command=command, env={}, target=target))
    return made


def shown(rows: list[bench.Row], clock: str) -> list[dict[str, Any]]:
    """Return what a table of seconds does not say: tokens a second and peak memory beside llmrec's."""
    found = []
    for row in rows:
        ours = next(one for one in rows if (one.job.work, one.threads) == (row.job.work, row.threads))
        rates = sorted(sample.printed["tokens"] / sample.cost(clock) for sample in row.samples)
        found.append(
            {
                "work": row.job.work,
                "name": row.job.name,
                "threads": row.threads,
                f"tokens_a_{clock}_second": round(rates[len(rates) // 2], 1),
                "peak_ratio": round(row.middle("peak") / ours.middle("peak"), 2),
                "losses": {name: row.samples[-1].printed[name] for name in ("first", "mean", "last")},
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", choices=["one", "all"], default="one")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--peers", type=Path, help="the folder given to scripts/setup_peers")
    parser.add_argument("--out", type=Path, default=Path("docs/performance/training.json"))
    parser.add_argument("--job", type=int, help="train on this work here")
    parser.add_argument("--pairs", type=Path, help="with --job: write its pairs instead")
    chosen = parser.parse_args()
    if chosen.job is not None and chosen.pairs:
        hand_over(chosen.job, chosen.device, chosen.dtype, chosen.pairs)
    elif chosen.job is not None:
        learn(chosen.job, chosen.device, chosen.dtype)
    else:
        compare(chosen)


def compare(chosen: argparse.Namespace) -> None:
    for _, dataset, _ in WORKS[chosen.device]:
        if not (bench.data() / dataset).is_dir():
            sys.exit(f"no {bench.data() / dataset}; set LLMREC_DATA to a folder that holds it")
    with tempfile.TemporaryDirectory() as folder:
        made = jobs(Path(folder), chosen.peers, chosen.device, chosen.dtype)
        all_threads = chosen.threads == "all" or chosen.device == "cuda"
        rows = bench.in_turn(made, chosen.rounds, None if all_threads else 1)
        profiles = bench.profiles(made)
    from rich.console import Console

    clock = "wall" if all_threads else "cpu"
    told = shown(rows, clock)
    Console(width=170).print(bench.table(rows, clock, ["tokens", "GPU MB", "first", "mean", "last"]))
    for row in told:
        print(
            f"{row['work']}, {row['name']}: {row[f'tokens_a_{clock}_second']} tokens a {clock} second, "
            f"{row['peak_ratio']} times llmrec's peak memory"
        )
    found = {**bench.record(rows, PACKAGES), "dtype": chosen.dtype, "training": told, "profiles": profiles}
    bench.write(chosen.out, found)


if __name__ == "__main__":
    main()
