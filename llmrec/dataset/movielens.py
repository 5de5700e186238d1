"""MovieLens: films and stars, read from GroupLens's zip archives; there are no reviews."""

import re
import zipfile
import zlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import ClassVar

from llmrec.dataset.assemble import Reading
from llmrec.dataset.download import RawFile, obtain
from llmrec.dataset.files import FileDataset
from llmrec.dataset.raw import check_expansion, line_lists
from llmrec.dataset.rows import BadLines, BadRow, Columns, TimeUnit, gather, interaction, shown, tidy
from llmrec.errors import DataError
from llmrec.progress import Progress
from llmrec.records import Interaction, Item

COLUMNS = Columns(user="user", item="item", rating="rating", timestamp="timestamp", review=None, summary=None)
RATING = ("user", "item", "rating", "timestamp")

# What zipfile raises for an archive that is damaged, encrypted, or packed in a way of its own.
BROKEN = (zipfile.BadZipFile, zlib.error, KeyError, EOFError, OSError, RuntimeError, ValueError)

_FILED = re.compile(r"(.+), (The|A|An|Le|La|Les|Il|Das|Der|Die|El)((?: \([^)]*\))*)")


@dataclass(frozen=True, kw_only=True)
class MovieLens(FileDataset):
    """An archive with a table of ratings and one of films, whose genres are their categories."""

    ratings: ClassVar[str]
    films: ClassVar[str]
    rating_separator: ClassVar[str]
    film_separator: ClassVar[str]
    archive: RawFile

    @abstractmethod
    def genres(self, fields: Sequence[str]) -> tuple[str, ...]:
        """Return a film's genres from the fields after its id and title."""

    def fetch(self, folder: Path, cache_dir: Path, progress: Progress) -> list[Path]:
        return [obtain(self.archive, folder, cache_dir, progress)]

    def read(self, paths: Sequence[Path], progress: Progress) -> Reading:
        (path,) = paths
        bad = BadLines()
        try:
            with zipfile.ZipFile(path) as archive:
                rows = gather(self.ratings, _lines(archive, self.ratings, progress), self._rating, bad)
                items = self._items(_lines(archive, self.films, progress), bad)
        except BROKEN as error:
            raise DataError(
                f"{path}: {error.args[0] if error.args else error}; "
                "delete the file to have it fetched again, or copy it anew"
            ) from error
        return Reading(rows, items, bad, [])

    def _rating(self, line: str) -> Interaction:
        fields = line.split(self.rating_separator)
        if len(fields) != len(RATING):
            raise BadRow(f"line {shown(line)} is not {', '.join(RATING)}")
        user, item, rating, timestamp = fields
        row = {"user": user, "item": item, "rating": whole(rating), "timestamp": whole(timestamp)}
        return interaction(row, COLUMNS, TimeUnit.seconds)

    def _items(self, lines: Iterator[tuple[int, str]], bad: BadLines) -> dict[str, Item]:
        items = {}
        for number, line in lines:
            identifier, *rest = line.split(self.film_separator)
            if not identifier or not rest:
                bad.add(f"{self.films}:{number}", f"line {shown(line)} is not a film")
                continue
            items[identifier] = Item(identifier, spoken(tidy(rest[0])), "", self.genres(rest[1:]))
        return items


@dataclass(frozen=True, kw_only=True)
class MovieLens1M(MovieLens):
    """ml-1m.zip: `::` between fields, genres by name."""

    ratings = "ml-1m/ratings.dat"
    films = "ml-1m/movies.dat"
    rating_separator = "::"
    film_separator = "::"

    def genres(self, fields: Sequence[str]) -> tuple[str, ...]:
        return tuple(fields[0].split("|")) if fields and fields[0] else ()


@dataclass(frozen=True, kw_only=True)
class MovieLens100K(MovieLens):
    """ml-100k.zip: tabs between fields, a flag for each genre."""

    ratings = "ml-100k/u.data"
    films = "ml-100k/u.item"
    rating_separator = "\t"
    film_separator = "|"

    # The order of the flags, as u.genre in the archive states it.
    GENRES: ClassVar[tuple[str, ...]] = (
        "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
        "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller",
        "War", "Western",
    )  # fmt: skip

    def genres(self, fields: Sequence[str]) -> tuple[str, ...]:
        flags = fields[-len(self.GENRES) :]
        return tuple(name for name, flag in zip(self.GENRES, flags, strict=False) if flag == "1")


def spoken(title: str) -> str:
    """Return a title as people and models write it: "Piano, The (1993)" becomes "The Piano (1993)"."""
    found = _FILED.fullmatch(title)
    return f"{found[2]} {found[1]}{found[3]}" if found else title


def whole(text: str) -> int | str:
    """Return the number that the text writes, or the text, for the check of values to refuse."""
    return int(text) if text.isascii() and text.isdigit() else text


def _lines(archive: zipfile.ZipFile, member: str, progress: Progress) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, line without its end); the archives are in Latin-1."""
    found = archive.getinfo(member)
    size = found.file_size
    check_expansion(member, size, found.compress_size)
    with archive.open(member) as file, progress.bar(f"reading {member}", size, "bytes") as advance:
        for number, line in enumerate(chain.from_iterable(line_lists(file.read, member)), start=1):
            advance(len(line))
            yield number, line.decode("latin-1").rstrip("\r\n")
