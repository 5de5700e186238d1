"""What counts as more than a text, in data and in answers, and what people write that does not."""

import pytest

from llmrec.records import Completion, Message, Part, Prompt
from llmrec.suspicious import SIGNS, counts, told
from llmrec.text import clean

HOSTILE = {
    "terminal_escapes": (
        "\x1b[31mred", "\x9b2J", "a\x07", r"\x1b[0m", r"\033]0;title", r"\e[1;31m", "ESC[2J",
        clean("\x1b[31mred\x1b[0m"), clean("a\x1b[2J"), clean("\x1b]8;;http://a\x07link"), clean("\x1b[?25l"),
    ),
    "latex": (
        r"\input{/etc/passwd}", r"\input /etc/passwd", r"\immediate\write18{ls}", r"\href{http://a}{b}",
        r"\include [x]{y}", r"\csname a\endcsname", r"\def\x{1}", r"\catcode`\@=11",
    ),
    "formulas": (
        "=HYPERLINK(A1)", "=1+1", "=A1", "@SUM(1+1)*cmd|' /C calc'!A0", "-cmd|' /C calc'!A0", "+cmd|'x'!A",
        "=+A1+B2", '="a"&B1', "＝SUM(A1)", "- =IMPORTXML(A1)", 'Product: "=WEBSERVICE(A1)"', "\t=cmd|'x'!A",
    ),
}  # fmt: skip
USUAL = (
    "- 2 Pack", "-", "+Plus", "+iffy way to say it", "=)", "=] - fine", "-1 star for plastic",
    "+1-800-555-1234", "- Put this on", "@home", "5 x 2 = 10", "SPF 30 + 15", "a=b", "vitamins B5 + B12",
    "$5 and $10", r"c:\windows\inf", r"Q: No \m/", r"100pcs \t Nail", r"winder\cutter", r"C:\include\x",
    "cable [5m]", "[10ml x 3] cream", "[2018]", "Nail Art [001KR]", "[img]", "x]; y", "{history}", "50% off",
    "I'd buy = 3 more", "two\nlines\tand tabs", "Crème (香水)",
)  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind in HOSTILE for text in HOSTILE[kind]])
def test_a_text_that_means_to_be_more_is_of_its_kind(kind, text):
    assert [name for name, sign in SIGNS.items() if sign.search(text)] == [kind]
    assert SIGNS[kind].search(f"1. a title\n2. {text}\n3. another")


@pytest.mark.parametrize("text", USUAL)
def test_what_people_write_is_of_no_kind(text):
    assert not [name for name, sign in SIGNS.items() if sign.search(text)]


def test_prompts_and_answers_are_counted_apart_each_once_a_kind():
    def asked(text):
        return Prompt("a", 0, (Message("user", (Part(None, text),)),), 0, ())

    def said(*texts):
        return Completion("a", 0, texts, None, "stop", 1, 1)

    found = counts(
        [asked("=1+1 and =2+2"), asked("=1+1 <b>"), asked("plain")], [said("\x1b[0m", "\x1b[1m"), said()]
    )
    assert found == {"prompts_with_markup": 1, "prompts_with_formulas": 2, "answers_with_terminal_escapes": 1}
    words = "prompts with markup 1, prompts with formulas 2, answers with terminal escapes 1"
    assert told({"interactions": 9, **found}) == words
    assert counts([asked("plain")], [said("5")]) == {}
