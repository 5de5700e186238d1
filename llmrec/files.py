"""Files that are written whole or not at all."""

import os
import tempfile
from pathlib import Path

from llmrec.errors import DataError


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
