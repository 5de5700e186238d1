"""Changes the code of parsers, metrics and splits in small ways, one at a time, by mutmut: tests must notice.

`pip install mutmut` beside the tests' packages first. A change that they let through wants a test, or a
reason in docs/trust/survivors.json: nothing is to be noticed, or nothing that matters.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import bench

# The tests that hold each package to account.
TESTS = {
    "parser": ["tests/unit/parser", "tests/unit/test_refine.py"],
    "metric": ["tests/unit/metric"],
    "split": ["tests/unit/split"],
}
LEAST = 0.9
KILLED = {1, 2, 3, 24, 36, 152, 255, -9, -24}  # pytest failed, could not begin, or ran out of time or memory
UNTESTED = {5, 33}
REASONS = bench.ROOT / "docs/trust/survivors.json"
SETTINGS = """[mutmut]
source_paths=llmrec/
only_mutate=llmrec/{package}/*
also_copy=
    conf
    tests
    pyproject.toml
pytest_add_cli_args_test_selection=
    {tests}
pytest_add_cli_args=
    -p
    no:cacheprovider
    -k
    not quadratic and not bounded_time and not in_a_moment
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--packages", default=",".join(TESTS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=bench.ROOT / "docs/trust/mutants.json")
    args = parser.parse_args()
    told = json.loads(args.out.read_text())["packages"] if args.out.is_file() else {}
    reasons = json.loads(REASONS.read_text()) if REASONS.is_file() else {}
    about = bench.about(("mutmut", "pytest"))
    for package in args.packages.split(","):
        with tempfile.TemporaryDirectory() as folder:
            found = mutated(package, Path(folder) / "llmrec", args.processes, reasons)
        told[package] = found | {name: about[name] for name in ("date", "commit")}
        print(f"{package}: {found['killed']} of {found['mutants']} killed", flush=True)
        bench.write(args.out, about | {"packages": told})
    if faults := list(wrong(told)):
        sys.exit("\n".join(faults))


def mutated(package: str, copy: Path, processes: int, reasons: Mapping[str, str]) -> dict[str, Any]:
    """Run the tests against every mutant of a package, in a copy of what is committed."""
    subprocess.run(["git", "clone", "--quiet", str(bench.ROOT), str(copy)], check=True)
    tests = "\n    ".join(TESTS[package])
    (copy / "setup.cfg").write_text(SETTINGS.format(package=package, tests=tests))
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(processes)]
    subprocess.run(command, cwd=copy, check=False, stdout=subprocess.DEVNULL)
    statuses: dict[str, int | None] = {}
    for path in sorted((copy / "mutants/llmrec" / package).glob("*.meta")):
        statuses |= json.loads(path.read_text())["exit_code_by_key"]
    survivors = [name for name, status in statuses.items() if status not in KILLED]
    return {
        "mutants": len(statuses),
        "killed": len(statuses) - len(survivors),
        "untested": sum(status in UNTESTED for status in statuses.values()),
        "survivors": [survivor(name, copy, reasons) for name in survivors],
    }


def survivor(name: str, copy: Path, reasons: Mapping[str, str]) -> dict[str, str]:
    """Return a mutant that no test noticed: its name, what it changes, and why that may stand."""
    command = [sys.executable, "-m", "mutmut", "show", name]
    shown = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False).stdout
    lines = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    change = " -> ".join(line[1:].strip() for line in lines)
    return {"name": name, "change": change, "reason": reasons.get(change, "")}


def wrong(told: Mapping[str, Any]) -> Iterator[str]:
    for package, found in told.items():
        if found["killed"] < LEAST * found["mutants"]:
            yield f"{package}: {found['killed']} of {found['mutants']} killed, {LEAST:.0%} wanted"
        if without := [one["name"] for one in found["survivors"] if not one["reason"]]:
            yield f"{package}: {len(without)} survivors without a reason, the first {without[0]}"


if __name__ == "__main__":
    main()
