"""`llmrec plan`: how many rows, tokens and seconds does it take to see a difference?"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from llmrec.commands.composing import register
from llmrec.commands.console import Terminal
from llmrec.commands.jobs import Jobs
from llmrec.comparison.table import drawn
from llmrec.errors import ConfigError
from llmrec.report.power import Price, cells, header, needs

HELP = """usage: llmrec plan [GROUP=NAME ...] [detect=0.01] [power=0.8] [pilot=64] [price=IN,OUT]

  llmrec plan task=sequential model=smollm2 decoding=catalogue detect=0.005

Runs a pilot of so many rows (the run with limit=64, found again by the same choices), and says for each
headline score how many rows it takes to see a difference of `detect`, two-sided at .05, in `power` of all
cases; with the tokens, the time at the pilot's speed and, at a price for a million prompt and completion
tokens, the cost. Rows are those of a paired comparison as uneven as that with the floor named."""

T = TypeVar("T")


def main(argv: list[str]) -> int:
    if "--help" in argv or "-h" in argv:
        print(HELP)
        return 0
    if any(word.startswith("limit=") for word in argv):
        raise ConfigError("limit: a pilot has its own; say pilot=N")
    detect = taken(argv, "detect", 0.01, float, lambda value: value > 0)
    power = taken(argv, "power", 0.8, float, lambda value: 0 < value < 1)
    pilot = taken(argv, "pilot", 64, int, lambda value: value > 1)
    price = taken(argv, "price", None, priced, lambda value: value is None or min(value) >= 0)
    own = ("detect=", "power=", "pilot=", "price=")
    register()
    jobs = Jobs()
    jobs.run([*(word for word in argv if not word.startswith(own)), f"limit={pilot}"])
    console = Terminal()
    for run in jobs.finished.values():
        found = needs(run, detect, power)
        rows = [cells(need, price) for need in found]
        title = f"to see a difference of {detect:g} with power {power:g}; a pilot of n = {run.n:,}"
        console.print(drawn(header(price), rows, f"{run.task} by {run.model}: {title}"))
        if not found:
            console.print(
                "the pilot differs from no floor by any row: nothing to plan from; take a larger pilot=N"
            )
    return 1 if jobs.failed else 0


def taken(
    argv: Sequence[str], name: str, default: T, read: Callable[[str], T], holds: Callable[[T], bool]
) -> T:
    """Return the value of the last `name=...` of the words. Raises ConfigError when it is no such value."""
    given = [word.partition("=")[2] for word in argv if word.startswith(f"{name}=")]
    if not given:
        return default
    try:
        value = read(given[-1])
    except ValueError:
        value = None
    if value is None or not holds(value):
        raise ConfigError(f"{name}: '{given[-1]}' cannot be; see llmrec plan --help")
    return value


def priced(word: str) -> Price:
    """Read a price such as 0.15,0.60. Raises ValueError."""
    prompt, completion = map(float, word.split(","))
    return Price(prompt, completion)
