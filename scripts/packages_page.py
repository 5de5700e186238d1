"""Write the page of the packages below: `scripts/packages_page.py > docs/packages.md`.

Licences are those that the installed packages state; known vulnerabilities are asked of the package index by
pip-audit, where that is installed and the index tells them.
"""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

import bench
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKED = bench.ROOT / "hashes.txt"
LOWEST = bench.ROOT / "docs/trust/lowest.json"
HEAD = """# The packages below

What llmrec and its extras install, in the versions that the tests run with, and under which licence, as the
packages say. `constraints.txt` names the versions and `hashes.txt` the digests of their files, by which
`scripts/setup dev` and CI install them; torch alone is taken without, for its build is the machine's choice.
Written by `scripts/packages_page.py`.
"""
EXTRAS = ("", "quant", "baselines", "served", "joblib", "slurm", "ray", "texts", "bertscore", "plots", "dev")


def main() -> None:
    print(HEAD)
    print(vulnerabilities() + "\n")
    lowest = json.loads(LOWEST.read_text())
    print(tested(lowest) + "\n")
    print("| package | version | lowest tested | licence | wanted by |\n| :-- | :-- | :-- | :-- | :-- |")
    least = {canonicalize_name(name): version for name, version in lowest["versions"].items()}
    wanted: dict[str, str] = {}
    for extra in EXTRAS:
        for name in closure("llmrec", extra):
            wanted.setdefault(name, extra or "llmrec")
    for name in sorted(wanted.keys() - {"llmrec"}):
        found = distribution(name)
        versions = f"{found.version} | {least.get(name, '')}"
        print(f"| {found.name} | {versions} | {licence(found)} | {wanted[name]} |")


def tested(lowest: Mapping[str, Any]) -> str:
    """Return which versions are tested by what, and what came of those that no commit is held to."""
    at, versions = f"{lowest['date'][:10]} ({lowest['commit']})", lowest["versions"]
    came_to = f"{lowest['passed']:,} tests passed, {lowest['failed']} failed, {lowest['skipped']} skipped"
    return f"""CI tests the newest versions. `scripts/lowest` tests the lowest that `pyproject.toml` allows of
each package that it names, with the newest of what only others name. On {at}, with Python
{versions["python"]}: {came_to}; [trust/lowest.json](trust/lowest.json) says which.
Both ran with torch {versions["torch"]}, for no other could be had there: its lower bound is not tested.
What these tests do not load was but installed: ruff, mypy, build, playwright, tensorboard, fastapi, uvicorn,
Hydra's launchers."""


def closure(name: str, extra: str) -> Iterator[str]:
    """Yield the names of all installed packages that a package with an extra needs, itself included."""
    seen, waiting = set[tuple[str, str]](), [(canonicalize_name(name), extra), (canonicalize_name(name), "")]
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        try:
            requires = distribution(at[0]).requires or []
        except PackageNotFoundError:
            continue  # of another platform, or left out on purpose
        yield at[0]
        for needed in map(Requirement, requires):
            if needed.marker is None or needed.marker.evaluate({"extra": at[1]}):
                own = canonicalize_name(needed.name)
                waiting += [(own, ""), *((own, each) for each in needed.extras)]


def licence(found: Distribution) -> str:
    """Return the licence that a package states: an expression, else its classifiers, else its first line."""
    told = found.metadata
    if expression := told.get("License-Expression"):
        return expression
    classified = [line for line in told.get_all("Classifier", []) if line.startswith("License ::")]
    names = [line.rpartition(" :: ")[2] for line in classified if not line.endswith("OSI Approved")]
    first = (told.get("License") or "").strip().partition("\n")[0]
    return ", ".join(names) or first[:60] or "not stated"


def vulnerabilities() -> str:
    """Ask the package index for known vulnerabilities of every locked version."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    if importlib.util.find_spec("pip_audit") is None:
        return "Known vulnerabilities were not asked for: `pip install pip-audit` first."
    command = ["-m", "pip_audit", "--requirement", str(LOCKED), "--no-deps", "--disable-pip", "-f", "json"]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    packages = json.loads(re.search(r"^\{.*\}$", done.stdout, re.MULTILINE)[0])["dependencies"]  # type: ignore[index]
    told = [package for package in packages if "vulns" in package]
    if not told:
        return f"The index asked on {today} has nothing on vulnerabilities of any version: none was checked."
    bad = [f"- {p['name']} {p['version']}: {v['id']}" for p in told for v in p["vulns"]]
    head = f"Known vulnerabilities on {today}, of {len(told)} versions of {len(packages)}: {len(bad)}."
    return "\n".join([head, *bad])


if __name__ == "__main__":
    main()
