"""Texts of users, shops and models that mean to be more than texts: how many there are, and what a server is
sent.

Rules of shape, for no list of all models' control tokens exists. They rather miss a sign than take a smiley,
a price or a path for one: of 40,000 real titles, reviews and summaries (a million words) they count two.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from llmrec.records import Completion, Prompt

# <|im_end|>, <｜User｜>, </s>, <start_of_turn>, <extra_id_0>, <tool_call>, [/INST], <<SYS>>, [gMASK]
_CONTROL = re.compile(
    r"<[|｜][^<>\s]{1,40}[|｜]>|<</?SYS>>|\[/?(?:INST|TOOL_CALLS|[gs]?MASK|CLS|SEP|PAD|UNK|BOS|EOS)\]"
    r"|</?(?:s|pad|unk|bos|eos|sop|eop|mask|think|system|user|assistant|tool_\w+|\w+_of_\w+|extra_id_\d+)>"
)
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b[^.!?\n]{0,40}"
    r"\b(?:instructions?|prompts?|rules|guidelines|above|previous|earlier)\b",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|<!--")
_HIDDEN = re.compile(
    r"[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f]"
)
# A control but white space; one that is written out, as \x1b[31m or ESC[2J; and what the reading of data,
# which folds controls, leaves of them: "[31m", which no bracket closes, or "]8;;http".
_TERMINAL = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]|(?:\\(?:x1[bB]|e|0?33|u001[bB])|\bESC)[\[\]]"
    r"|\[\??\d{1,3}(?:;\d{1,3})*[A-HJKSTfhlmnsu](?![^\[\]]*\])|(?<!\S)\]\d{1,4};"
)
# A command with an argument in braces, or one that acts without; not $...$, which prices look like.
_LATEX = re.compile(
    r"\\[a-zA-Z@]+\*?\s?(?:\[[^\[\]]*\])?\{"
    r"|\\(?:input|write18|immediate|openin|openout|csname|catcode)(?![a-z])|\\(?:def|let)\\"
)
# Where a word begins, a sign and the call of a function or a program; behind = also a cell, a sum or a text.
_FORMULA = re.compile(
    r"""(?<![^\s"'(,|])[=+\-@＝＋－＠](?:[=+\-@]*[a-zA-Z][\w.]*(?:\(|\|')"""
    r"""|(?<=[=＝])\s?[+-]?(?:\$?[A-Z]{1,3}\$?\d+\b|\d[\d.]*\s?[-+*/^]\s?\$?\w|"))"""
)
SIGNS = {
    "control_tokens": _CONTROL,
    "orders": _ORDERS,
    "markup": _MARKUP,
    "hidden_characters": _HIDDEN,
    "terminal_escapes": _TERMINAL,
    "latex": _LATEX,
    "formulas": _FORMULA,
}
BREAK = "\u200b"


def counts(prompts: Iterable[Prompt], completions: Iterable[Completion]) -> dict[str, int]:
    """Return how many prompts, and how many completions, hold texts of each kind, by the name of the count;
    kinds that none holds are left out."""
    asked = ("\n".join(message.content for message in prompt.messages) for prompt in prompts)
    said = ("\n".join(done.texts) for done in completions)
    return {**held("prompts", asked), **held("answers", said)}


def held(by: str, texts: Iterable[str]) -> dict[str, int]:
    """Return how many of the texts hold signs of each kind, under `<by>_with_<kind>`."""
    found = Counter(kind for text in texts for kind, sign in SIGNS.items() if sign.search(text))
    return {f"{by}_with_{kind}": found[kind] for kind in SIGNS if found[kind]}


def told(counts: Mapping[str, int]) -> str:
    """Return what was counted in words, "" where nothing was."""
    kept = [f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items() if "s_with_" in name]
    return ", ".join(kept)


def broken(text: str) -> str:
    """Return the text with a zero-width space within whatever has the shape of a control token, behind its
    first sign: a server's tokenizer, which is not at hand, then finds no token, and readers of answers, who
    go by letters and digits, no difference."""
    return _CONTROL.sub(lambda found: found[0][0] + BREAK + found[0][1:], text)
