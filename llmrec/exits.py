"""What texts of strangers become where they leave: for a terminal, a spreadsheet, a document.

HTML is escaped by the pages' templates (see `llmrec.onefile` for their data), LaTeX by `llmrec.report.latex`.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

# What a terminal obeys, or reads in another order than it is written: controls but line ends and tabs,
# overrides of direction; and no characters: halves of one, and what no XML has. Right-to-left letters and
# joiners are letters.
_UNSEEN = re.compile(
    r"\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_NUMBER = re.compile(r"[+-]?(\d[\d.]*)?(e[+-]?\d+)?%?")
_MARKS = {"|": "&#124;", "<": "&lt;", "\n": " ", "\r": " "}
_DOCUMENT = str.maketrans(_MARKS)


def visible(text: str) -> str:
    """Return the text with a sign in place of what would steer a terminal or hide what is written."""
    return _UNSEEN.sub(_pictured, text)


def _pictured(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


def sheet(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as CSV. A text that a spreadsheet would take for a formula (it begins with one of
    = + - @, a tab or a line end, and is no number) has an apostrophe before it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([inert(cell) for cell in row] for row in (header, *rows))
    return text.getvalue()


def inert(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    runs = cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell)
    return "'" * runs + visible(cell)


def document(text: str) -> str:
    """Return a text as one line of Markdown that begins neither a cell nor HTML nor the target of a link."""
    return visible(text.translate(_DOCUMENT).replace("](", "]&#40;"))


def table(rows: Iterable[Sequence[str]]) -> str:
    """Return the rows of a table of Markdown: its header, its alignment, its body."""
    return "\n".join("| " + " | ".join(map(document, row)) + " |" for row in rows)
