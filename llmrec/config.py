"""From YAML to typed objects: the only reader of `_target_`."""

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from llmrec.errors import ConfigError, did_you_mean

T = TypeVar("T")

SECRET = re.compile(r"((api|access|private)_?key|token|secret|password)$", re.IGNORECASE)


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
            raise ConfigError(f"{place}.{key}: no such setting{did_you_mean(key, map(str, schema.keys()))}")
    try:
        merged = OmegaConf.merge(schema, fields)
        missing = sorted(OmegaConf.missing_keys(merged))
        if missing:
            raise ConfigError(f"{place}.{missing[0]}: no value; set {place}.{missing[0]}=...")
        return cast(T, OmegaConf.to_object(merged))
    except OmegaConfBaseException as error:
        key = f".{error.full_key}" if error.full_key else ""
        raise ConfigError(f"{place}{key}: {str(error).splitlines()[0]}") from error
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(place) else f"{place}.{text}") from error


def _target(node: DictConfig, base: type[T], place: str) -> type[T]:
    path = node.get("_target_")
    if not path:
        raise ConfigError(f"{place}: no _target_; name the class that reads this group")
    module, _, name = str(path).rpartition(".")
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ConfigError(f"{place}._target_: '{path}' cannot be imported ({error})") from error
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise ConfigError(f"{place}._target_: '{path}' is no {base.__name__}")
    return cls


def to_yaml(stored: Mapping[str, Any]) -> bytes:
    """Return a resolved config as YAML, secrets masked."""
    return OmegaConf.to_yaml(OmegaConf.create(masked(dict(stored)))).encode()


def masked(node: Any) -> Any:
    """Return the config with the value of every key that names a secret replaced by `***`."""
    if isinstance(node, dict):
        return {key: "***" if SECRET.search(key) and value else masked(value) for key, value in node.items()}
    return [masked(value) for value in node] if isinstance(node, list) else node
