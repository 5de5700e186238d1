"""Where a model's files lie, and how a made one is stored."""

import hashlib
from pathlib import Path
from typing import NamedTuple, Self

from llmrec.errors import BackendError

CONTENTS = (".safetensors", ".bin", ".json", ".model", ".txt", ".jinja")


class Checkpoint(NamedTuple):
    """A folder or hub id, with what tells one state of it from another."""

    path: str
    revision: str | None
    changed: int

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Return the checkpoint in a local folder; `changed` is when its newest file was, in ns."""
        changed = max((file.stat().st_mtime_ns for file in folder.iterdir()), default=0)
        return cls(str(folder), None, changed)

    def identity(self) -> str:
        """Return a name of the contents: a hash of a folder's files, or a hub id with its commit."""
        folder = Path(self.path)
        if not folder.is_dir():
            from llmrec.model.local.library import explained, quiet

            with quiet(), explained(self.path):
                from transformers.utils.hub import cached_file

                config = cached_file(self.path, "config.json", revision=self.revision)
            return f"{self.path}@{Path(str(config)).parent.name}"
        total = hashlib.sha256()
        for file in sorted(file for file in folder.iterdir() if file.suffix in CONTENTS):
            with file.open("rb") as stream:
                total.update(file.name.encode() + hashlib.file_digest(stream, "sha256").digest())
        return f"{folder.name}@{total.hexdigest()[:32]}"


def find(path: str, revision: str | None) -> Checkpoint:
    """Return the checkpoint at a folder, else a hub id.

    Raises BackendError when `path` can only be a folder and is none.
    """
    folder = Path(path).expanduser()
    if folder.is_dir():
        return Checkpoint.of(folder)
    if path.startswith(("/", ".", "~")) or path.count("/") > 1 or folder.exists():
        raise BackendError(f"model.path: '{path}' is no folder; give one with a config.json, or a hub id")
    return Checkpoint(path, revision, 0)
