"""Places of one machine - folders, private addresses - in what llmrec itself writes of a run."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from llmrec.config import conf_dir
from llmrec.plan import PATHS

# What conf/run.yaml says of them.
RELATIVE = dict(zip(PATHS, ("data", "outputs/cache", "outputs"), strict=True))
NOWHERE = "http://left-out.invalid"  # a name that no machine ever has (RFC 2606)
_PATH = re.compile(
    r"(?:/|~[\w.-]*/|\.{1,2}[\\/]|[A-Za-z]:[\\/]|\\\\)[^\n]*\w[^\n]*|[^\n]*[\\/]\.\.(?:[\\/][^\n]*)?"
)
_ADDRESS = re.compile(r"\b[A-Za-z][\w+.-]*://[^\s\"'<>,\])}]+")
_PART = re.compile(r"[^\\/:]*\w[^\\/:]*")


def is_path(text: str) -> bool:
    """Say whether a value is a path that means something on one machine alone; `a/b`, as hub ids, is none."""
    return _PATH.fullmatch(text) is not None


def texts(node: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield (place, text) of every text in plain data, keys aside."""
    if isinstance(node, str):
        yield place, node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from texts(value, f"{place}.{key}" if place else str(key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from texts(value, f"{place}[{number}]")


@cache
def public() -> frozenset[str]:
    """Return the addresses that conf/ names; all others are somebody's own."""
    files = conf_dir().rglob("*.yaml")
    return frozenset(found for file in files for found in _ADDRESS.findall(file.read_text(encoding="utf-8")))


def addresses(text: str) -> list[str]:
    """Return the private addresses in a text."""
    return [address for address in _ADDRESS.findall(text) if address not in public()]


class Places:
    """The places that some records name, and what stands in their stead: the last part of a path, so that
    a checkpoint keeps its name, and one word for every private address."""

    def __init__(self, config: Mapping[str, Any], *others: Any) -> None:
        """`config` is a run's config, `others` further plain data."""
        told = [*texts(dict(config)), *(found for other in others for found in texts(other))]
        self.instead = {text: last(text) for _, text in told if is_path(text)}
        self.instead |= {address: NOWHERE for _, text in told for address in addresses(text)}
        self.instead |= {str(config[name]): RELATIVE[name] for name in PATHS}
        longest = sorted(self.instead, key=len, reverse=True)
        self._any = re.compile("|".join(rf"(?<![^\W_]){re.escape(place)}(?![^\W_])" for place in longest))

    def without(self, node: Any) -> Any:
        """Return plain data with every place replaced."""
        if isinstance(node, str):
            return self._any.sub(lambda found: self.instead[found[0]], node)
        if isinstance(node, Mapping):
            return {key: self.without(value) for key, value in node.items()}
        return [self.without(value) for value in node] if isinstance(node, list) else node

    def named(self, config: Mapping[str, Any]) -> list[str]:
        """Return the settings of a config that hold a place."""
        return sorted(place for place, text in texts(dict(config)) if self.without(text) != text)


def last(path: str) -> str:
    """Return the last part of a path that says anything."""
    parts = _PART.findall(path)
    return parts[-1] if parts else "path"
