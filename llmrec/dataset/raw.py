"""Raw files as numbered lines, compressed or not, and what a line-by-line reader trips over."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

from isal import igzip, isal_zlib

from llmrec.errors import DataError
from llmrec.progress import Progress

GZIP_MAGIC = b"\x1f\x8b"
CHUNK = 1 << 18  # bytes
LONGEST_LINE = 1 << 24  # bytes; the longest published ones have some tens of thousands
MOST_EXPANDED = 200  # times; published files expand less than 10 times
EXPANDED_FREELY = 1 << 20  # bytes


def numbered_lines(path: Path, progress: Progress) -> Iterator[tuple[int, bytes]]:
    """Yield (number from 1, line) of a gzip or plain file, told apart by its first bytes.

    Raises DataError when the file is empty, cannot be opened, or ends in the middle; and when it is made to
    fill a memory or a day: a line of more than LONGEST_LINE, or contents that expand beyond all measure.
    """
    number = 0
    try:
        size = path.stat().st_size
        if not size:
            raise DataError(f"{path}: 0 bytes; delete the file to have it fetched again, or copy it anew")
        with path.open("rb") as file, progress.bar(f"reading {path.name}", size, "bytes") as advance:
            packed = file.read(2) == GZIP_MAGIC
            file.seek(0)
            done = expanded = 0
            for lines in line_lists((igzip.IGzipFile(fileobj=file) if packed else file).read, path.name):
                expanded += sum(map(len, lines))
                check_expansion(path.name, expanded, size)
                yield from enumerate(lines, start=number + 1)
                number += len(lines)
                advance(file.tell() - done)
                done = file.tell()
            advance(size - done)
    except (OSError, EOFError, isal_zlib.error) as error:  # type: ignore[misc]  # its stub has an instance
        raise DataError(
            f"{path}: cannot be read beyond line {number} ({error}); "
            "delete the file to have it fetched again, or copy it anew"
        ) from error


def line_lists(read: Callable[[int], bytes], name: str) -> Iterator[list[bytes]]:
    """Yield the lines of one chunk after another, with their ends; a list is made many times as fast as its
    lines one by one. Raises DataError for a line that is too long to be a row."""
    number, rest = 0, b""
    while chunk := read(CHUNK):
        *lines, rest = BytesIO(rest + chunk).readlines()
        if len(lines[0] if lines else rest) > LONGEST_LINE:
            raise DataError(
                f"{name}:{number + 1}: a line of more than {LONGEST_LINE:,} bytes, which no row has; "
                "copy it anew"
            )
        number += len(lines)
        yield lines
    if rest:
        yield [rest]


def check_expansion(name: str, expanded: int, packed: int) -> None:
    """Raise DataError for `expanded` bytes out of `packed` ones that no real data have."""
    if expanded > max(EXPANDED_FREELY, MOST_EXPANDED * packed):
        raise DataError(
            f"{name}: expands to more than {MOST_EXPANDED} times its {packed:,} bytes, which no data do; "
            "copy it anew, or unpack it yourself"
        )
