"""The packages that the tests run with are taken by their files' digests; the lowest were tested."""

import json
import re
import tomllib
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

CHECKOUT = Path(__file__).resolve().parents[1]


def test_every_version_but_that_of_torch_has_its_digests():
    versions = dict(
        re.findall(r"^([\w.-]+)==(\S+)", (CHECKOUT / "constraints.txt").read_text(), re.MULTILINE)
    )
    locked = re.findall(
        r"^([\w.-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
        (CHECKOUT / "hashes.txt").read_text(),
        re.MULTILINE,
    )
    assert len(locked) > 100
    assert {(plain(name), version) for name, version, _ in locked} == {
        (plain(name), version) for name, version in versions.items() if name != "torch"
    }


def test_every_lower_bound_but_that_of_torch_is_a_version_that_passed_the_tests():
    """A bound that changes wants `scripts/lowest`, then `scripts/packages_page.py > docs/packages.md`."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    wanted = map(Requirement, chain(project["dependencies"], *project["optional-dependencies"].values()))
    bounds = {
        one.name: Version(each.version) for one in wanted for each in one.specifier if each.operator == ">="
    }
    lowest = json.loads((CHECKOUT / "docs/trust/lowest.json").read_text())
    assert lowest["failed"] == 0
    assert bounds.pop("torch") <= Version(lowest["versions"]["torch"])
    assert {name: Version(lowest["versions"][name]) for name in bounds} == bounds


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
