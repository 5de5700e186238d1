"""Commands timed side by side: in turn, each in a process of its own, as a table and as JSON.

A bench names its jobs, runs them by `in_turn`, shows them by `table` and keeps them by `record`. What a job
runs prints a JSON object as its last line; where it does its work under `work()`, that part is timed alone
too, without imports and loading. Only the standard library is needed for that, so a peer in an environment
of its own can import this file. Keep the bench itself light: on Linux a child's peak begins at its parent's.
"""

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
POOLS = ("OMP", "MKL", "OPENBLAS", "RAYON")  # each takes its threads from NAME_NUM_THREADS
PROFILE = "BENCH_PROFILE"  # set where a job is to be profiled
FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One way to do one piece of work; the first job of a `work` is ours, which the others are held against.

    `does` tells a reader what is done. `target` is how many times our cost this one should come to.
    """

    work: str
    name: str
    does: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    target: float | None = None


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One process: CPU (user + system) and wall seconds and peak memory in MB, with the processes that it
    waited for; `printed` is the JSON object of its last line."""

    cpu: float
    wall: float
    peak: float
    printed: dict[str, Any]

    def cost(self, clock: str) -> float:
        """Return the seconds by "cpu" or "wall": of the work alone where it was timed alone."""
        return float(self.printed.get(f"work_{clock}", self.cpu if clock == "cpu" else self.wall))


@dataclass(frozen=True, kw_only=True)
class Row:
    """A job with its samples, one a round. `threads` None: as many as the libraries take by themselves."""

    job: Job
    threads: int | None
    samples: list[Sample]

    def middle(self, what: str) -> float:
        """Return the median of cpu, wall or peak."""
        return float(median(getattr(sample, what) for sample in self.samples))


@contextmanager
def work(**printed: Any) -> Iterator[dict[str, Any]]:
    """Time the body, and print what it cost and what was put into the dict as the last line."""
    began, cpu = time.perf_counter(), _cpu()
    with _profiled(printed) if os.environ.get(PROFILE) else nullcontext():
        yield printed
        printed |= _on_gpu()
    printed |= {"work_cpu": _cpu() - cpu, "work_wall": time.perf_counter() - began}
    print("\n" + json.dumps(printed), flush=True)


def _on_gpu() -> dict[str, Any]:
    """Wait for the GPU, where torch has used one; return the most memory that it took there, in MB."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return {}
    torch.cuda.synchronize()
    return {"GPU MB": round(torch.cuda.max_memory_allocated() / 1e6)}


@contextmanager
def _profiled(printed: dict[str, Any]) -> Iterator[None]:
    """Note which share of the CPU time each of torch's operations took, the largest first."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as taken:
        yield
    found = sorted(((event.self_cpu_time_total, event.key) for event in taken.key_averages()), reverse=True)
    whole = sum(spent for spent, _ in found)
    printed["profile"] = {name: round(spent / whole, 3) for spent, name in found[:8]}


def profiles(jobs: Sequence[Job], threads: int | None = 1) -> dict[str, dict[str, float]]:
    """Return, by work, where the time of our job goes: run once more, apart from what is timed."""
    ours = {job.work: job for job in reversed(jobs)}
    return {
        work: run(replace(job, env={**job.env, PROFILE: "1"}), threads).printed["profile"]
        for work, job in ours.items()
    }


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def in_turn(jobs: Sequence[Job], rounds: int, threads: int | None = 1) -> list[Row]:
    """Run every job once a round, A B C A B C: what slows the machine for a while slows all of them."""
    samples: dict[int, list[Sample]] = {number: [] for number in range(len(jobs))}
    for turn in range(1, rounds + 1):
        for number, job in enumerate(jobs):
            samples[number].append(sample := run(job, threads))
            print(f"round {turn}: {job.work}, {job.name}: {sample.cpu:.2f} s CPU", file=sys.stderr)
    return [Row(job=job, threads=threads, samples=samples[number]) for number, job in enumerate(jobs)]


def run(job: Job, threads: int | None) -> Sample:
    """Run a job in a fresh process. A job that fails ends the bench, with the end of its standard error."""
    pools = {} if threads is None else {f"{pool}_NUM_THREADS": str(threads) for pool in POOLS}
    with tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        child = subprocess.Popen(
            job.command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **pools, **job.env},
        )
        assert child.stdout
        written = child.stdout.read().strip()
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            errors.seek(0)
            sys.exit(f"{job.name}: status {child.returncode}\n{errors.read()[-2000:]}")
    last = written.rpartition("\n")[2]
    printed = json.loads(last) if last.startswith("{") else {}
    return Sample(cpu=used.ru_utime + used.ru_stime, wall=wall, peak=used.ru_maxrss / 1024, printed=printed)


def ratio(row: Row, rows: Sequence[Row], clock: str = "cpu") -> float:
    """Return how many times our cost the row's is: the median over the rounds of the ratio in a round."""
    ours = next(one for one in rows if (one.job.work, one.threads) == (row.job.work, row.threads))
    pairs = zip(row.samples, ours.samples, strict=True)
    return median(theirs.cost(clock) / own.cost(clock) for theirs, own in pairs)


def table(rows: Sequence[Row], clock: str = "cpu", columns: Sequence[str] = ()) -> "Table":
    """Return the rows as a table of medians; `columns` names what else is shown of the printed objects."""
    from rich.table import Table

    heads = (
        "work",
        "by",
        "CPU s",
        "of it work",
        "wall s",
        "of it work",
        "peak MB",
        *columns,
        "ratio",
        "target",
    )
    shown = Table(
        *heads, title=f"medians of {len(rows[0].samples)} rounds in turn; ratios by {clock} seconds of work"
    )
    for row in rows:
        last = row.samples[-1].printed
        figures = [
            text
            for name in ("cpu", "wall")
            for text in (f"{row.middle(name):.2f}", f"{median(one.cost(name) for one in row.samples):.3f}")
        ]
        target = f">= {row.job.target:g}" if row.job.target else ""
        extra = [str(last.get(name, "")) for name in columns]
        times = f"{ratio(row, rows, clock):.2f}"
        shown.add_row(
            row.job.work, row.job.name, *figures, f"{row.middle('peak'):.0f}", *extra, times, target
        )
    return shown


def record(rows: Sequence[Row], packages: Sequence[str]) -> dict[str, Any]:
    """Return everything that was measured, on what and with which versions, as JSON can hold it."""
    return {**about(packages), "rounds": len(rows[0].samples), "rows": told(rows)}


def told(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows as JSON can hold them, each with its date and commit."""
    now = about(())
    return [
        {
            **{name: now[name] for name in ("date", "commit")},
            **{name: getattr(row.job, name) for name in ("work", "name", "does", "target")},
            "threads": row.threads,
            "ratio": {clock: ratio(row, rows, clock) for clock in ("cpu", "wall")},
            "samples": [asdict(sample) for sample in row.samples],
        }
        for row in rows
    ]


def begun(out: Path, packages: Sequence[str], rounds: int) -> dict[str, Any]:
    """Return what an earlier call wrote, if it measured on this machine with these versions in as many
    rounds; else a record without rows."""
    now = {**about(packages), "rounds": rounds, "rows": []}
    then = json.loads(out.read_text()) if out.is_file() else {}
    alike = all(then.get(name) == now[name] for name in ("machine", "versions", "rounds"))
    return then if alike else now


def about(packages: Sequence[str]) -> dict[str, Any]:
    """Return when, at which commit, on what and with which versions something was measured."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": _commit(),
        "machine": machine(),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in packages}},
    }


def write(out: Path, found: Mapping[str, Any]) -> None:
    """Write what `record` returned, and whatever a bench adds to it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def data() -> Path:
    """Return the folder of the raw data."""
    return Path(os.environ.get("LLMREC_DATA") or ROOT.parent / "shared" / "data")


def machine() -> dict[str, Any]:
    """Return what bounds the figures: cores, memory in GB, the processor's arithmetic."""
    cpuinfo = Path("/proc/cpuinfo")
    has = set(cpuinfo.read_text().split()) if cpuinfo.is_file() else set()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "memory": round(memory, 1),
        "flags": [flag for flag in FLAGS if flag in has],
        "gpus": _gpus(),
    }


def _gpus() -> list[str]:
    asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    return _told(asked).splitlines() if shutil.which(asked[0]) else []


def _commit() -> str:
    """Return the commit that is measured, dirty where anything but the results of others differs from it."""
    commit = _told(["git", "rev-parse", "--short=12", "HEAD"])
    changed = _told(["git", "status", "--porcelain", "--", ".", ":!docs"])
    return f"{commit or 'unknown'}{'-dirty' * bool(changed)}"


def _told(command: Sequence[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
