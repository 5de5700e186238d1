"""What strangers wrote reaches the terminal as signs, by plain prints, errors, consoles and bars."""

import io
import sys

from llmrec.cli import dispatch
from llmrec.commands.console import Bars, Terminal
from llmrec.commands.terminal import guarded
from llmrec.comparison.table import drawn
from llmrec.errors import DataError

HOSTILE = "[red]x[/blue] \x1b]8;;http://a\x07\x1b[2J\x9b31m\r:smile: \u202eend"


def obeys(text: str) -> bool:
    return any(sign in text for sign in "\x1b\x07\x9b\r\u202e")


def test_an_error_with_escapes_and_line_ends_is_one_visible_line(capsys):
    assert dispatch([f"a\n{HOSTILE}"]) == 2
    told = capsys.readouterr().err
    shown = "a [red]x[/blue] ?]8;;http://a??[2J?31m :smile: ?end"
    assert told == f"error: llmrec {shown}: no such command; see llmrec --help\n"
    assert not obeys(told)
    assert str(DataError("a\nb\u2028c")) == "a b c"


def test_a_table_a_title_and_a_line_are_shown_as_they_are_written(capsys, monkeypatch):
    console = Terminal(width=200)
    console.print(drawn([HOSTILE], [[HOSTILE]], HOSTILE))
    console.print(HOSTILE)
    shown = capsys.readouterr().out
    assert shown.count("[red]x[/blue]") == 4
    assert ":smile:" in shown
    assert not obeys(shown)


def test_a_console_colours_by_its_own_sequences_alone():
    stream = io.StringIO()
    console = Terminal(file=stream, force_terminal=True, width=200)
    console.print(HOSTILE, style="bold", highlight=False)
    assert stream.getvalue().startswith("\x1b[1m")
    assert not obeys(stream.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", ""))


def test_the_label_of_a_bar_is_no_markup_and_no_escape():
    stream = io.StringIO()
    with Bars(Terminal(file=stream, force_terminal=True, width=200)).bar(HOSTILE, 2, "rows") as advance:
        advance(1, HOSTILE)
    assert "[red]x[/blue]" in stream.getvalue()
    assert "\x1b]8" not in stream.getvalue()
    assert "\x9b" not in stream.getvalue()


def test_a_handler_that_closes_its_stream_closes_neither_output_nor_error():
    with guarded():
        streams = sys.stdout, sys.stderr
    for stream in streams:
        stream.close()
    assert not sys.stdout.closed
    assert not sys.stderr.closed
