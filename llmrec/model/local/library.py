"""The libraries under a model: kept quiet, and their errors told in one line."""

import errno
import os
import pickle
import re
import stat
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import HfHubHTTPError, StrictDataclassError
from safetensors import SafetensorError
from transformers.utils import logging

from llmrec.errors import BackendError

# What transformers, and code that lies beside weights, raise for a checkpoint they cannot serve.
LIBRARY_ERRORS = (
    OSError,
    ValueError,
    ImportError,
    RuntimeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    TypeError,
    AssertionError,
    MemoryError,
    re.error,
    struct.error,
    pickle.UnpicklingError,
    SafetensorError,
    StrictDataclassError,
    HfHubHTTPError,
)
# What a system says of a disk or a share that fails, and not of a file that is not there.
BROKEN = (errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT)
OOM_SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether torch ran out of memory; the CPU and MPS tell it by their words alone."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(sign in str(error).lower() for sign in OOM_SIGNS)


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back transformers' bars and remarks, and what libraries warn each other of, but no errors."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    getLogger("bitsandbytes").setLevel(ERROR)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def explained(name: str, setting: str = "model.path") -> Iterator[None]:
    """Turn what the libraries raise about checkpoint `name`, given by a setting, into a BackendError of
    one line."""
    try:
        with _asking_plainly():
            yield
    except LIBRARY_ERRORS as error:
        raise BackendError(f"{setting}: {_explain(name, error)}") from error


@contextmanager
def _asking_plainly() -> Iterator[None]:
    """Have `os.path`, in the whole process, raise where it cannot tell whether a file is there. Of a share
    that is lost for a moment it says no, and libraries go on without: without a chat template, and every
    prompt is another."""

    def plainly(is_such: Callable[[int], bool]) -> Callable[[Any], bool]:
        def ask(path: Any) -> bool:
            try:
                return is_such(os.stat(path).st_mode)
            except (OSError, ValueError) as error:
                if getattr(error, "errno", None) in BROKEN:
                    raise
                return False

        return ask

    asks = {"exists": lambda mode: True, "isdir": stat.S_ISDIR, "isfile": stat.S_ISREG}
    before = {name: getattr(os.path, name) for name in asks}
    for name, is_such in asks.items():
        setattr(os.path, name, plainly(is_such))
    try:
        yield
    finally:
        for name, ask in before.items():
            setattr(os.path, name, ask)


def _explain(name: str, error: Exception) -> str:
    words = str(error).strip() or type(error).__name__
    first = words.splitlines()[0].rstrip(".:")
    if "trust_remote_code" in words:
        return (
            f"'{name}' runs Python code of its own; read that code, then allow it by "
            "model.trust_remote_code=true, or choose a checkpoint that transformers knows"
        )
    if isinstance(error, pickle.UnpicklingError) or "weights_only" in words:
        # torch's own words advise to run what is there.
        return f"'{name}' holds a pickle with more than weights in it, which is not run; give another one"
    if is_out_of_memory(error):
        return f"'{name}' exceeds the memory; set a smaller model.dtype, or model.device_map=auto"
    if isinstance(error, OSError) and error.errno in BROKEN:
        return f"'{name}' cannot be read ({first}); look after the disk or the share, and run again"
    if isinstance(error, (OSError, HfHubHTTPError)) and not Path(name).exists():
        return (
            f"'{name}' is no folder here and could not be fetched from the hub ({first}); give a "
            "folder, or set HF_HOME to a filled cache, or HF_TOKEN for a gated model"
        )
    return f"'{name}' cannot be loaded ({first}); give a complete checkpoint for transformers"
