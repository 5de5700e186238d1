"""One hostile corpus, through every way out."""

import csv
import io

import pytest

from llmrec.exits import document, sheet, table, visible

ESCAPES = (
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;http://x\x07link\x1b]8;;\x07",
    "a\rb",
    "\x9b2J",
    "\u202eevil",
    "\ud800",
)


@pytest.mark.parametrize("text", ESCAPES)
def test_a_terminal_is_shown_signs_in_place_of_what_it_obeys(text):
    shown = visible(text)
    assert len(shown) == len(text)
    assert shown.isprintable()


@pytest.mark.parametrize("text", ["line\nline", "a\tb", "row\r\n", "Crème", "香水", "مرحبا", "👩‍👩‍👧"])
def test_what_people_write_stays(text):
    assert visible(text) == text


@pytest.mark.parametrize(
    "cell", ["=1+1", "+A1", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "＝1", "-x"]
)
def test_a_cell_that_would_be_a_formula_is_a_text(cell):
    [_, [read]] = csv.reader(io.StringIO(sheet(["name"], [[cell]])))
    assert read[0] == "'"


@pytest.mark.parametrize("cell", ["-0.5", "+3", "1e-5", "-1.5e+3", "a=b", "", 0.5, None, -1])
def test_numbers_and_other_words_stay_what_they_are(cell):
    [_, read] = csv.reader(io.StringIO(sheet(["name", "n"], [[cell, 1]])))
    assert read == ["" if cell is None else str(cell), "1"]


def test_a_cell_of_markdown_stays_one_cell_of_plain_words():
    row = table(
        [["a|b\\|c", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "two\nlines", "\x1b[2J"]]
    )
    assert row.count("|") == 6
    assert not {"<", "\n", "\x1b"} & set(row)
    assert "](" not in row
    assert document("[0.1, 0.2]") == "[0.1, 0.2]"
