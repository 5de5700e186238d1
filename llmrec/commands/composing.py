"""Hydra for the commands: resolvers, composing, and its errors told in one line."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from llmrec.commands.listing import groups, options
from llmrec.config import conf_dir
from llmrec.errors import ConfigError, DataError, did_you_mean
from llmrec.plan import PATHS

_UNKNOWN_OPTION = re.compile(r"Could not find '([^']+)'")
_UNKNOWN_KEY = re.compile(r"Could not override '([^']+)'")


def choices(*, _root_: DictConfig) -> str:
    """Return eight digits that stand for all choices of a config; where files lie is no choice."""
    plain = OmegaConf.to_container(
        OmegaConf.masked_copy(_root_, [str(key) for key in _root_ if key != "hydra"]), resolve=True
    )
    assert isinstance(plain, dict)
    kept = {str(key): value for key, value in plain.items() if key not in PATHS}
    return hashlib.blake2b(msgspec.json.encode(kept, order="sorted"), digest_size=4).hexdigest()


def register() -> None:
    """Make `${choices:}` known; a second call changes nothing."""
    OmegaConf.register_new_resolver("choices", choices, replace=True)


def composed(overrides: Sequence[str], with_hydra: bool = False) -> DictConfig:
    """Return the config that the overrides make of conf/run.yaml, Hydra's own node in it or not.

    Raises ConfigError.
    """
    register()
    GlobalHydra.instance().clear()
    with one_line(overrides), initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("run", list(overrides), return_hydra_config=with_hydra)


@contextmanager
def one_line(overrides: Sequence[str]) -> Iterator[None]:
    """Turn Hydra's and OmegaConf's errors, met under these overrides, into a ConfigError of one line
    with a way out."""
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(told(error, overrides)) from error
    except OSError as error:
        way_out = "choose another folder by hydra.run.dir=DIR or output_dir=DIR"
        raise DataError(f"{error.filename}: cannot be used ({error.strerror}); {way_out}") from error


def told(error: BaseException, overrides: Sequence[str]) -> str:
    """Return what a Hydra error says to a user, with the nearest known name."""
    text = str(error)
    option = _UNKNOWN_OPTION.search(text)
    if option:
        group, _, name = option.group(1).rpartition("/")
        known = [choice.name for choice in options(group)] if group in groups() else []
        near = did_you_mean(name, known) or f"; see llmrec list {group}"
        return f"{group}={name}: no such {group}{near}"
    key = _UNKNOWN_KEY.search(text)
    if key:
        wrong = key.group(1)
        group = wrong.partition(".")[0]
        if any(word.startswith(f"{group}=") and "," in word for word in overrides):
            # Hydra composes a sweep once without the swept choices first.
            return f"{wrong}: is not in every {group}; in a sweep over {group}=... write ++{wrong}=VALUE"
        known = known_keys(wrong, overrides)
        if wrong in known or not known:
            place = wrong if known else wrong.rpartition(".")[0]
            return f"{wrong}: is not there yet; its keys are added one by one: +{place}.KEY=VALUE"
        return f"{wrong}: no such setting{did_you_mean(wrong, known) or '; see llmrec show'}"
    cause = error.__cause__
    first = " ".join(line.strip() for line in text.splitlines()[:2] if line.strip())
    return f"{first} ({str(cause).splitlines()[0]})" if cause and str(cause) not in first else first


def known_keys(wrong: str, overrides: Sequence[str]) -> list[str]:
    """Return the settings beside a wrong one: those of its group as chosen, or of the root."""
    chosen = [word for word in overrides if word.partition("=")[0] in groups() and "," not in word]
    register()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        cfg = compose("run", chosen)
    group, _, _ = wrong.rpartition(".")
    node = OmegaConf.select(cfg, group) if group else cfg
    if not isinstance(node, DictConfig):
        return [str(key) for key in cfg]
    return [f"{group}.{key!s}" if group else str(key) for key in node]
