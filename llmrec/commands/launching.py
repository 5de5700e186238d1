"""Jobs that Hydra's launchers run in other processes, here or on other machines (hydra/launcher=...)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llmrec.commands.composing import composed, one_line
from llmrec.commands.words import MULTIRUN, is_override, parsed, searched
from llmrec.errors import BackendError, ConfigError
from llmrec.plan import PATHS

BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
LIBRARIES = ("joblib", "submitit", "ray")


def is_here(asked: Any) -> bool:
    """Say whether the jobs of Hydra's node of a config run in the process that composes them."""
    return bool(asked.launcher["_target_"] == BASIC)


def paths_elsewhere(argv: Sequence[str]) -> list[str]:
    """Return the words that tell other processes, whose working folder may be another, where files lie; none
    where the jobs run in this process, or where Hydra is to refuse the words."""
    if not set(MULTIRUN).intersection(argv):
        return []
    try:
        with one_line(argv):
            words = parsed([word for word in argv if is_override(word)])
        plain = [word.input_line or "" for word in words if not word.is_sweep_override()]
        places = searched([word for word in argv if not is_override(word)])
        cfg = composed([*plain, *places], with_hydra=True)
    except ConfigError:
        return []
    if is_here(cfg.hydra):
        return []
    return [f"{name}='{Path(str(cfg[name])).expanduser().absolute()}'" for name in PATHS]


@contextmanager
def lost_workers() -> Iterator[None]:
    """Raise BackendError, in one line, for a launcher that has lost a worker, or cannot start one."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in LIBRARIES:
            raise
        first = next(iter(str(error).splitlines()), "")
        raise BackendError(
            f"hydra/launcher: {type(error).__name__} ({first}); what is done is kept, and the same command "
            "goes on"
        ) from error
