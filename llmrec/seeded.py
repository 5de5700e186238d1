"""Chance that depends on a seed and a name alone: never on order, process or machine."""

import hashlib
from random import Random


def hash64(*parts: object) -> int:
    """Return a stable 64-bit hash of the parts' texts, uniform over 0 .. 2**64 - 1."""
    joined = "\x1f".join(str(part) for part in parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big")


def rng(*parts: object) -> Random:
    """Return a generator seeded by the parts."""
    return Random(hash64(*parts))
