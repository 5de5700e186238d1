"""A config that a stranger wrote, looked at before anything is built of it."""

import re
from pathlib import Path
from typing import Any

import msgspec

from llmrec.artifacts import CONFIG
from llmrec.capsule.places import is_path, texts
from llmrec.errors import DataError

MOST_RESAMPLES = 100_000
_CLASS = re.compile(
    r"llmrec\.(?:dataset|split|task|prompt|model|finetune|decoding|parser|metric)(?:\.[a-z]\w*)+\.[A-Z]\w*"
)
# Settings of a metric that name what no capsule holds: another's file or checkpoint.
_ELSEWHERE = ("checkpoint", "file")
WAY_OUT = "llmrec export writes none; do not trust this capsule"


def config_of(capsule: Path, content: bytes) -> dict[str, Any]:
    """Return the config of a capsule.

    Raises DataError for a class that is not llmrec's, an interpolation or a path, and for what is no config.
    """
    place = f"{capsule}: {CONFIG}"
    try:
        config = msgspec.json.decode(content, type=dict[str, Any])
        resamples = config["resamples"]
        within(config["metric"]["metrics"])
    except (msgspec.MsgspecError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise DataError(f"{place}: no config of a run ({error}); {WAY_OUT}") from error
    if not isinstance(resamples, int) or resamples > MOST_RESAMPLES:
        raise DataError(f"{place}: resamples: {resamples!r} is above {MOST_RESAMPLES:,}; {WAY_OUT}")
    for key, text in texts(config):
        if fault := fault_of(key, text):
            raise DataError(f"{place}: {key}: {text!r} {fault}; {WAY_OUT}")
    return config


def within(metrics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the metrics of a config that open neither a file nor a checkpoint."""
    return [node for node in metrics if not any(node.get(name) for name in _ELSEWHERE)]


def fault_of(key: str, text: str) -> str:
    """Return what is wrong with a value of a config, "" where nothing is."""
    if key.rpartition(".")[2] == "_target_" and not _CLASS.fullmatch(text):
        return "is no class that llmrec builds"
    if "${" in text:
        return "would be filled in on this machine"
    return "is a path of some machine" if is_path(text) else ""
