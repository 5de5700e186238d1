"""What users and shops wrote, as token ids that are never a control token's."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from tokenizers import Tokenizer

# Code points that no text has: one stands within what only looks like a control token, the other around the
# names under which the template's own are found.
BREAK, MARK = "\ufdd0", "\ufdd1"
UNUSABLE = re.compile("[\ufdd0-\ufdef]")
FIRST_SIGN = re.compile(r"\S")


class Quoting:
    """Encodes texts of which parts are quoted. A control token is one that the tokenizer calls special, or an
    added one in angle or square brackets, such as <think>; an added word is none.

    A text without a quoted control token is left to the tokenizer. Any other is encoded by a copy of it that
    knows the control tokens by other names, which the template's own are given before: so the same letters in
    a quotation are letters. A tokenizer that cannot be copied is shown them with a space inside.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._backend = getattr(tokenizer, "backend_tokenizer", None)
        added = tokenizer.added_tokens_decoder.values()
        control = sorted({str(token) for token in added if token.special or is_bracketed(str(token))} - {""})
        self._names = {token: f"{MARK}{place}{MARK}" for place, token in enumerate(control)}
        longest_first = sorted(control, key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def quoted(self, text: str) -> str:
        """Return the text with a break in each control token, and one anywhere if only the tokenizer's
        normalizer makes it hold one."""
        usable = UNUSABLE.sub("\ufffd", text)
        broken = self._control.sub(lambda found: found[0][0] + BREAK + found[0][1:], usable)
        if broken == usable and self._control.search(self._normalised(usable)):
            return FIRST_SIGN.sub(lambda found: found[0] + BREAK, usable, count=1)
        return broken

    def ids(self, texts: Sequence[str], special: bool) -> list[list[int]]:
        """Return the token ids of texts, what is quoted in them broken; `special` adds the tokenizer's start
        and end tokens."""
        found: list[list[int]] = self._tokenizer(
            [text.replace(BREAK, " ") for text in texts],
            add_special_tokens=special,
            return_attention_mask=False,
        )["input_ids"]
        for place, text in enumerate(texts):
            if BREAK in text and self._backend is not None:
                named = self._control.sub(lambda token: self._names[token[0]], text).replace(BREAK, "")
                found[place] = self._blind.encode(named, add_special_tokens=special).ids
        return found

    def _normalised(self, text: str) -> str:
        normalizer = getattr(self._backend, "normalizer", None)
        return text if normalizer is None else str(normalizer.normalize_str(text))

    @cached_property
    def _blind(self) -> Tokenizer:
        assert self._backend is not None
        return renamed(self._backend, self._names)


def is_bracketed(token: str) -> bool:
    return token[:1] + token[-1:] in ("<>", "[]") and len(token) > 2


def renamed(backend: Tokenizer, names: Mapping[str, str]) -> Tokenizer:
    """Return a copy that has tokens under other names, with the same ids."""
    form = json.loads(backend.to_str()) | {"truncation": None, "padding": None}
    for token in form["added_tokens"]:
        if token["content"] in names:
            token |= {"content": names[token["content"]], "normalized": False}
    model = form["model"]
    if isinstance(model["vocab"], dict):
        model["vocab"] = {names.get(piece, piece): number for piece, number in model["vocab"].items()}
    else:
        model["vocab"] = [[names.get(piece, piece), score] for piece, score in model["vocab"]]
    if model.get("unk_token") in names:
        model["unk_token"] = names[model["unk_token"]]
    return Tokenizer.from_str(json.dumps(form))
