"""Write the page of what is promised: `scripts/guarantees_page.py > docs/guarantees.md`.

What is said stands in docs/trust/promises.yaml; the figures are those of the long proofs beside it, and the
number of cases that pytest finds.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import bench
import yaml

TRUST = bench.ROOT / "docs/trust"
HEAD = """# What is promised

What llmrec keeps to, how that is tested, what it came to, and what is not promised. The cases run on every
commit, but for the long ones (`-m slow`); the command repeats the long form of the proof. Written by
`scripts/guarantees_page.py` from [trust/promises.yaml](trust/promises.yaml).
"""
COLUMNS = ("promise", "how it is tested", "what it came to", "again by", "not promised")


def main() -> None:
    promises = yaml.safe_load((TRUST / "promises.yaml").read_text("utf-8"))
    rows = [COLUMNS, [":--"] * len(COLUMNS), *map(row, promises)]
    print(HEAD)
    print("\n".join("| " + " | ".join(cells) + " |" for cells in rows))


def row(promise: Mapping[str, Any]) -> list[str]:
    came_to = [f"{cases(promise['tests']):,} cases", *proof(promise.get("proof"))]
    command = f"`{promise['command']}`"
    return [promise["promise"], promise["tested"], "; ".join(came_to), command, promise["beyond"]]


def cases(paths: Sequence[str]) -> int:
    """Return how many tests there are below these paths."""
    asked = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "slow or not slow", *paths]
    done = subprocess.run(asked, cwd=bench.ROOT, capture_output=True, text=True, check=True)
    counts = re.findall(r"^\S+\.py: (\d+)$", done.stdout, re.MULTILINE)
    return sum(map(int, counts)) or len(re.findall(r"^\S+\.py::", done.stdout, re.MULTILINE))


def proof(name: str | None) -> list[str]:
    """Return what a long proof came to."""
    if name is None:
        return []
    file = TRUST / f"{name}.json"
    return TOLD[name](json.loads(file.read_text())) if file.is_file() else ["the long form has not run yet"]


def faults(found: Mapping[str, Any]) -> list[str]:
    return [f"{found['faults']:,} faults, of which {len(found['wrong'])} did not end well {at(found)}"]


def fuzz(found: Mapping[str, Any]) -> list[str]:
    inputs, seconds = (sum(run[name] for run in found["runs"]) for name in ("inputs", "seconds"))
    findings = sum(len(run["findings"]) for run in found["runs"])
    readers, commits = (sorted({run[name] for run in found["runs"]}) for name in ("target", "commit"))
    last = {"date": max(run["date"] for run in found["runs"]), "commit": ", ".join(commits)}
    least = min(run["seconds"] for run in found["runs"])
    told = f"{len(readers)} readers, {inputs:,} inputs in {seconds:,} s, at least {least:,} s"
    return [f"{told} a reader and engine, {findings} findings {at(last)}"]


def mutants(found: Mapping[str, Any]) -> list[str]:
    packages = found["packages"].items()
    return [f"{name}: {one['killed']:,} of {one['mutants']:,} mutants {at(one)}" for name, one in packages]


def lowest(found: Mapping[str, Any]) -> list[str]:
    return [
        f"with the lowest versions {found['passed']:,} tests passed, {found['failed']} failed {at(found)}"
    ]


def at(found: Mapping[str, Any]) -> str:
    return f"({found['date'][:10]}, {found['commit']})"


TOLD = {"faults": faults, "fuzz": fuzz, "mutants": mutants, "lowest": lowest}


if __name__ == "__main__":
    main()
