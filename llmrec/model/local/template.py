"""From messages to the one text that a checkpoint reads."""

from collections.abc import Iterable, Sequence
from typing import Any

from jinja2 import TemplateError

from llmrec.errors import BackendError, one_line
from llmrec.model.local.quoting import Quoting
from llmrec.model.local.settings import LocalSettings, Template, Weights
from llmrec.records import Message, Part

Turn = dict[str, str]

MARKER = "Answer:"
PROBE = "system words"


class Renderer:
    """Renders by the chat template, the settings' or else the tokenizer's, or plainly for a base model. What
    messages and answers say is quoted: only the template writes control tokens.

    Raises BackendError when the settings ask for what template or tokenizer do not have.
    """

    def __init__(self, tokenizer: Any, settings: LocalSettings) -> None:
        has_template = bool(settings.chat_template or tokenizer.chat_template)
        if settings.template is Template.chat and not has_template:
            raise BackendError(
                "model.template: 'chat', but the tokenizer has no chat template; use plain, or give "
                "model.chat_template"
            )
        if settings.add_bos and tokenizer.bos_token_id is None:
            raise BackendError("model.add_bos: true, but the tokenizer has no start token; use null")
        self.chat = settings.template is not Template.plain and has_template
        self._tokenizer = tokenizer
        self._quoting = Quoting(tokenizer)
        self._settings = settings
        if self.chat:
            self._try_out()
        self._folds_system = self.chat and not self._shows_system()

    def encode(self, conversations: Iterable[Sequence[Message]]) -> list[list[int]]:
        """Return the token ids of each conversation."""
        # A chat template writes its special tokens itself.
        texts = [self._quoted(messages) for messages in conversations]
        return [self._begun(ids) for ids in self._ids(texts, special=not self.chat)]

    def encode_pair(self, messages: Sequence[Message], answer: str) -> tuple[list[int], list[int]]:
        """Return the token ids of a prompt, the very ones that `encode` gives, and of the answer after it,
        without an end token."""
        text, answer = self._quoted(messages), self._quoting.quoted(answer)
        space = "" if self.chat or text[-1:].isspace() else " "
        prompt, whole = self._ids([text, text + space + answer], special=not self.chat)
        if whole[: len(prompt)] == prompt:
            return self._begun(prompt), whole[len(prompt) :]
        # Tokens that join prompt and answer, or an end token behind the prompt: apart, then.
        return self._begun(prompt), self._ids([answer], special=False)[0]

    def encode_answers(self, answers: Sequence[str]) -> list[list[int]]:
        """Return the token ids of answers behind any prompt, for where an answer begins all end alike."""
        probe = [Message("user", (Part(None, "?"),))]
        return [self.encode_pair(probe, answer)[1] if answer else [] for answer in answers]

    def _ids(self, texts: Sequence[str], special: bool) -> list[list[int]]:
        # A lone surrogate, which JSON allows in a review, has no UTF-8 form.
        return self._quoting.ids([text.encode("utf-8", "replace").decode() for text in texts], special)

    def _begun(self, ids: list[int]) -> list[int]:
        """Return the ids with a start token in front, or without it, where the settings say so."""
        start = self._tokenizer.bos_token_id
        there = ids[:1] == [start]
        if self._settings.add_bos is None or self._settings.add_bos is there:
            return ids
        return ids[1:] if there else [start, *ids]

    def render(self, messages: Sequence[Message]) -> str:
        """Return the text up to where the answer begins."""
        return self._written([{"role": message.role, "content": message.content} for message in messages])

    def _quoted(self, messages: Sequence[Message]) -> str:
        """Return the same with a break in each control token that a message holds."""
        quoted = self._quoting.quoted
        return self._written([{"role": one.role, "content": quoted(one.content)} for one in messages])

    def _written(self, turns: list[Turn]) -> str:
        if not self.chat:
            told = "\n\n".join(turn["content"] for turn in turns)
            # A prompt that speaks of the marker itself wants thoughts before it.
            return told if MARKER in turns[-1]["content"] else f"{told}\n{MARKER}"
        return self._apply(_folded(turns) if self._folds_system else turns)

    def _apply(self, turns: list[Turn]) -> str:
        return str(
            self._tokenizer.apply_chat_template(
                turns,
                chat_template=self._settings.chat_template,
                tokenize=False,
                add_generation_prompt=True,
                **self._settings.template_options,
            )
        )

    def _try_out(self) -> None:
        """Render one turn, for a template that cannot do that fails at every prompt."""
        try:
            self._apply([{"role": "user", "content": "user words"}])
            text = self._tokenizer.get_chat_template(self._settings.chat_template)
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise BackendError(
                f"model.chat_template: renders no user turn ({one_line(error)}); mend it, or use "
                "model.template=plain"
            ) from error
        # What a template does not read is ignored in silence; a made model's own reads nothing.
        for option in self._settings.template_options:
            if option not in text and self._settings.weights is Weights.pretrained:
                raise BackendError(
                    f"model.template_options.{option}: the chat template does not read it; leave it out"
                )

    def _shows_system(self) -> bool:
        """Some templates refuse a system turn, others drop it in silence."""
        turns = [{"role": "system", "content": PROBE}, {"role": "user", "content": "user words"}]
        try:
            return PROBE in self._apply(turns)
        except TemplateError:
            return False


def _folded(turns: list[Turn]) -> list[Turn]:
    """Return the turns with what the system said at the head of the first user turn."""
    words = [turn["content"] for turn in turns if turn["role"] == "system"]
    others = [turn for turn in turns if turn["role"] != "system"]
    if not words:
        return others
    first, rest = (others[0], others[1:]) if others else ({"role": "user", "content": ""}, [])
    content = "\n\n".join([*words, first["content"]]).rstrip()
    return [{"role": first["role"], "content": content}, *rest]
