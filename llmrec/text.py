"""How text is compared, measured and cut: one rule each, the same for every model."""

import html
import re
import unicodedata

ELLIPSIS = "..."

_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


def clean(text: str) -> str:
    """Unescape HTML entities and fold every run of white space or control characters to one space."""
    unescaped = html.unescape(html.unescape(text))
    if not unescaped.isprintable():
        return _BLANK.sub(" ", unescaped).strip()
    while "  " in unescaped:  # its only white space is the blank: the same, several times as fast
        unescaped = unescaped.replace("  ", " ")
    return unescaped.strip()


def normalise(text: str) -> str:
    """Return the form in which titles are compared: NFKC, case folded, letters and digits only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\W_]+", " ", folded).strip()


def tokens(text: str) -> int:
    """Estimate a text's tokens as its UTF-8 bytes / 4, rounded up; no model's tokenizer is asked, so
    every model gets the same prompt."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // 4)


def cut(text: str, budget: int) -> str:
    """Return the text, or its longest beginning within `budget` tokens, ended by an ellipsis."""
    if tokens(text) <= budget:
        return text
    kept = text.encode("utf-8", "surrogatepass")[: max(4 * budget - len(ELLIPSIS), 0)]
    return kept.decode("utf-8", "ignore").rstrip() + ELLIPSIS
