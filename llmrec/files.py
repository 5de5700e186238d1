"""Files and folders that are written whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from llmrec.errors import DataError

# What decoding raises for bytes that are not what they should be: the last for nesting without end.
UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)


LONGEST_YAML = 1 << 17  # characters; a stored config has some ten thousand
DEEPEST_YAML = 40


def plain_yaml(path: Path) -> str:
    """Return the text of a YAML file that nothing grows out of: short, flat, without aliases.

    Raises ValueError for any other, yaml.YAMLError for what is no YAML, OSError.
    """
    import yaml

    with path.open(encoding="utf-8") as file:
        content = file.read(LONGEST_YAML + 1)
    if len(content) > LONGEST_YAML:
        raise ValueError(f"more than {LONGEST_YAML:,} characters")
    depth = 0
    for event in yaml.parse(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST_YAML or isinstance(event, yaml.AliasEvent):
            raise ValueError(f"line {event.start_mark.line + 1} nests without end, or repeats by an alias")
    return content


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file, its folder too. Raises DataError when the disk does not take it; what stood there
    before is kept then."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:32]}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(partial, 0o666 & ~_umask())
            os.replace(partial, path)
        except BaseException:
            os.unlink(partial)
            raise
    except OSError as error:
        raise unwritable(path, error) from error


def made_once(folder: Path, write: Callable[[Path], None]) -> Path:
    """Return `folder`, written by `write(temporary folder)` if it is not there; never half written."""
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            write(partial)
            partial.chmod(0o755)
            _take_place(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    return folder


def _take_place(partial: Path, folder: Path) -> None:
    try:
        os.rename(partial, folder)
    except OSError:
        # Another process finished first: its folder holds the same.
        if not folder.is_dir():
            raise


def unwritable(path: Path, error: OSError) -> DataError:
    """Return the error of a disk that takes no more."""
    return DataError(
        f"{path}: cannot be written ({error.strerror}); what was computed before is kept: mend that and "
        f"give the same command again"
    )


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it; temporary files ignore it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
