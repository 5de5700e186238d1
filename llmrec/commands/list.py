"""`llmrec list [GROUP]`: every choice with its one-line description."""

import shutil
import textwrap

from llmrec.commands.listing import groups, options
from llmrec.errors import ConfigError, did_you_mean

HELP = """usage: llmrec list [GROUP...]

Every choice of every group, or of the groups named, with a line on each.
Choose one by GROUP=NAME: llmrec run task=direct model=popularity"""


def main(argv: list[str]) -> int:
    if "--help" in argv or "-h" in argv:
        print(HELP)
        return 0
    known = groups()
    for name in argv:
        if name not in known:
            near = did_you_mean(name, known) or f"; known are {', '.join(known)}"
            raise ConfigError(f"llmrec list {name}: no such group{near}")
    wide = shutil.get_terminal_size((110, 20)).columns
    for group in argv or known:
        chosen = options(group)
        if not chosen:
            continue
        print(f"{group}=")
        column = max(len(option.name) for option in chosen) + 4
        for name, text in chosen:
            lines = textwrap.wrap(text, max(wide - column - 1, 30)) or [""]
            print(f"  {name:<{column - 2}}" + f"\n{' ' * column}".join(lines))
    return 0
