"""Where a model's files lie, and how a made one is stored."""

import hashlib
from pathlib import Path
from typing import NamedTuple, Self

from llmrec.errors import BackendError

CONTENTS = (".safetensors", ".bin", ".json", ".model", ".txt", ".jinja")


PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")  # read where the user names one of them alone


class Checkpoint(NamedTuple):
    """A folder or hub id, with what tells one state of it from another. `pickled` says that its weights are
    to be read from PICKLES, as weights alone, not from safetensors."""

    path: str
    revision: str | None
    changed: int
    pickled: bool = False

    def refuse_pickle(self) -> None:
        """Raise BackendError for a folder whose weights are a pickle alone, which was not named."""
        folder = Path(self.path)
        found = [name for name in PICKLES if (folder / name).is_file()]
        if found and not self.pickled and not any(folder.glob("*.safetensors")):
            raise BackendError(
                f"model.path: '{self.path}' holds no .safetensors but {found[0]}, a pickle, which may carry "
                f"code; convert it, or name it, to be read as weights alone: model.path={folder / found[0]}"
            )

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

    The name of one of PICKLES behind it says that the weights are read from there. Raises BackendError when
    `path` can only be a folder and is none.
    """
    folder = Path(path).expanduser()
    if folder.name in PICKLES and (folder.is_file() or not folder.parent.is_dir()):
        return find(path.removesuffix(f"/{folder.name}"), revision)._replace(pickled=True)
    if folder.is_dir():
        return Checkpoint.of(folder)
    if path.startswith(("/", ".", "~")) or path.count("/") > 1 or folder.exists():
        raise BackendError(f"model.path: '{path}' is no folder; give one with a config.json, or a hub id")
    return Checkpoint(path, revision, 0)
