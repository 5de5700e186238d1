"""A corpus is read once for the same bytes and rules."""

import hashlib
import os
from pathlib import Path

import pytest

from llmrec.dataset.cache import DIGEST, sha256
from llmrec.progress import Silent

NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # SHA-256 of no bytes


def stored(folder: Path) -> list[Path]:
    return sorted((folder / "cache" / "corpus").iterdir())


def test_the_same_bytes_and_rules_have_one_corpus(load, row, tmp_path):
    assert load([row()]) == load([row()])
    assert len(stored(tmp_path)) == 1


def test_a_second_load_reads_the_cache_not_the_raw_file(load, row, tmp_path):
    path = tmp_path / "cache" / "corpus" / f"{load([row()]).fingerprint}.msgpack"
    other = path.read_bytes()[DIGEST:].replace(b"Nice.", b"Other")
    path.write_bytes(hashlib.blake2b(other, digest_size=DIGEST).digest() + other)
    assert load([row()]).interactions[0].review == "Other"


def test_other_bytes_have_another_fingerprint(load, row):
    assert load([row()]).fingerprint != load([row(overall=5.0)]).fingerprint


def test_other_rules_have_another_fingerprint(load, row):
    assert load([row()]).fingerprint != load([row()], max_bad_lines=1).fingerprint


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"\xc1garbage",
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b"Nice.", b"Nice!"),
    ],
    ids=["emptied", "another file", "cut", "one byte"],
)
def test_a_damaged_cache_is_rebuilt(load, row, tmp_path, damage):
    first = load([row()])
    [path] = stored(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert load([row()]) == first


def test_a_hash_is_looked_up_while_size_and_time_stay(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert sha256(path, tmp_path / "cache", Silent()) == NOTHING
    path.write_bytes(b"x")
    assert sha256(path, tmp_path / "cache", Silent()) != NOTHING
    moment = path.stat().st_mtime_ns
    before = sha256(path, tmp_path / "cache", Silent())
    path.write_bytes(b"y")
    os.utime(path, ns=(moment, moment))
    assert sha256(path, tmp_path / "cache", Silent()) == before
