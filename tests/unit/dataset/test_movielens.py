"""GroupLens's archives, in miniature."""

import zipfile
from pathlib import Path

import pytest
from builders import EVERYTHING

from llmrec.dataset.download import RawFile
from llmrec.dataset.movielens import MovieLens1M, MovieLens100K, spoken
from llmrec.errors import DataError
from llmrec.progress import Silent
from llmrec.records import Corpus, Interaction, Item

FLAGS = "|".join("1" if n in (1, 5) else "0" for n in range(19))
OLD = {
    "ml-100k/u.data": "196\t242\t3\t881250949\n",
    "ml-100k/u.item": f"242|Caf\xe9 (1996)|01-Jan-1996||http://x|{FLAGS}\n",
}
NEW = {
    "ml-1m/ratings.dat": "1::1193::5::978300760\n",
    "ml-1m/movies.dat": "1193::Caf\xe9 (1975)::Drama|War\n2::Unseen::Comedy\n",
}


def load(kind: type, members: dict[str, str] | bytes, tmp_path: Path, unknown) -> Corpus:
    folder = tmp_path / "films"
    folder.mkdir()
    if isinstance(members, bytes):
        (folder / "a.zip").write_bytes(members)
    else:
        with zipfile.ZipFile(folder / "a.zip", "w") as archive:
            for name, text in members.items():
                archive.writestr(name, text.encode("latin-1"))
    raw = RawFile(file="a.zip", address="http://127.0.0.1:9/a.zip", sha256=None)
    dataset = kind(name="films", archive=raw, sample=EVERYTHING, k_core=0, max_bad_lines=0, expected=unknown)
    return dataset.load(tmp_path, tmp_path / "cache", Silent())


def test_the_million_is_read_with_latin_titles_and_genres(tmp_path, unknown):
    corpus = load(MovieLens1M, NEW, tmp_path, unknown)
    assert corpus.interactions == [Interaction("1", "1193", 5.0, 978300760, "", "")]
    assert corpus.items == {"1193": Item("1193", "Café (1975)", "", ("Drama", "War"))}


def test_the_hundred_thousand_has_a_flag_for_each_genre(tmp_path, unknown):
    corpus = load(MovieLens100K, OLD, tmp_path, unknown)
    assert corpus.interactions == [Interaction("196", "242", 3.0, 881250949, "", "")]
    assert corpus.items == {"242": Item("242", "Café (1996)", "", ("Action", "Comedy"))}


def test_a_bad_rating_is_named_by_its_line(tmp_path, unknown):
    members = {**NEW, "ml-1m/ratings.dat": "1::1193::5::978300760\n1::2::seven::1\n"}
    with pytest.raises(DataError) as caught:
        load(MovieLens1M, members, tmp_path, unknown)
    assert str(caught.value) == (
        "ml-1m/ratings.dat:2: rating 'seven' is not a number of stars (1 to 5); "
        "1 such lines skipped would be allowed by dataset.max_bad_lines=1"
    )


def test_a_broken_archive_is_one_line(tmp_path, unknown):
    with pytest.raises(DataError, match=r"a\.zip: File is not a zip file; delete the file"):
        load(MovieLens1M, b"PK\x03\x04 cut off", tmp_path, unknown)


def test_an_archive_of_something_else_names_what_is_missing(tmp_path, unknown):
    with pytest.raises(DataError, match=r"a\.zip: There is no item named 'ml-1m/ratings\.dat'"):
        load(MovieLens1M, OLD, tmp_path, unknown)


@pytest.mark.parametrize(
    ("filed", "title"),
    [
        ("Piano, The (1993)", "The Piano (1993)"),
        ("Cinema, Le (Screen, The) (1990)", "Le Cinema (Screen, The) (1990)"),
        ("Good, the Bad, and Other Words (1966)", "Good, the Bad, and Other Words (1966)"),
        ("Alien (1979)", "Alien (1979)"),
    ],
)
def test_titles_are_written_as_they_are_spoken(filed, title):
    assert spoken(filed) == title
