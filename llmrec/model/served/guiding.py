"""How a server is told what a text may be, and its answer as the text that the task asks for."""

import json
import re
from collections.abc import Sequence
from typing import Any

from llmrec.decoding.guided import Guided
from llmrec.model.served.model import Guides
from llmrec.records import Request

_SIGNS = re.compile(r"([.^$*+?{}\[\]\\|()])")
ANSWER = "answer"


def guide(form: Guides, decoding: Guided, request: Request) -> dict[str, Any]:
    """Return the fields that bind an answer to the choices: vLLM's, or OpenAI's."""
    texts = list(dict.fromkeys(request.choices.texts))
    count = min(decoding.size, len(texts)) if request.question.candidates else None
    if form is Guides.regex:
        one = "(" + "|".join(_SIGNS.sub(r"\\\1", text) for text in texts) + ")"
        return {"structured_outputs": {"regex": one if count is None else rf"([0-9]+\. {one}\n){{{count}}}"}}
    one_of: dict[str, Any] = {"type": "string", "enum": texts}
    list_of = {"type": "array", "items": one_of, "minItems": count, "maxItems": count}
    schema = {
        "type": "object",
        "properties": {ANSWER: one_of if count is None else list_of},
        "required": [ANSWER],
        "additionalProperties": False,
    }
    named = {"name": ANSWER, "strict": True, "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


def unguided(text: str) -> str:
    """Return the answer in a JSON object as plain text; a text that is none as it stands."""
    try:
        answer = json.loads(text)[ANSWER]
        return numbered(answer) if isinstance(answer, list) else str(answer)
    except (ValueError, KeyError, TypeError, RecursionError):
        return text


def numbered(titles: Sequence[object]) -> str:
    return "\n".join(f"{place}. {title}" for place, title in enumerate(titles, 1))
