"""Readers of strangers' bytes: a value or one line, whatever the bytes. `scripts/fuzz` does it for long."""

import gzip
import re
import tracemalloc
import zipfile

import pytest
from fuzzed import META, REVIEW, TARGETS, films, hold
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmrec.dataset.amazon import read_amazon
from llmrec.errors import DataError
from llmrec.progress import Silent

MEGABYTE = 1 << 20
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
).map(lambda value: repr(value).encode("utf-8", "replace"))
SCALAR = re.compile(rb'"[^"]*"|-?\d[\d.]*|true|false|null')
ODD = (
    b"null", b"true", b"-1", b"0", b"9e99", b"1e400", b"NaN", b"-Infinity", b"9" * 30, b"2147483648",
    b'""', b'"x\\ny"', b'"\\ud800"', b'"\\u001b[2J"', b'"${seed}"', b'"../x"',
    b"[]", b"{}", b"[[0, 1]]",
)  # fmt: skip
DEEP = [
    b"[" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b"(" * 5_000 + b")" * 5_000,
    b"-" * 20_000 + b"1",
    b"9" * 100_000,
    b"{'asin': 0x" + b"f" * 50_000 + b"}",
    b'{"asin": ' + b"9" * 5_000 + b"}",
    b"{'asin': __import__('os').system('touch executed')}",
    b"{'asin': 'i', 'title': 'x' * 10**10}",
    b"{'asin': [" + b"0," * 20_000 + b"]}",
    b'{"overall": 1e400, "unixReviewTime": NaN, "asin": "i", "reviewerID": "u"}',
    b'{"asin": "\\ud800", "reviewerID": "\\ud800", "overall": 5, "unixReviewTime": 1}',
    b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n",
    b"model: {path: '${oc.env:HOME}'}\n",
    b"task: {_target_: antigravity.x}\n",
    b"task: {_target_: '..x.y'}\n",
    b"a: !!python/object/apply:os.system ['touch executed']\n",
    b'"' + b"x" * 200_000,
    b"\xff\xfe\x00",
    b"-9",
    b"",
]


def mutated(seed: bytes) -> st.SearchStrategy[bytes]:
    """Return the seed with a stretch of it replaced by other bytes."""
    places = st.integers(0, len(seed))
    return st.tuples(places, places, st.binary(max_size=12)).map(
        lambda cut: seed[: min(cut[:2])] + cut[2] + seed[max(cut[:2]) :]
    )


def bent(seed: bytes) -> st.SearchStrategy[bytes]:
    """Return the seed with some of its numbers and texts replaced by others that fit no reader's mind."""
    spans = [found.span() for found in SCALAR.finditer(seed)]
    if not spans:
        return st.just(seed)

    def changed(given: list[tuple[tuple[int, int], bytes]]) -> bytes:
        content = seed
        for (start, end), odd in sorted(dict(given).items(), reverse=True):
            content = content[:start] + odd + content[end:]
        return content

    return st.lists(st.tuples(st.sampled_from(spans), st.sampled_from(ODD)), max_size=3).map(changed)


def inputs(seeds: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Return what targets are given: any bytes, changed seeds, and structures."""
    return st.one_of(st.binary(max_size=200), *map(mutated, seeds), *map(bent, seeds), JSON)


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_read_or_refused_in_one_line(name, tmp_path_factory):
    folder = tmp_path_factory.mktemp(name)

    @settings(
        max_examples=TARGETS[name].examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(inputs(TARGETS[name].seeds))
    def held(data):
        hold(name, data, folder)

    held()


@pytest.mark.parametrize("name", TARGETS)
def test_nesting_huge_numbers_code_and_aliases_are_refused_and_nothing_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for deep in DEEP:
        for data in (gzip.compress(deep), *(head + deep for head in TARGETS[name].heads)):
            hold(name, data, tmp_path)
    assert not (tmp_path / "executed").exists()


def peak(read) -> int:
    tracemalloc.start()
    with pytest.raises(DataError) as refused:
        read()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "\n" not in str(refused.value)
    return most


@pytest.mark.parametrize("filler", [b"\0", b"\n"], ids=["one line", "lines"])
def test_a_gzip_bomb_is_refused_in_flat_memory(tmp_path, filler):
    bomb = tmp_path / "reviews.json.gz"
    with gzip.open(bomb, "wb") as file:
        file.write(REVIEW)
        for _ in range(160):
            file.write(filler * MEGABYTE)
    bomb.write_bytes(bomb.read_bytes())
    assert peak(lambda: read_amazon([bomb], Silent())) < 100 * MEGABYTE


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("ml-1m/ratings.dat", "w") as file:
            for _ in range(160):
                file.write(b"\0" * MEGABYTE)
        archive.writestr("ml-1m/movies.dat", b"1::x::y\n")
    content = (tmp_path / "bomb.zip").read_bytes()
    assert peak(lambda: films(content, tmp_path)) < 100 * MEGABYTE


def test_a_literal_that_would_fill_the_memory_is_a_bad_line(tmp_path):
    (tmp_path / "r.json").write_bytes(REVIEW)
    (tmp_path / "meta.json").write_bytes(META + b"{'asin': 'i', 'x': [" + b"0," * MEGABYTE + b"]}\n")
    reading = read_amazon([tmp_path / "r.json", tmp_path / "meta.json"], Silent())
    assert reading.bad.count == 1
    assert "too long for a Python dict" in reading.bad.first
