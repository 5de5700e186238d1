"""A sentence or a few words, freed of what a chat model puts around them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from llmrec.errors import ConfigError
from llmrec.parser.base import Parser, Reader
from llmrec.parser.unwrap import plain, unwrap
from llmrec.records import Answer, Item, Question, Reading, Text

_LABEL = re.compile(
    r"""^(?:
      (?:sure|certainly|of\ course|okay|ok|here(?:['’]s|\ is|\ are)|this\ is)\b[^:\n]{0,80}
      | (?:[\w-]+\ ){0,3}?
        (?:summary|explanation|title|headline|reason|sentence|review|answer|response|output)s?
        (?:\ \([^)\n]{0,40}\))?\s*
    )[::]\s*""",
    re.IGNORECASE | re.VERBOSE,
)
# "I can't give it enough stars" is a review: a refusal is known by what it refuses.
_REFUSAL = re.compile(
    r"""^(?:(?:i['’]?m\ |i\ am\ )?(?:(?:very|so|really)\ )?sorry,?\ (?:but\ )?
      | (?:i\ |my\ )?apologi[sz]es?,?\ (?:but\ )? | unfortunately,?\ )?
    (?:
      as\ an?\ (?:ai|artificial\ intelligence|language\ model|large\ language\ model)\b
      | i(?:['’]m|\ am)?\ (?:cannot|can\ not|can['’]?t|unable\ to|not\ able\ to|won['’]t\ be\ able\ to)\s
        (?:provide|generate|summari[sz]e|access|determine|assist|fulfil|comply|create|help\ (?:with|you))
      | i\ (?:do\ not|don['’]?t)\ (?:currently\ )?have\s
        (?:access|information|personal|(?:enough|sufficient|any)\ (?:information|context|details))
      | (?:there\ (?:is|was)\ )?no\ (?:review|summary|text|explanation)
        (?:\ (?:text|is|was|provided|available|given))*[.!]?$
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_NOT_AVAILABLE = re.compile(r"(?:n/?a|none|null|not (?:available|applicable))[.!]?", re.IGNORECASE)
_QUOTES = dict(zip("\"'“‘«„「*", "\"'”’»“」*", strict=True))
_BULLET = re.compile(r"^(?:[-*•+>] |\d{1,2}[.)] )")
_NOTHING = re.compile(r"[\s.,;:!?\"'“”‘’«»*_`~<>()\[\]{}#|/\\-]*")


@dataclass(frozen=True, kw_only=True)
class Words(Parser):
    """Reads a text: the first paragraph, at most `max_words` words of it (null takes all)."""

    answer: ClassVar[type[Answer]] = Text
    max_words: int | None

    def __post_init__(self) -> None:
        if self.max_words is not None and self.max_words < 1:
            raise ConfigError(f"max_words: {self.max_words} leaves no word; use 1 or more, or null")

    def bind(self, items: Mapping[str, Item]) -> Reader:
        return TextReader(self.max_words)


class TextReader(Reader):
    """Keeps the words as they were written, in any script; white space becomes single blanks."""

    def __init__(self, max_words: int | None) -> None:
        self._max_words = max_words

    def read(self, text: str, question: Question) -> Reading:
        body, noted = unwrap(text)
        repairs = list(noted)
        body = _json_string(plain(body).strip(), repairs)
        if _REFUSAL.match(body) or _NOT_AVAILABLE.fullmatch(_without_quotes(body, [])):
            return Reading(None, "refusal", tuple(repairs))
        words = _without_quotes(_first_paragraph(_without_labels(body, repairs), repairs), repairs).split()
        if _NOTHING.fullmatch("".join(words)):
            return Reading(None, "empty", tuple(repairs))
        kept = " ".join(words)
        if _REFUSAL.match(kept) or _NOT_AVAILABLE.fullmatch(kept):
            return Reading(None, "refusal", tuple(repairs))
        if self._max_words is not None and len(words) > self._max_words:
            repairs.append("max_words")
            kept = " ".join(words[: self._max_words])
        return Reading(Text(kept), None, tuple(repairs))

    def reason(self, failure: str) -> str:
        return {
            "empty": "Your answer was empty; write the text that was asked for.",
            "refusal": "Your answer was no such text; write it without apology or comment.",
        }[failure]


def _json_string(text: str, repairs: list[str]) -> str:
    """Return the only string of a JSON object, or the text as it is."""
    try:
        fields = msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text
    if len(fields) != 1:
        return text
    repairs.append("json")
    return next(iter(fields.values())).strip()


def _without_labels(text: str, repairs: list[str]) -> str:
    """Drop `Summary:` and announcements such as `Here is a short summary:` from the front."""
    while label := _LABEL.match(text):
        if not text[label.end() :].strip():
            break
        repairs.append("label")
        text = text[label.end() :].strip()
    return text


def _first_paragraph(text: str, repairs: list[str]) -> str:
    """Return the first paragraph, or the first entry of a list of alternatives."""
    first, *others = [part.strip() for part in text.split("\n\n") if part.strip()] or [""]
    mark = _BULLET.match(first)
    if mark:
        repairs.append("list_mark")
        first, *more = first[mark.end() :].split("\n")
        others += more
    if others:
        repairs.append("first_paragraph")
    return first


def _without_quotes(text: str, repairs: list[str]) -> str:
    """Take off a pair of quotes or emphasis signs that holds the whole text."""
    text = text.strip()
    while len(text) > 1 and _QUOTES.get(text[0]) == text[-1] and text[0] not in text[1:-1]:
        repairs.append("quotes")
        text = text[1:-1].strip()
    return text
