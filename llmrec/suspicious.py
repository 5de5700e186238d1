"""Texts of users and shops that mean to be more than texts: how many there are, and what a server is sent.

Rules of shape, for no list of all models' control tokens exists.
"""

import re
from collections.abc import Iterable

from llmrec.records import Prompt

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
SIGNS = {"control_tokens": _CONTROL, "orders": _ORDERS, "markup": _MARKUP, "hidden_characters": _HIDDEN}
BREAK = "\u200b"


def counts(prompts: Iterable[Prompt]) -> dict[str, int]:
    """Return how many prompts hold texts of each kind, by the name of the count; kinds that none holds are
    left out."""
    found = dict.fromkeys(SIGNS, 0)
    for prompt in prompts:
        text = "\n".join(message.content for message in prompt.messages)
        for kind, sign in SIGNS.items():
            found[kind] += sign.search(text) is not None
    return {f"prompts_with_{kind}": count for kind, count in found.items() if count}


def broken(text: str) -> str:
    """Return the text with a zero-width space within whatever has the shape of a control token, behind its
    first sign: a server's tokenizer, which is not at hand, then finds no token, and readers of answers, who
    go by letters and digits, no difference."""
    return _CONTROL.sub(lambda found: found[0][0] + BREAK + found[0][1:], text)
