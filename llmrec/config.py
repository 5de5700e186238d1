"""From YAML to typed objects: the only reader of `_target_`."""

import importlib
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from llmrec.errors import ConfigError, did_you_mean

T = TypeVar("T")

CONFIG_DIR = "LLMREC_CONFIG_DIR"  # set by `llmrec run --config-dir DIR`
SECRET = re.compile(r"((api|access|private)_?key|token|secret|password)$", re.IGNORECASE)
_TARGET = re.compile(r"""_target_:\s*['"]?([\w.]+)""")


def conf_dir() -> Path:
    """Return the folder of configuration groups: inside the installed package, or the checkout's."""
    package = Path(__file__).resolve().parent
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "run.yaml").is_file():
            return folder
    raise ConfigError(f"{package}: no conf/run.yaml in the package or beside it; reinstall llmrec")


def build(node: DictConfig, base: type[T], place: str) -> T:
    """Build the frozen dataclass that `node._target_` names, with the node's other keys as fields.

    Raises ConfigError, naming `place`, when the class is unknown or no `base`, when a key is unknown
    or missing, or when a value does not fit its type or rule.
    """
    cls = _target(node, base, place)
    given = [str(key) for key in node if not OmegaConf.is_missing(node, key)]
    fields = {key: node[key] for key in given if key not in ("_target_", "description")}
    schema = OmegaConf.structured(cls)
    for key in fields:
        if key not in schema.keys():  # noqa: SIM118 - `in schema` is false for what has no value yet
            near = did_you_mean(key, map(str, schema.keys())) or "; see llmrec show"
            raise ConfigError(f"{within(place, key)}: no such setting{near}")
    try:
        merged = OmegaConf.merge(schema, fields)
        missing = sorted(OmegaConf.missing_keys(merged))
        if missing:
            raise unset(within(place, missing[0]))
        return cast(T, OmegaConf.to_object(merged))
    except OmegaConfBaseException as error:
        raise unfit(within(place, str(error.full_key or "")), error) from error
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(place) else f"{place}.{text}") from error


def within(place: str, key: str) -> str:
    """Return the full name of a key of a node; the root's has none before it."""
    return f"{place}.{key}".strip(".")


def unset(place: str) -> ConfigError:
    """Return the error of a setting that has to be given."""
    return ConfigError(f"{place}: no value; set {place}=...")


def unfit(place: str, error: OmegaConfBaseException) -> ConfigError:
    """Return what OmegaConf says of a value that does not fit its place."""
    if isinstance(error, MissingMandatoryValue):
        return unset(place)
    first = str(error).splitlines()[0]
    way_out = "choose one of those" if "expected one of" in first else f"give another {place}=VALUE"
    return ConfigError(f"{place}: {first}; {way_out}")


def _target(node: DictConfig, base: type[T], place: str) -> type[T]:
    path = str(node.get("_target_") or "")
    if not path:
        raise ConfigError(f"{place}: no _target_; name the class that reads this group")
    if not path.startswith("llmrec.") and path not in own_classes(os.environ.get(CONFIG_DIR)):
        raise ConfigError(
            f"{place}._target_: '{path}' is no class of llmrec, and no config's word is taken for it; if it "
            f"is your own, name it in a YAML of a folder, and give that by {CONFIG_DIR}=DIR"
        )
    module, _, name = path.rpartition(".")
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{place}._target_: '{path}' cannot be imported ({error}); name a class that is there"
        ) from error
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise ConfigError(f"{place}._target_: '{path}' is no {base.__name__}; name a class that is one")
    return cls


@cache
def own_classes(folder: str | None) -> frozenset[str]:
    """Return the classes that the YAML files below a user's own folder of groups name."""
    files = Path(folder).rglob("*.yaml") if folder else ()
    return frozenset(name for file in files for name in _TARGET.findall(file.read_text("utf-8", "replace")))


def to_yaml(stored: Mapping[str, Any]) -> bytes:
    """Return a resolved config as YAML, secrets masked."""
    return OmegaConf.to_yaml(OmegaConf.create(masked(dict(stored)))).encode()


def masked(node: Any) -> Any:
    """Return the config with the value of every key that names a secret replaced by `***`."""
    if isinstance(node, dict):
        return {key: "***" if SECRET.search(key) and value else masked(value) for key, value in node.items()}
    return [masked(value) for value in node] if isinstance(node, list) else node
