"""Every reader of strangers' bytes, for long, by two engines. What came of it goes to docs/trust/fuzz.json.

Each target and engine has a process of its own, so that neither a crash nor a hang of one ends the others.
"""

import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path

if sys.argv[1:2] == ["atheris"]:
    import atheris

    with atheris.instrument_imports(include=["llmrec", "fuzzed", "yaml", "omegaconf"]):
        from fuzzed import SECONDS, TARGETS, hold
else:
    from fuzzed import SECONDS, TARGETS, hold

OUT = Path("docs/trust/fuzz.json")
MEMORY = 6 << 30  # bytes of address space of a process
LONGEST = 1 << 14  # bytes of an input


class Tally:
    """Inputs so far, those refused, and findings by what was raised and where."""

    def __init__(self, target: str) -> None:
        self.target, self.inputs, self.refused, self.findings = target, 0, 0, dict[str, str]()
        self.folder = Path(tempfile.mkdtemp())

    def take(self, data: bytes) -> None:
        self.inputs += 1
        try:
            self.refused += hold(self.target, data, self.folder)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            ours = [at for at in traceback.extract_tb(error.__traceback__) if "llmrec" in at.filename]
            where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "-"
            self.findings.setdefault(f"{type(error).__name__} at {where}", repr(data[:200]))

    def told(self) -> str:
        return json.dumps({"inputs": self.inputs, "refused": self.refused, "findings": self.findings})


def by_hypothesis(tally: Tally, seconds: float) -> None:
    """Mutate the target's seeds and make up structures, another seed each round, until the time is over."""
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from unit.fuzz.test_readers import inputs

    kinds = inputs(TARGETS[tally.target].seeds)
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1
        quiet = settings(
            max_examples=200, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        seed(number)(quiet(given(kinds)(tally.take)))()


def by_coverage(tally: Tally, seconds: float) -> None:
    """Let atheris find inputs that reach new lines; it ends the process itself."""
    end = time.monotonic() + seconds

    def one(data: bytes) -> None:
        tally.take(data)
        if time.monotonic() > end:
            print(tally.told(), flush=True)
            os._exit(0)

    corpus = tally.folder / "corpus"
    corpus.mkdir()
    for number, content in enumerate(TARGETS[tally.target].seeds):
        (corpus / str(number)).write_bytes(content)
    atheris.Setup(
        [
            sys.argv[0],
            str(corpus),
            f"-max_len={LONGEST}",
            "-verbosity=0",
            "-rss_limit_mb=0",
            f"-artifact_prefix={tally.folder}/",
        ],
        one,
    )
    atheris.Fuzz()


ENGINES = {"hypothesis": by_hypothesis, "atheris": by_coverage}


def child(engine: str, target: str, seconds: float) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    tally = Tally(target)
    ENGINES[engine](tally, seconds)
    print(tally.told(), flush=True)


def tried(engine: str, target: str, seconds: float) -> dict[str, object]:
    """Return what a process of its own found; its death or silence is a finding too."""
    words = [sys.executable, "-W", "ignore", __file__, engine, target, str(seconds)]
    start, most = time.monotonic(), seconds + 10 * SECONDS
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=most, check=False)
        lines, ended = done.stdout.strip().splitlines(), f"ended by {done.returncode}: {done.stderr[-300:]}"
    except subprocess.TimeoutExpired:
        lines, ended = [], "hangs"
    found = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {"findings": {"process": ended}}
    about = {"target": target, "engine": engine, "date": datetime.now(UTC).date().isoformat()}
    return {**about, "seconds": round(time.monotonic() - start), **found}


def main(seconds: float, targets: Sequence[str]) -> None:
    """Try the targets, as many at a time as this process has cores; the rows of others stay as they are."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    told = json.loads(OUT.read_text())["runs"] if OUT.is_file() else []
    runs = {(run["target"], run["engine"]): run for run in told if run["target"] in TARGETS}
    order, engines = list(TARGETS), [name for name in ENGINES if importlib.util.find_spec(name)]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        asked = [pool.submit(tried, engine, target, seconds) for target in targets for engine in engines]
        for done in as_completed(asked):
            run = {**done.result(), "commit": commit}
            print(json.dumps(run), flush=True)
            runs[run["target"], run["engine"]] = run
            about = {"python": sys.version.split()[0], "most_memory_bytes": MEMORY}
            ordered = sorted(runs.values(), key=lambda run: (order.index(run["target"]), run["engine"]))
            OUT.write_text(json.dumps({**about, "runs": ordered}, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in ENGINES:
        child(sys.argv[1], sys.argv[2], float(sys.argv[3]))
    else:
        main(float(sys.argv[1]) if sys.argv[1:] else 600.0, sys.argv[2:] or list(TARGETS))
