"""Opening a capsule that a stranger made: nothing in it is trusted before it was looked at."""

import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from llmrec.capsule.contents import MANIFEST, NEEDED, OPTIONAL, SCHEMA, Manifest, described, read_manifest
from llmrec.errors import DataError

KNOWN = frozenset((MANIFEST, *NEEDED, *OPTIONAL))
WAY_OUT = "ask for one that llmrec export made"


def unpacked(path: Path, most: int) -> dict[str, bytes]:
    """Return the files of a capsule by name, `most` bytes in all.

    Raises DataError, before anything is unpacked, for what is no zip or is larger, and for entries that no
    capsule has: of other names, twice, links, folders, encrypted ones.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            check_entries(path, entries, most)
            return {entry.filename: content(archive, path, entry) for entry in entries}
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a capsule ({error}); {WAY_OUT}") from error


def check_entries(path: Path, entries: Sequence[zipfile.ZipInfo], most: int) -> None:
    """Raise DataError for entries that no capsule has, or that are larger than `most` bytes together."""
    counts = Counter(entry.filename for entry in entries)
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        faults = {
            "is no file of a capsule": entry.orig_filename not in KNOWN,
            "is there twice": counts[entry.filename] > 1,
            "is a link or a folder, not a file": kind not in (0, stat.S_IFREG),
            "is encrypted": bool(entry.flag_bits & 0x1),
            "is packed in an unknown way": entry.compress_type
            not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED),
        }
        for fault, holds in faults.items():
            if holds:
                raise DataError(f"{path}: {entry.orig_filename!r} {fault}; {WAY_OUT}")
    size = sum(entry.file_size for entry in entries)
    if size > most:
        raise DataError(
            f"{path}: unpacks to {size / 2**30:,.2f} GiB, more than {most / 2**30:g}; where you trust it, "
            "allow more by --max-gib"
        )
    lacking = [name for name in (MANIFEST, *NEEDED) if name not in counts]
    if lacking:
        raise DataError(f"{path}: has no {lacking[0]}; {WAY_OUT}")


def content(archive: zipfile.ZipFile, path: Path, entry: zipfile.ZipInfo) -> bytes:
    """Return an entry's bytes, never more than it declares. Raises DataError where there are others."""
    with archive.open(entry) as file:
        found = file.read(entry.file_size + 1)
    if len(found) != entry.file_size:
        raise DataError(
            f"{path}: {entry.filename} declares {entry.file_size:,} bytes and has others; {WAY_OUT}"
        )
    return found


def told(path: Path, files: dict[str, bytes]) -> Manifest:
    """Return a capsule's manifest. Raises DataError where it is none, or of another schema."""
    try:
        manifest = read_manifest(files[MANIFEST])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise DataError(f"{path}: {MANIFEST} is none ({error}); {WAY_OUT}") from error
    if manifest.schema != SCHEMA:
        raise DataError(
            f"{path}: {MANIFEST} is of schema {manifest.schema!r}, this llmrec reads {SCHEMA}; take the "
            "version that made it"
        )
    return manifest


def changed(files: dict[str, bytes], manifest: Manifest) -> list[str]:
    """Return what the manifest says otherwise than the files, by file."""
    found = {name: described(content) for name, content in files.items() if name != MANIFEST}
    lines = []
    for name in sorted(found.keys() | manifest.files.keys()):
        claimed, here = manifest.files.get(name), found.get(name)
        if claimed is None or here is None:
            lines.append(f"{name!r}: {'not' if claimed is None else 'only'} in the manifest")
        elif claimed != here:
            lines.append(
                f"{name}: not as the manifest says: {claimed.size:,} bytes of sha256 "
                f"{claimed.sha256[:16]!r}, found {here.size:,} of {here.sha256[:16]!r}"
            )
    return lines
