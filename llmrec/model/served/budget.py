"""What may be spent, and what was."""

from threading import Lock
from typing import Any, NamedTuple

from llmrec.errors import BackendError
from llmrec.model.served.model import ServedSettings


class Amount(NamedTuple):
    """Tokens of prompts and of completions, and what they cost."""

    prompt: int
    completion: int
    money: float

    def plus(self, other: "Amount") -> "Amount":
        return Amount(
            self.prompt + other.prompt, self.completion + other.completion, self.money + other.money
        )

    def minus(self, other: "Amount") -> "Amount":
        return self.plus(Amount(-other.prompt, -other.completion, -other.money))


MOST = 2**40  # more tokens than any prompt or answer has
NOTHING = Amount(0, 0, 0.0)


class Budget:
    """Counts tokens and money of what was really asked, and refuses what could go beyond the ceilings: what
    is in flight counts as if every answer were as long as it may be."""

    def __init__(self, settings: ServedSettings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._flying = NOTHING
        self.spent = NOTHING

    @classmethod
    def of(cls, settings: ServedSettings) -> "Budget":
        """Return the one budget of a model in this process, whose runs share its ceilings."""
        found = _budgets.setdefault((settings.served_as, *settings.addresses), cls(settings))
        found._settings = settings
        return found

    def take_off(self, size: Amount) -> None:
        """Set aside what is to be asked. Raises BackendError where that is too much."""
        with self._lock:
            after = self.spent.plus(self._flying).plus(size)
            ceilings = (
                ("max_cost", self._settings.max_cost, after.money, self.spent.money),
                ("max_tokens", self._settings.max_tokens, sum(after[:2]), sum(self.spent[:2])),
            )
            for name, most, would, spent in ceilings:
                if most is not None and would > most:
                    raise BackendError(
                        f"model.{name}: {spent:,.4g} of {most:,.4g} is spent, and what is asked next could "
                        f"go beyond it; raise it and run again: what was answered is kept"
                    )
            self._flying = self._flying.plus(size)

    def land(self, size: Amount, reply: dict[str, Any] | None, batched: bool) -> None:
        """Give back what was set aside, and count what a reply says that it took, all of it where it does not
        say."""
        with self._lock:
            self._flying = self._flying.minus(size)
            if reply is not None:
                took = used(reply)
                self.spent = self.spent.plus(self.worth(*took, batched) if any(took) else size)

    def worth(self, prompt: int, completion: int, batched: bool) -> Amount:
        """Return tokens with their price."""
        return Amount(prompt, completion, self._settings.money(prompt, completion, batched))


_budgets: dict[tuple[str, ...], Budget] = {}


def used(reply: dict[str, Any]) -> tuple[int, int]:
    """Return the prompt and completion tokens that a reply says it took, 0 where it says no such number."""
    usage = reply.get("usage")
    told = usage if isinstance(usage, dict) else {}
    return tokens(told.get("prompt_tokens")), tokens(told.get("completion_tokens"))


def tokens(told: object) -> int:
    return told if isinstance(told, int) and 0 <= told < MOST else 0
