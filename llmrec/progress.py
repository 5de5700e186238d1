"""How long work tells of itself: stages report to a `Progress`; only commands decide how it looks."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Advance(Protocol):
    """Moves a bar on; `note` is what to tell beside it from now on, such as a loss."""

    def __call__(self, amount: int, note: str = "") -> None: ...


class Progress(Protocol):
    """Opens a bar, `with progress.bar("reading", total=100, unit="rows") as advance: advance(1)`, and talks
    to the user."""

    def bar(self, label: str, total: int | None, unit: str) -> AbstractContextManager[Advance]: ...

    def tell(self, line: str) -> None:
        """Show a line."""

    def agrees(self, question: str) -> bool:
        """Ask the user; false where there is none to ask."""


class Silent:
    """Shows nothing."""

    @contextmanager
    def bar(self, label: str, total: int | None, unit: str) -> Iterator[Advance]:
        yield lambda amount, note="": None

    def tell(self, line: str) -> None:
        pass

    def agrees(self, question: str) -> bool:
        return False
