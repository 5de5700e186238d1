"""Cleaning, comparing, measuring and cutting text."""

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from llmrec.text import clean, cut, normalise, tokens


def test_entities_are_unescaped_even_twice_and_blanks_folded():
    assert clean("Mac &amp;amp; Co.\n\t&quot;Red&quot;\x00") == 'Mac & Co. "Red"'


@given(st.text(st.sampled_from("ab&lt;# \t\n\x00\x1c\x85\xa0\u2003\u200b\u00ad\ud800é"), max_size=20))
def test_blanks_and_controls_are_folded_whatever_else_a_text_holds(text):
    unescaped = html.unescape(html.unescape(text))
    assert clean(text) == re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", unescaped).strip()


def test_titles_compare_without_case_punctuation_and_width():
    assert normalise("ＯＰＩ Nail-Lacquer, 0.5 oz!") == normalise("opi nail lacquer 0 5 OZ")


def test_a_token_is_four_bytes():
    assert [tokens(text) for text in ("", "a", "abcd", "abcde", "שלום")] == [0, 1, 1, 2, 2]


@given(st.text(max_size=300), st.integers(1, 40))
def test_a_cut_text_keeps_its_beginning_and_its_budget(text, budget):
    shown = cut(text, budget)
    assert tokens(shown) <= budget
    assert shown == text or text.startswith(shown.removesuffix("...").rstrip())
