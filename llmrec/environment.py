"""What scores may depend on beside the choices: packages, commit, device, dtype, batch."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from llmrec.errors import BackendError, printable
from llmrec.results import Environment

REFUSES = 128  # what git ends with where it has nothing to tell, as of a checkout that another user owns
SHORT = re.compile(r"out of memory|cannot allocate memory", re.IGNORECASE)

PACKAGES = (
    "llmrec", "torch", "transformers", "tokenizers", "peft", "accelerate", "datasets", "hydra-core",
    "omegaconf", "bitsandbytes", "numpy", "sacrebleu", "rouge-score", "rapidfuzz", "msgspec",
    "cornac", "scikit-learn", "openai",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Return the versions of the packages that matter, those that are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """Return the checkout's commit, with `+` where it was changed since; None outside a checkout, and where
    git is not there or will not tell. Raises BackendError where git breaks down."""
    here = Path(__file__).resolve().parent.parent
    if not (here / ".git").exists() or shutil.which("git") is None:
        return None

    def git(*words: str) -> str:
        plain = os.environ | {"LC_ALL": "C"}
        done = subprocess.run(
            ["git", *words], cwd=here, capture_output=True, text=True, check=False, env=plain
        )
        if done.returncode not in (0, REFUSES) or SHORT.search(done.stderr):
            raise BackendError(
                f"git {words[0]}: ended with {done.returncode} ({printable(done.stderr)}); run again, "
                "with more memory if that was short"
            )
        return done.stdout.strip()

    head = git("rev-parse", "--short=12", "HEAD")
    return (head + ("+" if git("status", "--porcelain", "-uno") else "")) if head else None


def describe(session: Mapping[str, str]) -> Environment:
    """Return the environment of a session; what it does not name is none of its concern."""
    details = dict(session)
    return Environment(
        packages=versions(),
        git=commit(),
        device=details.pop("device", "cpu"),
        dtype=details.pop("dtype", "float64"),
        batch=details.pop("batch", ""),
        details=details,
    )
