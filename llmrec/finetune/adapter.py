"""What was learned, as a folder: kept in the cache with its record, or taken from elsewhere."""

import hashlib
import math
from pathlib import Path
from typing import Any

import msgspec
from safetensors import SafetensorError, safe_open

from llmrec.errors import BackendError, DataError
from llmrec.files import UNREADABLE, write_atomic
from llmrec.model.local.checkpoint import Checkpoint
from llmrec.model.local.library import explained, quiet
from llmrec.model.local.session import LocalSession
from llmrec.results import Tuning

RECORD = "finetune.json"


def weight_files(folder: Path) -> list[Path]:
    """Return the files that hold what was learned. Raises DataError where there is none."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise DataError(f"{folder}: no .safetensors in it; give an adapter's folder, or one of whole weights")
    return files


def digest(folder: Path) -> str:
    """Return the SHA-256 of the weights, over all files."""
    total = hashlib.sha256()
    for file in weight_files(folder):
        with file.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def keep(folder: Path, tuning: Tuning) -> None:
    """Write the record beside the weights."""
    write_atomic(folder / RECORD, msgspec.json.format(msgspec.json.encode(tuning)) + b"\n")


def kept(folder: Path) -> Tuning:
    """Return the record of a folder. Raises DataError when it has none, or when its weights changed since."""
    try:
        tuning = msgspec.json.decode((folder / RECORD).read_bytes(), type=Tuning)
    except (OSError, *UNREADABLE) as error:
        raise DataError(
            f"{folder}: no record of a training ({error}); remove the folder to train anew"
        ) from error
    if digest(folder) != tuning.sha256:
        raise DataError(
            f"{folder}: its weights are not those that were learned (sha256 {digest(folder)[:12]}, not "
            f"{tuning.sha256[:12]}); remove the folder to train anew"
        )
    return tuning


def fetched(adapter: str) -> Path:
    """Return the folder of an adapter by path or hub id. Raises BackendError when it cannot be had."""
    folder = Path(adapter).expanduser()
    if folder.is_dir():
        weight_files(folder)
        return folder
    if adapter.startswith(("/", ".", "~")) or adapter.count("/") != 1:
        raise BackendError(f"finetune.adapter: '{adapter}' is no folder; give one, or a hub id")
    with quiet(), explained(adapter, "finetune.adapter"):
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(adapter, allow_patterns=["*.json", "*.safetensors"]))


def check_base(folder: Path, checkpoint: Checkpoint) -> None:
    """Raise BackendError where the record says that the adapter was learned on another base."""
    if not (folder / RECORD).is_file():
        return
    made_on, base = kept(folder).base, checkpoint.identity()
    if made_on != base:
        raise BackendError(
            f"finetune.adapter: {folder} was learned on {made_on}, the model is {base}; give the model that "
            "it was learned on, or another adapter"
        )


def taken(folder: Path, session: LocalSession) -> Tuning:
    """Return what is known of an adapter from elsewhere: its own record, or its size alone."""
    if (folder / RECORD).is_file():
        return kept(folder)
    try:
        files: list[Any] = [safe_open(file, "pt") for file in weight_files(folder)]
        sizes = [file.get_slice(name).get_shape() for file in files for name in file.keys()]  # noqa: SIM118
    except SafetensorError as error:
        raise DataError(f"{folder}: its weights cannot be read ({error}); give a whole adapter") from error
    model = session.loaded.model
    config = getattr(model, "active_peft_config", None)
    return Tuning(
        method=str(config.peft_type.value).lower() if config else "full",
        adapter=folder.name,
        tasks=[],
        trainable=sum(map(math.prod, sizes)),
        total=sum(weight.numel() for weight in model.parameters()),
        pairs=0,
        left_out={},
        tokens=0,
        seconds=0.0,
        steps=0,
        best_step=0,
        loss_curve=[],
        base=str(getattr(config, "base_model_name_or_path", "") or "unknown"),
        sha256=digest(folder),
    )
