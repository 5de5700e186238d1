"""What a capsule is: one zip file of a finished run, which holds itself to a manifest of its files."""

import hashlib
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from io import BytesIO

import msgspec
from msgspec import Struct

from llmrec import artifacts
from llmrec.artifacts import pretty

SUFFIX = ".llmrec.zip"
SCHEMA = "llmrec/capsule/1"
MANIFEST = "manifest.json"
TRAINING = "training.jsonl"  # training answers, where scores look at them
CATALOGUE = "catalogue.json"  # items as shown, by the data's ids, where texts were read as items

NEEDED = (
    artifacts.CONFIG,
    artifacts.ENVIRONMENT,
    artifacts.EXAMPLES,
    artifacts.PROMPTS,
    artifacts.COMPLETIONS,
    artifacts.PREDICTIONS,
    artifacts.METRICS,
)
OPTIONAL = (artifacts.ITEMS, artifacts.TUNING, artifacts.FIT, TRAINING, CATALOGUE)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first that a zip can tell
_LEVEL = 6


class File(Struct, frozen=True):
    """A file's SHA-256 in hex, and its bytes."""

    sha256: str
    size: int


class Manifest(Struct, frozen=True):
    """`llmrec` is the version that made the capsule; `made_relative` are the settings whose value, a place on
    the machine of then, was taken out."""

    schema: str
    llmrec: str
    made_relative: list[str]
    files: dict[str, File]


def described(content: bytes) -> File:
    return File(hashlib.sha256(content).hexdigest(), len(content))


def manifest(files: Mapping[str, bytes], made_relative: list[str]) -> bytes:
    """Return the manifest of these files, as JSON."""
    told = {name: described(content) for name, content in sorted(files.items())}
    return pretty(Manifest(SCHEMA, version("llmrec"), made_relative, told))


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of the files by name: the same files are the same bytes, whenever and whoever packs them
    (with the same zlib)."""
    whole = BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, _LEVEL)
    return whole.getvalue()


def read_manifest(content: bytes) -> Manifest:
    """Raises msgspec.MsgspecError where it is none."""
    return msgspec.json.decode(content, type=Manifest)
