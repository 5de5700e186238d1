"""GGUF files: found in a folder, on the hub or in an installed package, and converted once."""

import hashlib
import importlib.metadata
from pathlib import Path
from typing import Any

from llmrec.errors import BackendError
from llmrec.files import made_once
from llmrec.model.local.checkpoint import find
from llmrec.progress import Progress

# Vocabularies that split numbers into digits before anything else, as llama.cpp does for these names
# of `tokenizer.ggml.pre`; transformers leaves that out when it reads them from a GGUF.
DIGIT_BY_DIGIT = frozenset({"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone"})


def packaged_gguf(package: str) -> Path | None:
    """Return the one GGUF that an installed distribution carries, or None where it is not installed.

    The package is never imported. Raises BackendError when it carries none or several.
    """
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = [Path(str(file.locate())) for file in files if file.suffix == ".gguf"]
    if len(found) != 1 or not found[0].is_file():
        raise BackendError(
            f"model.package: '{package}' carries {len(found)} GGUF files that are listed, one is needed; "
            "reinstall it, or set model.package=null"
        )
    return found[0]


def hub_gguf(path: str, revision: str | None, name: str) -> Path:
    """Return the GGUF file `name` in a folder, or fetched from a hub repository.

    Raises BackendError when it is not there.
    """
    checkpoint = find(path, revision)
    folder = Path(checkpoint.path).expanduser()
    if folder.is_dir():
        if not (folder / name).is_file():
            raise BackendError(f"model.gguf: '{name}' is not in '{path}'; give the name of a file there")
        return folder / name
    from llmrec.model.local.library import explained, quiet

    with quiet(), explained(path):
        from huggingface_hub import hf_hub_download

        return Path(hf_hub_download(path, name, revision=revision))


def converted(file: Path, cache_dir: Path, progress: Progress) -> Path:
    """Return a folder with the GGUF's weights in float32, its tokenizer and chat template.

    The folder lies in `cache_dir/models`, named by the file's contents.
    """
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()[:16]

    def write(folder: Path) -> None:
        with progress.bar(f"converting {file.name}", None, "file"):
            from llmrec.model.local.library import explained, quiet

            with quiet(), explained(file.name):
                _convert(file, folder)

    return made_once(cache_dir / "models" / f"{file.stem.lower()}-{digest}", write)


def _convert(file: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig, modeling_gguf_pytorch_utils
    from transformers.utils import logging

    # Its bar comes straight from tqdm; transformers' own obeys the switch that `quiet` turns.
    reader: Any = modeling_gguf_pytorch_utils
    reader.tqdm = logging.tqdm
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    _split_digits(tokenizer, file)
    tokenizer.save_pretrained(folder)
    loading: Any = AutoModelForCausalLM
    model, report = loading.from_pretrained(
        file.parent,
        gguf_file=file.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
        output_loading_info=True,
    )
    if missing := sorted(report["missing_keys"]):
        raise ValueError(f"it lacks {len(missing)} weights, first {missing[0]}, which would be random")
    model.save_pretrained(folder)


def _split_digits(tokenizer: Any, file: Path) -> None:
    from gguf import GGUFReader
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    scheme = GGUFReader(file).get_field("tokenizer.ggml.pre")
    if scheme is not None and scheme.contents() in DIGIT_BY_DIGIT:
        tokenizer.backend_tokenizer.pre_tokenizer = Sequence(
            [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
        )
