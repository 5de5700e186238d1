"""From requests to what a server is sent, and from its replies to completions."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from llmrec.decoding.base import Decoding, Writing
from llmrec.decoding.guided import Guided
from llmrec.decoding.likelihood import Likelihood, Scoring
from llmrec.decoding.limits import has_lines
from llmrec.decoding.sample import Sample
from llmrec.errors import BackendError
from llmrec.model.served.budget import used
from llmrec.model.served.guiding import guide, unguided
from llmrec.model.served.model import Api, Likelihoods, ServedSettings
from llmrec.model.served.trouble import Passing
from llmrec.records import Answer, Completion, Request
from llmrec.seeded import hash64
from llmrec.suspicious import broken

Body = dict[str, Any]
PATHS = {Api.chat: "/chat/completions", Api.completion: "/completions"}
MARKER = "Answer:"
TOP = 20  # the most next tokens that OpenAI tells of
MOST = 9  # numbers that are one token to every model
REASONS = {"stop": "stop", "length": "length", "content_filter": "content_filter"}


class Way(ABC):
    """A decoding over a server. A request takes one call or several, each sent when its turn comes."""

    def __init__(self, settings: ServedSettings) -> None:
        self._settings = settings
        self.path = PATHS[settings.api]

    @abstractmethod
    def bodies(self, request: Request) -> list[Body]:
        """Return what is sent for a request."""

    @abstractmethod
    def check(self, reply: Body) -> None:
        """Raise Passing for a reply that is none, BackendError for one that no other will better."""

    @abstractmethod
    def completion(self, request: Request, replies: Sequence[Body]) -> Completion:
        """Return what the replies come to."""

    def _asked(self, request: Request, length: int, **more: Any) -> Body:
        """Return a body; the settings' `extra` has the last word."""
        settings = self._settings
        turns = [{"role": turn.role, "content": broken(turn.content)} for turn in request.prompt.messages]
        asked = {"messages": turns} if settings.api is Api.chat else {"prompt": plain(turns)}
        return {"model": settings.served_as, **asked, settings.length_field: length, **more, **settings.extra}


class Writer(Way):
    """Texts for the parser to read."""

    def __init__(self, settings: ServedSettings, decoding: Writing, seed: int) -> None:
        super().__init__(settings)
        self._decoding, self._seed = decoding, seed

    def bodies(self, request: Request) -> list[Body]:
        decoding, prompt = self._decoding, request.prompt
        drawn: Body = {"temperature": 0}
        if isinstance(decoding, Sample):
            seed = hash64(self._seed, prompt.example_id, prompt.ask) % 2**31
            drawn = {"temperature": decoding.temperature, "top_p": decoding.top_p, "seed": seed}
            drawn |= {"top_k": decoding.top_k} if decoding.top_k else {}  # of vLLM and the like
        if isinstance(decoding, Guided):
            drawn |= guide(self._settings.guided, decoding, request)
        return [self._asked(request, decoding.max_new_tokens, **drawn)]

    def check(self, reply: Body) -> None:
        text_of(reply)

    def completion(self, request: Request, replies: Sequence[Body]) -> Completion:
        [reply] = replies
        reason = REASONS.get(str(reply["choices"][0].get("finish_reason")), "stop")
        if reason == "content_filter":
            return completed(request, reason, replies)
        told = text_of(reply)
        told = unguided(told) if isinstance(self._decoding, Guided) else told
        text, ended = begun(mended(told), self._decoding.lines)
        return completed(request, "stop" if ended else reason, replies, texts=(text,))


class NextToken(Way):
    """Choices by the likelihood of the one token that comes next; one that the server does not tell of has no
    chance."""

    def __init__(self, settings: ServedSettings, decoding: Scoring) -> None:
        super().__init__(settings)
        self._decoding = decoding

    def bodies(self, request: Request) -> list[Body]:
        if len(request.choices.texts) > MOST:
            raise BackendError(
                "model.likelihoods: next tells of one token, and numbers of "
                f"{len(request.choices.texts)} candidates have several; show {MOST} "
                f"(task.num_negatives={MOST - 1}), or use a server that gives likelihoods=prompt"
            )
        told: Body = {"logprobs": True, "top_logprobs": TOP}
        if self._settings.api is Api.completion:
            told = {"logprobs": TOP}
        return [self._asked(request, 1, temperature=0, **told)]

    def check(self, reply: Body) -> None:
        next_tokens(reply)

    def completion(self, request: Request, replies: Sequence[Body]) -> Completion:
        found = next_tokens(replies[0])
        totals = [found.get(text, -math.inf) for text in request.choices.texts]
        if max(totals) == -math.inf:
            return completed(request, "none_of_the_choices", replies)
        likelihoods = [Likelihood(total, 1) for total in totals]
        return completed(
            request, "answered", replies, answer=self._decoding.decide(request.choices, likelihoods)
        )


class PromptTokens(Way):
    """Choices by the likelihood of all their tokens, each sent as the beginning of the answer (vLLM)."""

    def __init__(self, settings: ServedSettings, decoding: Scoring) -> None:
        super().__init__(settings)
        self._decoding = decoding

    def bodies(self, request: Request) -> list[Body]:
        bare = self._asked(request, 1, temperature=0)
        return [bare, *(self._begun(bare, text) for text in request.choices.texts)]

    def _begun(self, bare: Body, text: str) -> Body:
        turns = [*bare["messages"], {"role": "assistant", "content": broken(text)}]
        goes_on = {"add_generation_prompt": False, "continue_final_message": not self._decoding.end}
        return bare | {"messages": turns, "prompt_logprobs": 0, **goes_on}

    def check(self, reply: Body) -> None:
        if "prompt_logprobs" in reply and reply["prompt_logprobs"] is not None:
            likelihoods_of(reply, 1)
        elif not used(reply)[0]:
            raise Passing("a reply that tells of no tokens")

    def completion(self, request: Request, replies: Sequence[Body]) -> Completion:
        bare, *begun_by = replies
        before = used(bare)[0]
        found = [likelihoods_of(reply, before) for reply in begun_by]
        if max(one.total for one in found) == -math.inf:
            return completed(request, "none_of_the_choices", replies)
        return completed(request, "answered", replies, answer=self._decoding.decide(request.choices, found))


def way(settings: ServedSettings, decoding: Decoding, seed: int) -> Way:
    """Return how a decoding is had from a server; `Served.serves` refuses those that are not."""
    if isinstance(decoding, Scoring):
        is_next = settings.likelihoods is Likelihoods.next
        return NextToken(settings, decoding) if is_next else PromptTokens(settings, decoding)
    assert isinstance(decoding, Writing)
    return Writer(settings, decoding, seed)


def plain(turns: Sequence[dict[str, str]]) -> str:
    """Return turns as the text that a base model goes on with."""
    told = "\n\n".join(turn["content"] for turn in turns)
    return told if MARKER in turns[-1]["content"] else f"{told}\n{MARKER}"


def text_of(reply: Body) -> str:
    """Return the text of a reply, "" where nothing was written. Raises Passing where it is none."""
    choice = reply["choices"][0]
    message = choice.get("message")
    told = message.get("content", 0) if isinstance(message, dict) else 0
    text = choice.get("text", told)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise Passing("a choice without a text")
    return text


def mended(text: str) -> str:
    """Return the text with U+FFFD in place of halves of a sign, as a server cuts one in two: no file takes
    them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def begun(text: str, lines: int | None) -> tuple[str, bool]:
    """Return a text up to the end of the line that completes it, and whether there is one."""
    end = 0
    while lines is not None and (end := text.find("\n", end) + 1):
        if has_lines(text[:end], lines):
            return text[:end], True
    return text, False


def next_tokens(reply: Body) -> dict[str, float]:
    """Return the log-probability of each next token that the reply tells of, blanks around it aside: of those
    that differ by blanks alone, all together. Raises BackendError where it tells of none."""
    told = reply["choices"][0].get("logprobs") or {}
    try:
        if "content" in told:
            pairs = [(one["token"], one["logprob"]) for one in told["content"][0]["top_logprobs"]]
        else:
            pairs = list(told["top_logprobs"][0].items())
        found: dict[str, float] = {}
        for token, logprob in pairs:
            chance = math.exp(found[token.strip()]) if token.strip() in found else 0.0
            found[token.strip()] = math.log(max(chance + math.exp(log_probability(logprob)), 1e-300))
        return found
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise untold("of next tokens") from error


def likelihoods_of(reply: Body, before: int) -> Likelihood:
    """Return the likelihood of the tokens behind the first `before` of the prompt. Raises BackendError where
    the reply tells of none."""
    try:
        tokens = reply["prompt_logprobs"][before:]
        chances = [log_probability(next(iter(token.values()))["logprob"]) for token in tokens]
        return Likelihood(sum(chances), len(chances)) if chances else Likelihood(-math.inf, 0)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, StopIteration) as error:
        raise untold("of the prompt's tokens") from error


def log_probability(told: Any) -> float:
    """Return what a server tells as one. Raises ValueError for NaN and for what no rounding makes of a
    probability, TypeError for no number."""
    if isinstance(told, str) or not float(told) < 1.0:
        raise ValueError(f"{told!r} is no log-probability")
    return float(told)


def untold(what: str) -> BackendError:
    return BackendError(
        f"the server tells no log-probabilities {what}; set model.likelihoods to what it gives"
    )


def completed(
    request: Request,
    reason: str,
    replies: Sequence[Body],
    texts: tuple[str, ...] = (),
    answer: Answer | None = None,
) -> Completion:
    tokens = [used(reply) for reply in replies]
    return Completion(
        example_id=request.prompt.example_id,
        ask=request.prompt.ask,
        texts=texts,
        answer=answer,
        finish_reason=reason,
        prompt_tokens=sum(prompt for prompt, _ in tokens),
        completion_tokens=sum(completion for _, completion in tokens),
    )
