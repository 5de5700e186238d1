"""Which words of a data set's reviews are features of its products, by a stated rule."""

import re
from collections import Counter
from collections.abc import Iterable

_BEFORE = "the|a|an|this|these|those|my|its|their|your|our|his|her|any|no|some"
_AFTER = (
    "is|are|was|were|has|had|does|did|and|or|but|of|for|in|on|to|that|which|it|i|with|as|at|from|by|"
    "so|because|when|than|would|will|can|could|you|we|they|she|he|not|very|really|if|out|up|off"
)
_GENERIC = (
    "one|ones|same|way|lot|bit|few|first|last|best|only|other|thing|things|time|times|"
    "day|days|year|years|week|month|product|item|amazon|reason|problem|people|person|fact|"
    "rest|kind|sort|end|point|will"
)
_FUNCTION = frozenset(f"{_BEFORE}|{_AFTER}".split("|"))
_TOO_GENERIC = frozenset(_GENERIC.split("|"))
_PHRASE = re.compile(rf"\b(?:{_BEFORE})\s+((?:[a-z]+\s+)?[a-z]{{3,}})(?=\s*[.,;:!?)]|\s+(?:{_AFTER})\b|\s*$)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"[a-z]+")


def heads(review: str) -> set[str]:
    """Return the head nouns of a review: the last word of a phrase that starts after a determiner and
    ends before punctuation or a function word ("a lovely scent that" -> "scent")."""
    found = (match.group(1).split() for match in _PHRASE.finditer(review.casefold()))
    return {words[-1] for words in found if not _FUNCTION & set(words)} - _TOO_GENERIC


def shared_features(reviews: Iterable[str], min_reviews: int, min_share: float) -> set[str]:
    """Return the head nouns that at least `min_reviews` reviews share, and `min_share` of them all."""
    counts: Counter[str] = Counter()
    total = 0
    for review in reviews:
        counts.update(heads(review))
        total += 1
    enough = max(min_reviews, min_share * total)
    return {feature for feature, count in counts.items() if count >= enough}


def first_mention(review: str, features: set[str]) -> str | None:
    """Return the first sentence that mentions a feature in any position, or None."""
    for sentence in _SENTENCE.split(review):
        if mentioned(sentence, features):
            return sentence.strip()
    return None


def mentioned(text: str, features: set[str]) -> set[str]:
    """Return the features that stand in a text, as whole words, whatever their case."""
    return features.intersection(_WORD.findall(text.casefold()))
