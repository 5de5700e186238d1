"""The packages that the tests run with are taken by the digests of their files."""

import re
from pathlib import Path

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


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
