"""Breaks runs at random system calls, and cuts their files at random bytes; the same command must end alike.

A fault is drawn by its seed: a kind of work, a system call of it that touches its files, and what that call
comes to. The run is a fork of this process, in which everything is imported already; strace breaks it.
"""

import argparse
import importlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import bench

SMALL = ["dataset=demo", "limit=6", "resamples=20", "model.max_batch=2", "task.answer_tokens=6"]
TINY = [*SMALL, "model=tiny"]
LORA = [
    "finetune=lora",
    "training_limit=8",
    "finetune.epochs=1",
    "finetune.batch_size=4",
    "finetune.micro_batch=2",
]
# Every stage of all five tasks: reading, learning, fitting, wording, asking, scoring.
WORKS = {
    "rating": [*TINY, "task=rating", "max_reasks=1"],
    "sequential": [*TINY, "task=sequential", "prompt=few_shot", "decoding=catalogue"],
    "direct": [*TINY, "task=direct", "decoding=candidates", "task.num_negatives=4"],
    "explanation": [*TINY, "task=explanation"],
    "summarization": [*TINY, "task=summarization"],
    "learned": [*TINY, "task=rating", *LORA],
    "recommender": ["dataset=demo", "limit=6", "resamples=20", "task=sequential", "model=bpr_mf"],
}
NEEDED = (
    "torch",
    "peft",
    "transformers.models.llama.modeling_llama",
    "transformers.trainer",
    "llmrec.cli",
    "llmrec.commands.run",
    "llmrec.model.local.session",
    "llmrec.finetune.training",
)
CALLS = "openat,write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,mkdir,unlink,unlinkat,rmdir"
CALLS += ",ftruncate,truncate,chmod,fchmod,flock,read,pread64,getdents64,newfstatat,copy_file_range,sendfile"
WRITES = {"write", "pwrite64", "writev", "fsync", "fdatasync", "ftruncate", "copy_file_range", "sendfile"}
CHANGES = {"rename", "renameat", "renameat2", "mkdir", "unlink", "unlinkat", "rmdir", "chmod", "fchmod"}
ERRORS = {
    "full disk": ("ENOSPC", WRITES | {"mkdir"}),
    "over quota": ("EDQUOT", WRITES | {"mkdir"}),
    "read-only": ("EROFS", CHANGES),
    "no permission": ("EACCES", CHANGES),
    "broken disk": ("EIO", WRITES | {"read", "pread64", "openat"}),
    "lost share": ("ESTALE", {"openat", "read", "pread64", "getdents64", "newfstatat"}),
}
KINDS = ("killed", *ERRORS, "no memory", "cut while killed", "cut at the end")
TRIES = 4


class Call(NamedTuple):
    """A system call of an undisturbed run that touches its files, the `number`-th of its name."""

    name: str
    number: int


class Fault(NamedTuple):
    """What is done to a run: `inject` is strace's word for it, none for a file that is cut at the end."""

    work: str
    kind: str
    inject: str
    seed: int


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--first", type=int, default=0, help="the number of the first fault")
    parser.add_argument("--works", default=",".join(WORKS))
    parser.add_argument("--out", type=Path, default=bench.ROOT / "docs/trust/faults.json")
    args = parser.parse_args()
    about, found = bench.about(("llmrec", "torch", "transformers")), list[dict[str, Any]]()
    with tempfile.TemporaryDirectory() as folder:
        try:
            numbers = range(args.first, args.first + args.faults)
            for one in broken(numbers, args.seed, args.works.split(","), Path(folder)):
                found.append(one)
                print(json.dumps(one), file=sys.stderr, flush=True)
        finally:  # not before: runs name their commit, and a changed file makes it another
            bench.write(args.out, about | (told := summed(found)))
    for kind, outcome, count in told["counts"]:
        print(f"{kind}: {outcome}: {count}")
    sys.exit(f"{len(told['wrong'])} of {len(found)} faults did not end well" if told["wrong"] else 0)


def summed(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Count the faults by kind and outcome; those that did not end well are told whole."""
    counted = Counter((one["kind"], one["outcome"]) for one in found)
    wrong = [one for one in found if one["outcome"] not in ("the same", "named, then the same")]
    return {"faults": len(found), "wrong": wrong, "counts": [[*key, n] for key, n in sorted(counted.items())]}


def broken(numbers: range, seed: str, works: Sequence[str], folder: Path) -> Iterator[dict[str, Any]]:
    """Break a run for every number, the works in turn, and tell what came of each fault."""
    warm()
    calm = {work: Calm(work, folder / work) for work in works}
    for number in numbers:
        work = works[number % len(works)]
        fault = drawn(calm[work], f"{seed}-{number}", number)
        yield {**fault._asdict(), **calm[work].outcome(fault, folder / "home")}


def warm() -> None:
    """Import all that a run needs: a fork has it then, and no thread runs that a fork would lose."""
    for name in NEEDED:
        importlib.import_module(name)
    sys.modules["torch"].set_num_threads(1)


class Calm:
    """A work undisturbed: what it ends with, and the system calls that touch its files."""

    def __init__(self, work: str, home: Path) -> None:
        self.work = work
        trace = home.with_suffix(".trace")
        status, said = ran(work, home, ["-y", "-o", str(trace)])
        assert status == 0, said
        self.wanted = ended(home)
        self.calls = list(calls(trace.read_text(errors="replace"), home))
        again = home.with_suffix(".again")
        assert ran(work, again)[0] == 0
        assert not (other := apart(ended(again), self.wanted)), f"{work} by itself: {other}"

    def outcome(self, fault: Fault, home: Path) -> dict[str, Any]:
        """Break a run in an empty home, repeat the command until it is through, and compare."""
        shutil.rmtree(home, ignore_errors=True)
        status, said = ran(self.work, home, ["-e", f"inject={fault.inject}"] if fault.inject else None)
        told: dict[str, Any] = {"status": status}
        if "Traceback" in said and fault.kind != "no memory":
            return told | {"outcome": "a traceback", "said": said[-2000:]}
        if fault.kind.startswith("cut"):
            told["cut"] = cut(home, random.Random(fault.seed))
        named = False
        for _ in range(TRIES):
            status, said = ran(self.work, home)
            if status == 0:
                if other := apart(ended(home), self.wanted):
                    return told | {"outcome": "another end", "said": other}
                return told | {"outcome": "named, then " * named + "the same"}
            named = True
            if not mended(said, home):
                return told | {"outcome": "no way out", "said": said[-2000:]}
        return told | {"outcome": "no end", "said": said[-2000:]}


def drawn(calm: Calm, seed: str, number: int) -> Fault:
    """Draw a fault; kinds come in turn, so that each has its share."""
    chance = random.Random(seed)
    kind = KINDS[number % len(KINDS)] if number % 2 else chance.choice(KINDS)
    own = chance.randrange(2**32)
    if kind == "cut at the end":
        return Fault(calm.work, kind, "", own)
    if kind == "no memory":
        return Fault(calm.work, kind, f"mmap:error=ENOMEM:when={chance.randint(1, 400)}", own)
    error, names = ERRORS.get(kind, ("", {call.name for call in calm.calls}))
    call = chance.choice([call for call in calm.calls if call.name in names])
    does = f"error={error}" if error else "signal=KILL"
    return Fault(calm.work, kind, f"{call.name}:{does}:when={call.number}", own)


def ran(work: str, home: Path, strace: Sequence[str] | None = None) -> tuple[int, str]:
    """Run a work at home in a fork, under strace if asked; return its status and what it said."""
    home.mkdir(parents=True, exist_ok=True)
    log = home / "said"
    waits, go = os.pipe()
    if not (child := os.fork()):
        os.close(go)
        os.read(waits, 1)
        begin(work, home, log)
    os.close(waits)
    tracer, quiet = None, subprocess.DEVNULL
    if strace is not None:
        whole = ["-e", f"trace={CALLS},mmap"] if "-o" in strace else ["-o", "/dev/null"]
        traced = ["strace", "-f", *whole, *strace, "-p", str(child)]
        tracer = subprocess.Popen(traced, stdout=quiet, stderr=quiet)
        while "TracerPid:\t0" in Path(f"/proc/{child}/status").read_text() and tracer.poll() is None:
            time.sleep(0.005)
    os.close(go)
    _, status = os.waitpid(child, 0)
    if tracer:
        tracer.wait()
    return os.waitstatus_to_exitcode(status), log.read_text(errors="replace") if log.is_file() else ""


def begin(work: str, home: Path, log: Path) -> None:
    """Become the command: never returns."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.chdir(home)
    status = 70
    try:
        from llmrec.cli import main

        words = [*WORKS[work], f"cache_dir={home}/cache", f"hydra.run.dir={home}/run"]
        sys.argv[:] = ["llmrec", "run", *words]
        status = main() or 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def calls(trace: str, home: Path) -> Iterator[Call]:
    """Yield the calls of the main process that name a file of the home, each by its place among its like."""
    lines = [line.partition(" ")[::2] for line in trace.splitlines()]
    first = lines[0][0]
    counted: Counter[str] = Counter()
    for process, text in lines:
        name = text.strip().partition("(")[0]
        if process != first or not name.isidentifier():
            continue
        counted[name] += 1
        if f"{home}/" in text and f"{home}/said" not in text:
            yield Call(name, counted[name])


def ended(home: Path) -> dict[str, object]:
    """Return what a run left, by file, but for how long it took and what Hydra and the log say."""
    found: dict[str, object] = {}
    for path in sorted((home / "run").rglob("*")):
        name = str(path.relative_to(home / "run"))
        if not path.is_file() or name.endswith(".log") or name.startswith("."):
            continue
        if path.suffix == ".json":
            found[name] = timeless(json.loads(path.read_text()))
        else:
            found[name] = path.read_text().replace(str(home), "HOME")
    return found


def apart(found: Any, wanted: Any) -> str:
    """Return what is first found otherwise than wanted, nothing if all is the same."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        parts = ((name, apart(found.get(name), wanted.get(name))) for name in sorted({*found, *wanted}))
        return next((f"{name}: {part}" for name, part in parts if part), "")
    return "" if found == wanted else f"{str(found)[:300]} for {str(wanted)[:300]}"


def timeless(told: Any) -> Any:
    if not isinstance(told, dict):
        return told
    return {name: timeless(value) for name, value in told.items() if name != "seconds"}


def cut(home: Path, chance: random.Random) -> str:
    """Cut a file of the home at a byte, as a lost power supply may, and return which and where."""
    files = [path for path in sorted(home.rglob("*")) if path.is_file() and path.stat().st_size]
    files = [path for path in files if path.suffix != ".log" and path.name != "said"]
    if not files:
        return ""
    path = chance.choice(files)
    size = chance.randrange(path.stat().st_size)
    os.truncate(path, size)
    return f"{path.relative_to(home)} at {size}"


def mended(said: str, home: Path) -> bool:
    """Do what an error says: remove the file or folder that it names."""
    told = [line for line in said.splitlines() if line.startswith("error: ")] or [""]
    before, *way_out = re.split("(?:remove|delete) ", told[-1], maxsplit=1)
    path = rf"{re.escape(str(home))}/[^\s:;,()']+"
    if not (way_out and (found := re.search(path, way_out[0]) or re.search(path, before))):
        return False
    named = Path(found[0])
    shutil.rmtree(named) if named.is_dir() else named.unlink(missing_ok=True)
    return True


if __name__ == "__main__":
    main()
