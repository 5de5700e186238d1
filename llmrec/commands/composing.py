"""Hydra for the commands: resolvers, composing, and its errors told in one line."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from llmrec.commands.hydras import told
from llmrec.config import conf_dir
from llmrec.errors import ConfigError, DataError
from llmrec.plan import PATHS


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
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        raise ConfigError(told(error, overrides)) from error
    except OSError as error:
        way_out = "choose another folder by hydra.run.dir=DIR or output_dir=DIR"
        raise DataError(f"{error.filename}: cannot be used ({error.strerror}); {way_out}") from error
