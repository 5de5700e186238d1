"""What Hydra, OmegaConf and YAML say of a user's words or files, told with the place and a way out."""

import re
from collections.abc import Sequence

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError

from llmrec.commands.listing import groups, options
from llmrec.config import conf_dir, unfit
from llmrec.errors import did_you_mean

_OPTION = re.compile(r"Could not find '([^']+)'")
_KEY = re.compile(r"Could not override '([^']+)'")
# From Hydra's words to those of who typed them.
RULES = (
    (
        r"Ambiguous value for argument '(.+)'|Sweep parameters '(.+)' requires",
        "{}: several values for one run; add -m for a run each, or write KEY=[A,B] for a list",
    ),
    (
        r"Could not append to config\. An item is already at '(.+)'\.",
        "+{}: is there already; leave out the +",
    ),
    (r"Could not delete from config\. '(.+)' does not exist", "~{}: is not there; see llmrec show"),
    (r"but config group '(.+)' does not", "{}: no such group; see llmrec list"),
    (r"Could not delete\. No match for '(.+)' in the defaults list", "~{}: is not there; see llmrec show"),
    (
        r"Additional config directory '(.+)' not found",
        "--config-dir {}: no such folder; give one with your own groups, as DIR/model/mine.yaml",
    ),
    (
        r"In '(.+)': Could not load '(.+)'\.",
        "{0}: its defaults name {1}, which is not there; mend the list, or see llmrec list",
    ),
    (
        r"Sweeping over Hydra's configuration is not supported : '(.+)'",
        "{}: is one for all runs; give one value",
    ),
)


def told(error: BaseException, overrides: Sequence[str]) -> str:
    """Return what such an error says to a user, with the nearest known name."""
    text = str(error)
    if isinstance(error, MarkedYAMLError):
        return _unreadable(error)
    if isinstance(error, OverrideParseException):
        return (
            f"{error.override}: cannot be read ({text.splitlines()[0]}); write KEY=VALUE, and brackets, "
            "commas or blanks of a value in quotes: 'KEY=\"VALUE\"'"
        )
    if isinstance(error, OmegaConfBaseException):
        place = str(error.full_key or "config")
        if place.startswith("hydra."):
            return f"{place}: {text.splitlines()[0]}; every run has all groups of llmrec show, and names"
        return str(unfit(place, error))
    for pattern, words in RULES:
        if found := re.search(pattern, text):
            return words.format(*(part for part in found.groups() if part))
    if option := _OPTION.search(text):
        return _no_option(option[1])
    if key := _KEY.search(text):
        return _no_key(key[1], overrides)
    cause = error.__cause__
    first = " ".join(line.strip() for line in text.splitlines()[:2] if line.strip())
    why = f" ({str(cause).splitlines()[0]})" if cause and str(cause) not in first else ""
    return f"llmrec run: {first}{why}; see llmrec run --help"


def _unreadable(error: MarkedYAMLError) -> str:
    mark = error.problem_mark
    place = f"{str(mark.name).removeprefix('file://')}:{mark.line + 1}" if mark else "config"
    return f"{place}: no YAML ({error.problem}); mend the line"


def _no_option(path: str) -> str:
    group, _, name = path.rpartition("/")
    known = [choice.name for choice in options(group)] if group in groups() else []
    near = did_you_mean(name, known) or f"; see llmrec list{f' {group}' if known else ''}"
    return f"{group}={name}: no such {group}{near}"


def _no_key(wrong: str, overrides: Sequence[str]) -> str:
    group = wrong.partition(".")[0]
    if any(word.startswith(f"{group}=") and "," in word for word in overrides):
        # Hydra composes a sweep once without the swept choices first.
        return f"{wrong}: is not in every {group}; in a sweep over {group}=... write ++{wrong}=VALUE"
    known = known_keys(wrong, overrides)
    if wrong in known or not known:
        place = wrong if known else wrong.rpartition(".")[0]
        return f"{wrong}: is not there yet; its keys are added one by one: +{place}.KEY=VALUE"
    return f"{wrong}: no such setting{did_you_mean(wrong, known) or '; see llmrec show'}"


def known_keys(wrong: str, overrides: Sequence[str]) -> list[str]:
    """Return the settings beside a wrong one: those of its group as chosen, or of the root."""
    chosen = [word for word in overrides if word.partition("=")[0] in groups() and "," not in word]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        cfg = compose("run", chosen)
    group, _, _ = wrong.rpartition(".")
    node = OmegaConf.select(cfg, group) if group else cfg
    if not isinstance(node, DictConfig):
        return [str(key) for key in cfg]
    return [f"{group}.{key!s}" if group else str(key) for key in node]
