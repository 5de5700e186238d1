"""How an error is told: in one line on standard error; under --debug, after all that led to it."""

import os
import sys
import traceback
from pathlib import Path

from llmrec.errors import LlmrecError, one_line

FLAG, VARIABLE = "--debug", "LLMREC_DEBUG"  # the variable reaches the processes that a launcher makes
PACKAGE = Path(__file__).resolve().parent.parent


def listened(argv: list[str]) -> list[str]:
    """Return the words without --debug, which holds from now on where it stands among them."""
    if FLAG in argv:
        os.environ[VARIABLE] = "1"
    return [word for word in argv if word != FLAG]


def tell(error: Exception) -> None:
    """Print an error, and under --debug its traceback before it."""
    if os.environ.get(VARIABLE):
        traceback.print_exception(error)
    print(f"error: {said(error)}", file=sys.stderr)


def said(error: Exception) -> str:
    """Return the one line of an error; of one that is no LlmrecError, which nothing foresaw, where in this
    package it arose."""
    if isinstance(error, LlmrecError):
        return one_line(error)
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(PACKAGE)
    ]
    place = f"{Path(ours[-1].filename).relative_to(PACKAGE.parent)}:{ours[-1].lineno}" if ours else "llmrec"
    return (
        f"{place}: {type(error).__name__} ({one_line(error)}), a fault that is not foreseen; the same "
        f"command with {FLAG} shows what led to it"
    )
