"""Raw files as numbered lines, compressed or not, and what a line-by-line reader trips over."""

from collections.abc import Iterator
from pathlib import Path

from isal import igzip, isal_zlib

from llmrec.errors import DataError
from llmrec.progress import Progress

GZIP_MAGIC = b"\x1f\x8b"
STRIDE = 4096


def numbered_lines(path: Path, progress: Progress) -> Iterator[tuple[int, bytes]]:
    """Yield (number from 1, line) of a gzip or plain file, told apart by its first bytes.

    Raises DataError when the file is empty, cannot be opened, or ends in the middle.
    """
    number = 0
    try:
        size = path.stat().st_size
        if not size:
            raise DataError(f"{path}: 0 bytes; delete the file to have it fetched again, or copy it anew")
        with path.open("rb") as file, progress.bar(f"reading {path.name}", size, "bytes") as advance:
            packed = file.read(2) == GZIP_MAGIC
            file.seek(0)
            done = 0
            for number, line in enumerate(igzip.IGzipFile(fileobj=file) if packed else file, start=1):
                yield number, line
                if number % STRIDE == 0:
                    advance(file.tell() - done)
                    done = file.tell()
            advance(size - done)
    except (OSError, EOFError, isal_zlib.error) as error:  # type: ignore[misc]  # its stub has an instance
        raise DataError(
            f"{path}: cannot be read beyond line {number} ({error}); "
            "delete the file to have it fetched again, or copy it anew"
        ) from error
