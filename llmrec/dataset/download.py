"""Raw files: found in their folder, or fetched from where they are published."""

import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llmrec.dataset.cache import sha256
from llmrec.errors import DataError
from llmrec.files import write_atomic
from llmrec.progress import Advance, Progress

CHUNK = 1 << 18
TIMEOUT = 30.0  # seconds without a byte
DELAYS = (0.5, 2.0)  # seconds before the second and third attempt


@dataclass(kw_only=True)  # not frozen: OmegaConf cannot fill a frozen class inside another
class RawFile:
    """A published file: its name in the data set's folder, its address, and its SHA-256 in hex; where
    that is None, the first download's is written beside the file and holds from then on."""

    file: str
    address: str
    sha256: str | None


class _Interrupted(Exception):
    """The connection ended early; what came is kept, and another attempt goes on from there."""


def obtain(
    raw: RawFile, folder: Path, cache_dir: Path, progress: Progress, delays: Sequence[float] = DELAYS
) -> Path:
    """Return where the file lies (unpacked beside its name without .gz will do); download it if absent.

    Raises DataError when it can neither be found nor fetched, or its bytes are not the pinned ones.
    """
    path = folder / raw.file
    unpacked = folder / raw.file.removesuffix(".gz")
    if path.is_file():
        _verify(path, _pinned(raw, path), cache_dir, progress)
        return path
    if unpacked.is_file():
        return unpacked
    part = folder / f"{raw.file}.part"
    _download(raw, part, progress, delays)
    digest = sha256(part, cache_dir, progress)
    pinned = _pinned(raw, path)
    if pinned not in (None, digest):
        rejected = part.replace(folder / f"{raw.file}.rejected")
        raise DataError(
            f"{raw.address}: sha256 {digest} came, {pinned} is pinned; the download is kept as {rejected}; "
            f"if the publisher has changed the file, change dataset's sha256 or delete {_beside(path).name}"
        )
    if pinned is None:
        write_atomic(_beside(path), f"{digest}\n".encode())
    part.replace(path)
    return path


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _pinned(raw: RawFile, path: Path) -> str | None:
    if raw.sha256:
        return raw.sha256.lower()
    return _beside(path).read_text().strip() if _beside(path).is_file() else None


def _verify(path: Path, pinned: str | None, cache_dir: Path, progress: Progress) -> None:
    if pinned is None:
        return
    digest = sha256(path, cache_dir, progress)
    if digest != pinned:
        raise DataError(
            f"{path}: its sha256 is {digest}, {pinned} is pinned; delete the file, "
            f"and {_beside(path).name} if there is one, to have it fetched again"
        )


def _download(raw: RawFile, part: Path, progress: Progress, delays: Sequence[float]) -> None:
    with _written(part):
        part.parent.mkdir(parents=True, exist_ok=True)
    last = ""
    for delay in (0.0, *delays):
        time.sleep(delay)
        try:
            return _attempt(raw, part, progress)
        except urllib.error.HTTPError as error:
            last = f"HTTP {error.code} {error.reason}"
            if error.code < 500:
                break
        except (_Interrupted, http.client.HTTPException, OSError, ValueError) as error:
            last = str(getattr(error, "reason", error)) or type(error).__name__
    with suppress(OSError):  # an empty folder of our making would look like a data set
        part.parent.rmdir()
    raise DataError(
        f"{raw.file}: not in {part.parent}, and {raw.address} did not give it ({last}); "
        "download it elsewhere and put it into that folder"
    )


def _attempt(raw: RawFile, part: Path, progress: Progress) -> None:
    """Fetch what is still missing; a server that ignores the range sends, and we take, all of it."""
    have = part.stat().st_size if part.is_file() else 0
    try:
        response = _open(raw.address, have)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not have:
            raise
        if error.headers.get("Content-Range") == f"bytes */{have}":
            return
        part.unlink()
        have, response = 0, _open(raw.address, 0)
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            have = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            part.unlink()
            raise _Interrupted("another range came than was asked for")
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with progress.bar(f"downloading {raw.file}", total, "bytes") as advance:
            advance(have)
            _pour(response.read, part, "ab" if have else "wb", advance)
    got = part.stat().st_size
    if total is not None and got < total:
        raise _Interrupted(f"{got:,} of {total:,} bytes came")


def _open(address: str, start: int) -> http.client.HTTPResponse:
    headers = {"User-Agent": "llmrec", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(address, headers=headers)
    response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT)
    return response


def _pour(read: Callable[[int], bytes], part: Path, mode: Literal["ab", "wb"], advance: Advance) -> None:
    with _written(part):
        file = part.open(mode)
    with file:
        while chunk := read(CHUNK):
            with _written(part):
                file.write(chunk)
            advance(len(chunk))
        with _written(part):
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def _written(part: Path) -> Iterator[None]:
    """Tell a disk that refuses from a network that fails: both are OSErrors."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{part}: cannot be written ({error.strerror}); with room on the disk, run again to go on"
        ) from error
