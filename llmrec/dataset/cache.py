"""Corpora on disk, each named by a fingerprint of what it was made from."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from llmrec.errors import DataError
from llmrec.files import UNREADABLE, write_atomic
from llmrec.progress import Progress
from llmrec.records import Corpus

READER_VERSION = 2  # raise it whenever the same bytes would be read into another corpus, or kept otherwise
DIGEST = 16  # bytes of a hash before what is kept, by which damage is seen
CHUNK = 1 << 20


def sha256(path: Path, cache_dir: Path, progress: Progress) -> str:
    """Return the file's SHA-256 in hex; asked again for a file that has not changed since (path, size
    and modification time), it is looked up, for large files take seconds to hash."""
    stat = path.stat()
    identity = f"{path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}"
    known = cache_dir / "sha256" / hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()
    if known.is_file() and len(digest := known.read_text()) == 64:
        return digest
    total = hashlib.sha256()
    try:
        with path.open("rb") as file, progress.bar(f"checking {path.name}", stat.st_size, "bytes") as advance:
            while chunk := file.read(CHUNK):
                total.update(chunk)
                advance(len(chunk))
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); check the file and its rights"
        ) from error
    write_atomic(known, total.hexdigest().encode())
    return total.hexdigest()


def fingerprint(rules: object, digests: Sequence[str]) -> str:
    """Return the name of a corpus: a hash of reading rules (JSON-able), raw bytes and this reader."""
    whole = msgspec.json.encode([READER_VERSION, rules, list(digests)])
    return hashlib.sha256(whole).hexdigest()[:32]


def cached(cache_dir: Path, name: str, build: Callable[[], Corpus]) -> Corpus:
    """Return the corpus stored under this fingerprint; where there is none, or it is damaged, build
    and store it."""
    path = cache_dir / "corpus" / f"{name}.msgpack"
    if path.is_file():
        kept = memoryview(path.read_bytes())
        with suppress(*UNREADABLE):
            if kept[:DIGEST] == _digest(kept[DIGEST:]):
                return msgspec.msgpack.decode(kept[DIGEST:], type=Corpus)
        path.unlink()
    corpus = build()
    content = msgspec.msgpack.encode(corpus)
    write_atomic(path, _digest(content) + content)
    return corpus


def _digest(content: bytes | memoryview) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST).digest()
