"""Files and folders that are written whole or not at all, a power failure included."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from llmrec.errors import DataError

SEAL = ".whole"  # in a folder made once: the size of every file

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
                file.flush()
                os.fsync(handle)
            os.chmod(partial, 0o666 & ~_umask())
            os.replace(partial, path)
        except BaseException:
            os.unlink(partial)
            raise
    except OSError as error:
        raise unwritable(path, error) from error


def made_once(folder: Path, write: Callable[[Path], None]) -> Path:
    """Return `folder`, written by `write(temporary folder)` if it is not there; never half written.

    Raises DataError when a file of it is no longer as it was written.
    """
    if folder.is_dir():
        _check(folder)
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            write(partial)
            partial.chmod(0o755)
            (partial / SEAL).write_text(_sizes(partial))
            for path in partial.rglob("*"):
                _to_disk(path)
            _take_place(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    return folder


def _sizes(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SEAL)
    return "".join(f"{path.stat().st_size} {path.relative_to(folder)}\n" for path in files)


def _check(folder: Path) -> None:
    seal = folder / SEAL  # none in a folder of before there were any
    if seal.is_file() and seal.read_text() != _sizes(folder):
        raise DataError(
            f"{folder}: is damaged, its files have not the sizes they had; remove it to make it anew"
        )


def _to_disk(path: Path) -> None:
    """Have what was written lie on the disk, not on its way there, where a power failure would lose it."""
    if path.is_file():
        with path.open("rb") as file:
            os.fsync(file.fileno())


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
