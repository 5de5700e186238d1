"""The `llmrec` command: finds the subcommand and imports only that."""

import importlib
import os
import sys

from llmrec import stopping
from llmrec.commands.telling import listened, tell
from llmrec.commands.terminal import guarded
from llmrec.errors import UsageError, did_you_mean

COMMANDS = {
    "run": "run a benchmark: llmrec run task=rating dataset=gift_cards limit=100",
    "list": "list every choice of every group, or of one: llmrec list model",
    "show": "print the composed config, or rendered prompts: llmrec show prompts task=direct n=3",
    "score": "score finished runs again from their folders, without a model: llmrec score DIR...",
    "compare": "is the difference real? llmrec compare RUN RUN... on the rows that they share",
    "repeats": "how much of a score is chance, prompt or order? llmrec repeats RUN RUN...",
    "judge": "have a model judge texts: llmrec judge RUN RUN... judge=smollm2 --out DIR",
    "plan": "how many rows does it take? llmrec plan task=sequential model=smollm2 detect=0.01",
    "annotate": "what do people think? llmrec annotate make RUN... --out DIR, then score FILES... --key KEY",
    "report": "tabulate finished runs: llmrec report DIR... [--format FORMAT | --out report.html]",
    "view": "the report's page with all rows, in a browser: llmrec view DIR...",
    "export": "one file of a finished run to share, without paths, names and keys: llmrec export RUN",
    "verify": "is a shared run what it says? read and scored again without a model: llmrec verify CAPSULE",
    "doctor": "check versions, device, data, configs and disk",
}
COMPLETION_FLAGS = ("-sc", "--shell-completion")


def usage() -> str:
    lines = [f"  {name:<8} {text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "llmrec: how good is a language model at recommending, and how sure are we?",
            "",
            "usage: llmrec COMMAND [ARGUMENTS]",
            "",
            *lines,
            "",
            "`llmrec COMMAND --help` tells more; --debug shows what led to an error.",
            "Start with: llmrec run limit=16",
        ]
    )


def main() -> None:
    """Run the subcommand that the command line names, and exit with its status."""
    stopping.listen()
    sys.exit(dispatch(sys.argv[1:]))


def dispatch(argv: list[str]) -> int:
    """Run one subcommand. An error is one line on standard error, and status 1, or 2 for words that a command
    does not take."""
    with guarded():
        return _dispatch(listened(argv))


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if argv[0] in ("-V", "--version"):
        from importlib.metadata import version

        print(f"llmrec {version('llmrec')}")
        return 0
    name, rest = argv[0], argv[1:]
    if name in COMPLETION_FLAGS:  # the shell asks the program itself, with the whole line in COMP_LINE
        name, rest = "run", argv
        strip_subcommand(os.environ)
    try:
        if name not in COMMANDS:
            near = did_you_mean(name, COMMANDS) or "; see llmrec --help"
            raise UsageError(f"llmrec {name}: no such command{near}")
        command = importlib.import_module(f"llmrec.commands.{name}")
        return int(command.main(rest))
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on where this one was", file=sys.stderr)
        return stopping.status()
    except Exception as error:  # noqa: BLE001 - what nothing foresaw is told in one line too
        tell(error)
        return getattr(error, "status", 1)


def strip_subcommand(environ: "os._Environ[str]") -> None:
    """Take `run` out of the completion variables: Hydra completes words of its own program alone."""
    line = environ.get("COMP_LINE", "")
    for name in COMMANDS:
        if line.startswith(f"llmrec {name} "):
            environ["COMP_LINE"] = line.replace(f"{name} ", "", 1)
            point = int(environ.get("COMP_POINT", str(len(line))))
            environ["COMP_POINT"] = str(max(point - len(name) - 1, 0))


if __name__ == "__main__":
    main()
