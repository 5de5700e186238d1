"""What may be spent, and what was."""

from threading import Lock
from typing import Any

from llmrec.errors import BackendError
from llmrec.model.served.model import ServedSettings

MILLION = 1_000_000
Tokens = tuple[int, int]  # of prompts, of completions


class Budget:
    """Counts tokens and money of what was really asked, and refuses what could go beyond the ceilings: what
    is in flight counts as if every answer were as long as it may be."""

    def __init__(self, settings: ServedSettings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._flying = (0, 0)
        self.spent = (0, 0)

    @classmethod
    def of(cls, settings: ServedSettings) -> "Budget":
        """Return the one budget of a model in this process, whose runs share its ceilings."""
        found = _budgets.setdefault((settings.served_as, *settings.addresses), cls(settings))
        found._settings = settings
        return found

    def take_off(self, size: Tokens) -> None:
        """Set aside what a request may take. Raises BackendError where that is too much."""
        with self._lock:
            after = add(add(self.spent, self._flying), size)
            ceilings = (
                ("max_cost", self._settings.max_cost, self.cost(after), self.cost(self.spent)),
                ("max_tokens", self._settings.max_tokens, sum(after), sum(self.spent)),
            )
            for name, most, would, spent in ceilings:
                if most is not None and would > most:
                    raise BackendError(
                        f"model.{name}: {spent:,.4g} of {most:,.4g} is spent, and the next request could go "
                        f"beyond it; raise it and run again: what was answered is kept"
                    )
            self._flying = add(self._flying, size)

    def land(self, size: Tokens, reply: dict[str, Any] | None) -> None:
        """Give back what was set aside, and count what a reply says that it took, all of it where it does not
        say."""
        with self._lock:
            self._flying = add(self._flying, (-size[0], -size[1]))
            if reply is not None:
                took = used(reply)
                self.spent = add(self.spent, took if any(took) else size)

    def cost(self, tokens: Tokens) -> float:
        """Return the price of prompt and completion tokens, 0 where none is known."""
        price = self._settings.price
        return 0.0 if price is None else (tokens[0] * price.prompt + tokens[1] * price.completion) / MILLION


_budgets: dict[tuple[str, ...], Budget] = {}


def used(reply: dict[str, Any]) -> Tokens:
    """Return the prompt and completion tokens that a reply says it took, 0 where it does not say."""
    usage = reply.get("usage") or {}
    prompt, completion = (usage.get(name) for name in ("prompt_tokens", "completion_tokens"))
    return int(prompt or 0), int(completion or 0)


def add(one: Tokens, other: Tokens) -> Tokens:
    return one[0] + other[0], one[1] + other[1]
