"""What every parser does first: take away what chat templates, markdown and reasoning put around an
answer, and keep what follows the last final-answer marker."""

import re

AFTER_MARKER = "after_marker"

_BLANKS = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r"\n(?: ?\n)+")
_THOUGHT = re.compile(r"(?is)^.*</think(?:ing)?>|<think(?:ing)?>.*$")
_TURN_END = re.compile(
    r"<\|(?:im_end|eot_id|endoftext|end_of_text|end|eom_id)\|>|</s>|<end_of_turn>|<eos>"
    r"|\n[ \t]*(?:<\|im_start\|>[ \t]*user|<\|user\|>|User:|Human:|\[INST\])"
)
_SPECIAL = re.compile(
    r"<\|[\w ]{1,30}\|>|</?s>|<(?:pad|bos|eos|unk|start_of_turn|end_of_turn)>|\[/?INST\]|<</?SYS>>"
    r"|<extra_id_\d+>|</?(?:answer|response|output)>"
)
_ROLE = re.compile(r"(?i)^\s*(?:assistant|model|gpt|bot|ai)\s*(?::|\n)")
_FENCE = re.compile(r"(?m)^[ \t]*(?:```|~~~)[\w-]*[ \t]*$|```(?:json|text|markdown)?")
_MARKER = re.compile(
    r"(?im)(?:^|(?<=[^\d\s][.!?][ \t]))[ \t>*_#\"']{0,12}"
    r"(?:(?:so|thus|therefore|hence),?[ \t]+)?(?:(?:the|my)[ \t]+)?(?:final[ \t]+)?answer"
    r"(?:[ \t]+is)?[ \t*_]{0,4}[::][ \t*_]{0,4}"
)
_EMPHASIS = re.compile(r"\*\*|__|`|(?m:^[ \t]{0,3}#{1,6}[ \t]+)")


def unwrap(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the part of a completion that holds its answer, and the repairs that this took.

    Special tokens, role tags, code fences and finished thoughts go without a count: they are the
    model's format, not its answer. A turn that the model went on to invent for its user is left out.
    """
    # Runs of blanks say nothing, and patterns that may begin in one would take quadratic time.
    narrow = _EMPTY_LINES.sub("\n\n", _BLANKS.sub(" ", text))
    answer = _SPECIAL.sub(" ", _first_turn(_THOUGHT.sub("", narrow)))
    answer = _FENCE.sub("\n", _ROLE.sub("", answer)).strip()
    markers = list(_MARKER.finditer(answer))
    if not markers:
        return answer, ()
    last = markers[-1]
    rest = answer[last.end() :].strip()
    if not rest:
        return answer, ()
    return rest, (AFTER_MARKER,) if answer[: last.start()].strip() else ()


def has_final_answer(text: str) -> bool:
    """Say whether the text comes to a final-answer marker with something behind it."""
    markers = list(_MARKER.finditer(_first_turn(_THOUGHT.sub("", text))))
    return bool(markers) and bool(text[markers[-1].end() :].strip())


def plain(text: str) -> str:
    """Return the text without markdown's bold, code and heading signs."""
    return _EMPHASIS.sub("", text)


def _first_turn(text: str) -> str:
    for end in _TURN_END.finditer(text):
        if _SPECIAL.sub("", text[: end.start()]).strip():
            return text[: end.start()]
    return text
