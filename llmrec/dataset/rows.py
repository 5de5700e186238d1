"""One raw row to one `Interaction`: the only place that checks ids, stars, times and texts."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from llmrec.errors import DataError
from llmrec.files import UNREADABLE
from llmrec.records import Interaction
from llmrec.text import clean

Line = TypeVar("Line")
FETCH_AGAIN = "delete the file to have it fetched again, or copy it anew"
LATEST = 253_402_300_799  # the last second of the year 9999: later times are milliseconds by mistake
SHOWN = 40
MOST_BAD = 100_000  # lines; a file with more is of another kind, and may have been made to take a day


class TimeUnit(Enum):
    """What a raw timestamp counts; the value is how many make a second."""

    seconds = 1
    milliseconds = 1000


@dataclass(kw_only=True)  # not frozen: OmegaConf cannot fill a frozen class inside another
class Columns:
    """What a raw row calls its fields; a text that it does not have is None."""

    user: str
    item: str
    rating: str
    timestamp: str
    review: str | None
    summary: str | None


class BadRow(Exception):
    """A row that is no interaction; says which field breaks which rule."""


class BadLines:
    """The rows that were refused: the first reason, with its place, and how many there were: DataError is
    raised for more than MOST_BAD."""

    def __init__(self) -> None:
        self.first = ""
        self.count = 0

    def add(self, place: str, reason: str) -> None:
        self.first = self.first or f"{place}: {reason}"
        self.count += 1
        if self.count > MOST_BAD:
            raise DataError(
                f"{self.first}; and so on for {MOST_BAD:,} lines: give a file of reviews or items"
            )

    def check(self, allowed: int) -> None:
        """Raise DataError, naming the first, when there are more than `allowed`."""
        if self.count > allowed:
            raise DataError(
                f"{self.first}; {self.count} such lines skipped would be allowed by "
                f"dataset.max_bad_lines={self.count}"
            )


def gather(
    file: str,
    lines: Iterable[tuple[int, Line]],
    parse: Callable[[Line], Interaction],
    bad: BadLines,
    way_out: str = FETCH_AGAIN,
) -> list[Interaction]:
    """Parse numbered lines, putting those that cannot be parsed on the list of bad ones.

    Raises DataError when no line at all is an interaction: then this is some other kind of file.
    """
    rows = []
    refused = BadLines()
    for number, line in lines:
        try:
            rows.append(parse(line))
        except BadRow as error:
            refused.add(f"{file}:{number}", str(error))
    if not rows:
        lines_seen = f"{refused.count} lines, and none is an interaction ({refused.first})"
        seen = lines_seen if refused.count else "holds no line"
        raise DataError(f"{file}: {seen}; {way_out}")
    if refused.count:
        bad.first, bad.count = bad.first or refused.first, bad.count + refused.count
    return rows


def interaction(row: Mapping[str, Any], columns: Columns, unit: TimeUnit) -> Interaction:
    """Return the row as an interaction, its time in seconds; raises BadRow when it breaks a rule."""
    return Interaction(
        user=_identifier(row, columns.user),
        item=_identifier(row, columns.item),
        rating=_stars(row, columns.rating),
        timestamp=_seconds(row, columns.timestamp, unit),
        review=_text(row, columns.review),
        summary=_text(row, columns.summary),
    )


def quick(columns: Columns, unit: TimeUnit) -> Callable[[bytes], Interaction | None]:
    """Return a parser of JSON lines that hold each field of these columns in its type and within its bounds,
    as nearly all do; it returns None for a line that `json_object` and `interaction` have to mend or refuse.
    """
    identifier = Annotated[str, Meta(min_length=1)]
    checked: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        ("user", identifier),
        ("item", identifier),
        ("rating", Annotated[float, Meta(ge=1, le=5)]),
        ("timestamp", Annotated[int, Meta(ge=0, le=LATEST * unit.value)]),
        ("review", str | None, None),
        ("summary", str | None, None),
    ]
    names = asdict(columns)
    decode = msgspec.json.Decoder(msgspec.defstruct("Row", checked, rename=names, gc=False)).decode
    per_second = unit.value

    def parse(line: bytes) -> Interaction | None:
        try:
            row: Any = decode(line)
        except UNREADABLE:
            return None
        if row.user.isspace() or row.item.isspace():
            return None
        review = clean(row.review) if row.review else ""
        summary = clean(row.summary) if row.summary else ""
        return Interaction(row.user, row.item, row.rating, row.timestamp // per_second, review, summary)

    return parse


def json_object(line: bytes) -> dict[str, Any]:
    """Parse a JSON object. What the strict parser refuses (lone surrogates, a byte order mark, NaN)
    gets a second reading by the lenient one; raises BadRow when neither can."""
    try:
        row = msgspec.json.decode(line)
    except UNREADABLE:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise BadRow(f"line {shown(line.decode('utf-8', 'replace'))} is not JSON") from None
    if not isinstance(row, dict):
        raise BadRow(f"line {shown(row)} is not a JSON object")
    return row


def well_formed(text: str) -> str:
    """Return the text with lone surrogates, which no file or terminal takes, replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def tidy(value: object) -> str:
    """Return a title, brand or category in one clean line; "" for what is no text."""
    return clean(well_formed(value)) if isinstance(value, str) else ""


def shown(value: object) -> str:
    """Return the value for a message: on one line, and not too long for it."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, or lists without end
        return f"a {type(value).__name__} too large to show"
    return text if len(text) <= SHOWN else text[: SHOWN - 4] + "..." + text[-1]


def _required(row: Mapping[str, Any], field: str) -> Any:
    value = row.get(field)
    if value is None:
        raise BadRow(f"{field} is missing")
    return value


def _identifier(row: Mapping[str, Any], field: str) -> str:
    value = _required(row, field)
    if not isinstance(value, str) or not value.strip():
        raise BadRow(f"{field} {shown(value)} is not an id")
    return well_formed(value)


def _stars(row: Mapping[str, Any], field: str) -> float:
    value = _required(row, field)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 5:
        raise BadRow(f"{field} {shown(value)} is not a number of stars (1 to 5)")
    return float(value)


def _seconds(row: Mapping[str, Any], field: str, unit: TimeUnit) -> int:
    value = _required(row, field)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= LATEST * unit.value or value != int(value):
        raise BadRow(f"{field} {shown(value)} is not a time in whole {unit.name} since 1970")
    return int(value) // unit.value


def _text(row: Mapping[str, Any], field: str | None) -> str:
    value = None if field is None else row.get(field)
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        raise BadRow(f"{field} {shown(value)} is not a text")
    return clean(well_formed(value))
