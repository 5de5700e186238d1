"""Capsules as tests take them apart and put them together, and the marks that no byte of one may bear."""

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from llmrec.capsule.contents import MANIFEST, manifest, packed

MARK = "zqmarked"
USER, HOST = f"{MARK}user", f"{MARK}host"


def files_of(capsule: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(capsule) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def repacked(files: Mapping[str, bytes], to: Path, honest: bool = False) -> Path:
    """Write a capsule of these files; an `honest` one has a manifest that tells of them as they are."""
    if honest:
        rest = {name: content for name, content in files.items() if name != MANIFEST}
        files = {**rest, MANIFEST: manifest(rest, [])}
    to.write_bytes(packed(files))
    return to


def edited(content: bytes, line: int, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return JSON lines with one of them, counted from 0, changed in place."""
    lines = content.splitlines()
    record = json.loads(lines[line])
    change(record)
    lines[line] = json.dumps(record).encode()
    return b"\n".join(lines) + b"\n"
