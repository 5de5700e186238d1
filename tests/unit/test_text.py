"""Cleaning, comparing, measuring and cutting text."""

from hypothesis import given
from hypothesis import strategies as st

from llmrec.text import clean, cut, normalise, tokens


def test_entities_are_unescaped_even_twice_and_blanks_folded():
    assert clean("Mac &amp;amp; Co.\n\t&quot;Red&quot;\x00") == 'Mac & Co. "Red"'


def test_titles_compare_without_case_punctuation_and_width():
    assert normalise("ＯＰＩ Nail-Lacquer, 0.5 oz!") == normalise("opi nail lacquer 0 5 OZ")


def test_a_token_is_four_bytes():
    assert [tokens(text) for text in ("", "a", "abcd", "abcde", "שלום")] == [0, 1, 1, 2, 2]


@given(st.text(max_size=300), st.integers(1, 40))
def test_a_cut_text_keeps_its_beginning_and_its_budget(text, budget):
    shown = cut(text, budget)
    assert tokens(shown) <= budget
    assert shown == text or text.startswith(shown.removesuffix("...").rstrip())
