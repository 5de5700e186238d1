"""What can be chosen: read from the names and first lines of conf/, without Hydra, so it is quick."""

import re
from pathlib import Path
from typing import NamedTuple

from llmrec.config import conf_dir

_DESCRIPTION = re.compile(r"^description:\s*(.+?)\s*$", re.MULTILINE)
INHERITED = "_"  # a file of that first letter is a base for others, never chosen


class Option(NamedTuple):
    """One choice of a group."""

    name: str
    description: str


def groups() -> list[str]:
    """Return the groups of conf/, in order of name."""
    return sorted(
        folder.name for folder in conf_dir().iterdir() if folder.is_dir() and folder.name != "hydra"
    )


def options(group: str) -> list[Option]:
    """Return a group's choices with their one-line descriptions."""
    files = sorted((conf_dir() / group).glob("*.yaml"), key=lambda file: file.stem)
    return [Option(file.stem, description(file)) for file in files if not file.stem.startswith(INHERITED)]


def description(file: Path) -> str:
    found = _DESCRIPTION.search(file.read_text(encoding="utf-8"))
    return found.group(1).strip("\"'") if found else ""
