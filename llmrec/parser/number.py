"""A number of stars, from a bare digit to a sentence that hides one."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, NamedTuple

from llmrec.errors import ConfigError
from llmrec.parser.base import Parser, Reader
from llmrec.parser.unwrap import plain, unwrap
from llmrec.records import Answer, Item, Question, Rating, Reading

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DIGITS = r"\d+(?:\.\d+|,\d{1,2})?(?![.,]?\d)"
_NUMBER = rf"(?:(?:(?<=\s)-|^-|(?<=[(:])-)?(?<![\w.,$€£#]){_DIGITS}|\b(?:{'|'.join(_WORDS)})\b)"
_WHOLE = rf"(?:a\s+(?:possible|maximum)\s+(?:of\s+)?)?(?P<whole>{_NUMBER})"
_SPAN = r"\s*(?:-|–|—|~|\bto\b|\bthrough\b|\bor\b|\band\b)\s*"

_LEGEND = re.compile(
    rf"(?:\b(?:where|with)\s+)?{_NUMBER}\s*(?:stars?\s*)?(?:=|\b(?:being|means|meaning|represents)\b)[^.,;)\n]*"
    rf"|\b(?:where|with)\s+{_NUMBER}\s+(?:stars?\s+)?is\b[^.,;)\n]*"
)
# The scale spelled out ("1, 2, 3, 4 or 5"), or cut off in the middle of its ends ("from 1").
_SERIES = re.compile(rf"{_NUMBER}(?:\s*,\s*(?:or\s+|and\s+)?{_NUMBER}){{2,}}(?:\s*(?:or|and)\s+{_NUMBER})?")
_CUT_SPAN = re.compile(rf"\b(?:from|between)\s+{_NUMBER}(?:\s*(?:to|and|-|–))?\s*$")
_SYSTEM = re.compile(rf"{_NUMBER}[\s-]*(?:stars?|points?)[\s-]+(?:rating\s+)?(?:scale|system)")
_MENTION = re.compile(
    rf"(?P<first>{_NUMBER})(?P<half>\s+and\s+a\s+half\b)?"
    rf"(?:\s*(?:stars?\s*)?(?:/|\(?\s*\bout\s+of\b|\bof\b)\s*{_WHOLE}|{_SPAN}(?P<second>{_NUMBER}))?"
    r"(?P<stars>[\s-]*(?:stars?\b|points?\b|★|⭐))?"
)
_SYMBOLS = re.compile(r"(?:[★⭐🌟]\ufe0f?\s?){2,}[☆✩]*|^[★⭐🌟]\ufe0f?[\s☆✩]*$")
_OUT_OF = re.compile(rf"\bout\s+of\s+(?:a\s+(?:possible|maximum)\s+(?:of\s+)?)?{_NUMBER}(?:\s+stars?)?")
_ENDS = r"\s*(?:$|[.!?,;:)\]}\"'|\n]|[-–—](?!\w)|\b(?:because|based|since|as|for|due|given|but|so)\b"
_ENDS_PLAIN = re.compile(_ENDS + ")")
_ENDS_CUED = re.compile(
    _ENDS + r"|\b(?:to|on|in|at|with|from|and|not|out|if|when|which|that|by|overall|here|considering)\b)"
)
_STRONG = re.compile(
    r"(?:\b(?:final|overall|predicted|estimated|expected|likely|my)\s+(?:star\s+)?"
    r"(?:rating|score|prediction|estimate|guess|answer)\b"
    r"|(?:\bI(?:['’]d|['’]ll)?|\bwould|\bwill|\bmight|\blikely|\bprobably)\s+"
    r"(?:\w+\s+){0,2}?(?:rate|give|predict|estimate|guess|say|score|assign)\b"
    r"|\banswer\s*(?:is|:)|\\boxed\{)"
    r"[^\d\n.!?]{0,60}$",
    re.IGNORECASE,
)
# "stars" is a cue only as a label ("Stars: 4"); elsewhere it is the unit of the number before it.
_WEAK = re.compile(
    r"\b(?:rating|score|rate|give)\b[^\d\n.!?]{0,40}$|\bstars?[\"']?\s*[:=]\s*[\"'(\[]?$", re.IGNORECASE
)
# The rest of "5 stars for this, 2 stars for that", unless what follows the first rating is its reason.
_SHARED_OUT = re.compile(
    r"(?:(?!\b(?:because|based|since|as|due|given)\b)(?:[^.!?\n]|\.(?=\d))){0,120}?"
    rf"(?:[,;]|\b(?:and|but)\b|\n(?=[^\n]*\bfor\b))\s*{_NUMBER}[\s-]*(?:stars?\b|points?\b|★|⭐)"
)
_LIST_MARK = re.compile(r"(?m)^[ \t]*(\d{1,2})[.)](?:[ \t]+|$)")


class _Weight(IntEnum):
    """How surely a mention is the answer; only the surest ones are looked at."""

    PLAIN = 0
    STARS = 1
    CUE = 2
    STRONG_CUE = 3
    ALONE = 4


class _Mention(NamedTuple):
    values: tuple[float, ...]
    weight: _Weight
    repairs: tuple[str, ...]
    source: str


@dataclass(frozen=True, kw_only=True)
class Number(Parser):
    """Reads stars. Real values from `low` to `high` are valid; nothing is rounded or clipped."""

    answer: ClassVar[type[Answer]] = Rating
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ConfigError(f"high: {self.high} is not above low={self.low}; widen the scale")

    def bind(self, items: Mapping[str, Item]) -> Reader:
        return NumberReader(self.low, self.high)


class NumberReader(Reader):
    """Finds every number that could be the answer and refuses to choose between two that differ."""

    def __init__(self, low: float, high: float) -> None:
        self._low = low
        self._high = high

    def read(self, text: str, question: Question) -> Reading:
        body, repairs = unwrap(text)
        if not body:
            return Reading(None, "empty", repairs)
        folded = _fold(body)
        mentions = list(self._mentions(folded))
        if not mentions:
            return Reading(None, "no_number", repairs)
        surest = max(mention.weight for mention in mentions)
        best = [mention for mention in mentions if mention.weight is surest]
        values = {value for mention in best for value in mention.values}
        if surest is _Weight.PLAIN:
            values = {value for value in values if self._fits(value)} or values
        if len(values) > 1:
            return Reading(None, "ambiguous", repairs)
        stars = values.pop()
        if not self._fits(stars):
            return Reading(None, "out_of_range", repairs)
        chosen = next(mention for mention in best if stars in mention.values)
        bare = _without_ends(folded) == _without_ends(chosen.source)
        return Reading(Rating(stars), None, repairs + chosen.repairs + (() if bare else ("from_prose",)))

    def reason(self, failure: str) -> str:
        scale = f"one number from {self._low:g} to {self._high:g}"
        return {
            "empty": f"Your answer was empty; reply with {scale}.",
            "no_number": f"Your answer held no rating; reply with {scale}.",
            "out_of_range": f"Your rating was outside the scale; reply with {scale}.",
            "ambiguous": f"Your answer held several different numbers; reply with {scale} and nothing else.",
        }[failure]

    def _fits(self, value: float) -> bool:
        return self._low <= value <= self._high

    def _mentions(self, text: str) -> Iterator[_Mention]:
        for run in _SYMBOLS.finditer(text):
            count = sum(character in "★⭐🌟" for character in run.group())
            yield _Mention((float(count),), _Weight.CUE, ("star_symbols",), run.group())
        text = _SYMBOLS.sub(" ", text)
        for pattern in (_LEGEND, _SERIES, _CUT_SPAN, _SYSTEM):
            text = _blank(pattern, text)
        text = _without_list_marks(text)
        for match in _MENTION.finditer(text):
            mention = self._mention(text, match)
            if mention is not None:
                yield mention

    def _mention(self, text: str, match: re.Match[str]) -> _Mention | None:
        """Weigh one number, or return None for the scale's own ends and for counts of other things."""
        first, second, whole = (_value(match[name]) for name in ("first", "second", "whole"))
        if first is None or {first, second} == {self._low, self._high} or _is_out_of(text, match):
            return None
        first += 0.5 if match["half"] else 0.0
        is_word = match["first"] in _WORDS
        is_fraction = whole is not None
        named = {"number_word": is_word, "decimal_comma": "," in match["first"], "fraction": is_fraction}
        repairs = tuple(name for name, was_made in named.items() if was_made)
        values = (first,) if second is None else (first, second)
        if is_fraction and whole != self._high:
            values = (float("inf"),)
        weight = self._weight(text, match, is_fraction, is_word)
        return None if weight is None else _Mention(values, weight, repairs, match.group())

    def _weight(self, text: str, match: re.Match[str], is_fraction: bool, is_word: bool) -> _Weight | None:
        before = text[max(match.start() - 120, 0) : match.start()]
        has_unit = match["stars"] is not None or is_fraction
        ends = has_unit or _ENDS_PLAIN.match(text, match.end()) is not None
        is_shared_out = match["stars"] is not None and _SHARED_OUT.match(text, match.end()) is not None
        if ends and not is_shared_out and _stands_first_or_alone(text, match):
            is_list_mark = match["first"] == "1" and _LIST_MARK.match(text, match.start()) is not None
            return _Weight.PLAIN if is_list_mark else _Weight.ALONE
        if ends or _ENDS_CUED.match(text, match.end()):
            if _STRONG.search(before):
                return _Weight.STRONG_CUE
            if is_fraction or _WEAK.search(before):
                return _Weight.CUE
        if has_unit:
            return _Weight.STARS
        return _Weight.PLAIN if ends and not is_word else None


def _fold(text: str) -> str:
    """Lower the text to ASCII digits and decimal halves, so that one spelling of a number is left."""
    halves = re.sub(r"(?<=\d)\s?½", ".5", plain(text))
    folded = unicodedata.normalize("NFKC", halves).casefold()
    return re.sub(r"(?<![*\w])\*(?=\S)|(?<=\S)\*(?![*\w])", "", folded).strip()


def _without_ends(text: str) -> str:
    return re.sub(r"[\s\"'.!]", "", text)


def _value(number: str | None) -> float | None:
    if number is None:
        return None
    return float(_WORDS.index(number)) if number in _WORDS else float(number.replace(",", "."))


def _blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: " " * len(match.group()), text)


def _is_out_of(text: str, match: re.Match[str]) -> bool:
    """Say whether the number is the whole of an `out of 5` whose part stands elsewhere."""
    before = text[max(match.start() - 40, 0) : match.end("first")]
    return any(found.end() >= len(before) for found in _OUT_OF.finditer(before))


def _stands_first_or_alone(text: str, match: re.Match[str]) -> bool:
    """Say whether the number opens the text or has a line of its own."""
    margin = " \t\n\"'([{*-"
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    rest = text[match.end() :].partition("\n")[0]
    return not text[: match.start()].strip(margin) or not (line.strip(margin) or rest.strip(" \t.!\"')]}*"))


def _without_list_marks(text: str) -> str:
    """Blank `1.`, `2.` and so on at the start of lines; a lone `1.` may be the answer and stays."""
    marks: list[re.Match[str]] = []
    for mark in _LIST_MARK.finditer(text):
        if int(mark[1]) == len(marks) + 1:
            marks.append(mark)
    if len(marks) < 2:
        return text
    for mark in marks:
        text = text[: mark.start()] + " " * len(mark.group()) + text[mark.end() :]
    return text
