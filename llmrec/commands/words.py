"""The words of a command line: Hydra's flags, and choices, some of them swept over several values."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import NoReturn

from hydra import initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from llmrec.commands.composing import one_line
from llmrec.config import conf_dir
from llmrec.errors import UsageError

MULTIRUN = ("-m", "--multirun")
# With one of these Hydra shows something and runs nothing.
SHOWS = {"--cfg", "-c", "--info", "-i", "--hydra-help", "--version", "--shell-completion", "-sc"}
SWEEPS = {*MULTIRUN, "--run", "-r"}
CONFIG_DIR = ("--config-dir", "-cd")


def is_override(word: str) -> bool:
    """Say whether a word of the command line is a choice, not one of Hydra's flags or its value."""
    return not word.startswith("-") and ("=" in word or word.startswith("~"))


def check_flags(argv: Sequence[str]) -> None:
    """Raise UsageError for flags that Hydra does not take: it would print several lines, and exit."""
    parser = get_args_parser()

    def refuse(message: str) -> NoReturn:
        raise UsageError(f"llmrec run: {message}; see llmrec run --hydra-help")

    parser.error = refuse  # type: ignore[method-assign]
    parser.parse_args(argv)


def searched(flags: Sequence[str]) -> list[str]:
    """Return what composes like `--config-dir DIR`."""
    folder = own_folder(flags)
    return [f"hydra.searchpath=['file://{folder}']"] if folder else []


def own_folder(words: Sequence[str]) -> str | None:
    """Return the DIR of `--config-dir DIR`, None where it is not given."""
    for place, word in enumerate(words):
        name, _, folder = word.partition("=")
        if name in CONFIG_DIR:
            return str(Path(folder or "".join(words[place + 1 : place + 2])).absolute())
    return None


def parsed(words: Sequence[str]) -> list[Override]:
    """Return words as Hydra understands them; what a glob stands for is looked up in conf/."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
    found: list[Override] = OverridesParser.create(loader).parse_overrides(list(words))
    return found


def values(word: Override) -> list[str]:
    """Return what a choice is set to, in turn."""
    if word.is_sweep_override():
        return list(word.sweep_string_iterator())
    return [str(word.get_value_element_as_str())]


def assignments(word: Override) -> list[str]:
    """Return a choice once for each value that it is swept over."""
    if not word.is_sweep_override():
        return [word.input_line or ""]
    return [f"{word.get_key_element()}={value}" for value in values(word)]


def combinations(words: Sequence[Override]) -> list[tuple[str, ...]]:
    """Return the choices of every run of a sweep. Raises ConfigError."""
    with one_line([word.input_line or "" for word in words]):
        return list(product(*map(assignments, words)))
