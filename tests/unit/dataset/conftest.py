"""Raw files written by hand, and the readers that read them."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import EVERYTHING

from llmrec.dataset.amazon import AmazonReviews
from llmrec.dataset.assemble import Expected
from llmrec.dataset.download import RawFile
from llmrec.progress import Silent
from llmrec.records import Corpus

UNKNOWN = Expected(users=None, items=None, interactions=None)
NOWHERE = "http://127.0.0.1:9/reviews.json"


@pytest.fixture
def unknown() -> Expected:
    return UNKNOWN


@pytest.fixture
def row() -> Callable[..., dict[str, Any]]:
    """Return a 2014 review, with some fields replaced; a field set to None is left out."""

    def make(**changes: Any) -> dict[str, Any]:
        fields = {
            "reviewerID": "u1",
            "asin": "i1",
            "overall": 4.0,
            "unixReviewTime": 86400,
            "reviewText": "Nice.",
            "summary": "ok",
            **changes,
        }
        return {key: value for key, value in fields.items() if value is not None}

    return make


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Corpus]:
    """Write reviews (rows, or bytes as they are) and metadata lines; read them as a data set."""

    def read(
        reviews: list[dict[str, Any]] | bytes, metadata: list[str] | None = None, **rules: Any
    ) -> Corpus:
        folder = tmp_path / "shop"
        folder.mkdir(exist_ok=True)
        lines = (
            reviews if isinstance(reviews, bytes) else "".join(f"{json.dumps(r)}\n" for r in reviews).encode()
        )
        (folder / "reviews.json").write_bytes(lines)
        described = None
        if metadata is not None:
            (folder / "meta.json.gz").write_bytes(gzip.compress("\n".join(metadata).encode()))
            described = RawFile(file="meta.json.gz", address=NOWHERE, sha256=None)
        dataset = AmazonReviews(
            name="shop",
            reviews=RawFile(file="reviews.json", address=NOWHERE, sha256=None),
            metadata=described,
            **{"sample": EVERYTHING, "k_core": 0, "max_bad_lines": 0, "expected": UNKNOWN, **rules},
        )
        return dataset.load(tmp_path, tmp_path / "cache", Silent())

    return read
