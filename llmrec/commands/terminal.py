"""Nothing that a stranger wrote steers the terminal: what is printed becomes visible text on its way out."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import IO, Any, cast

from llmrec.exits import visible


class Guarded:
    """A stream that writes visible text to `raw`, whatever it is given."""

    def __init__(self, raw: IO[str]) -> None:
        self.raw = raw

    def write(self, text: str) -> int:
        return self.raw.write(visible(text))

    def writelines(self, lines: Iterable[str]) -> None:
        self.raw.writelines(map(visible, lines))

    def close(self) -> None:
        """Leave `raw` open, which is not its own: absl's handler closes the stream that it was made with."""
        self.raw.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


@contextmanager
def guarded() -> Iterator[None]:
    """Guard standard output and error; a `console.Terminal`, which steers itself, writes past the guard."""
    out, told = (cast(IO[str], Guarded(stream)) for stream in (sys.stdout, sys.stderr))
    with redirect_stdout(out), redirect_stderr(told):
        yield
