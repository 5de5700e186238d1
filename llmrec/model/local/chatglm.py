"""ChatGLM2 and 3 checkpoints, converted once for the native class, so that none of their code runs."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmrec.errors import BackendError
from llmrec.files import made_once
from llmrec.model.local.chatglm_config import is_first_generation, native_settings
from llmrec.model.local.chatglm_tokenizer import (
    CHAT,
    OTHER_SPEAKERS,
    ROLES,
    Generation,
    converted_tokenizer,
    read_pieces,
    special_tokens,
)
from llmrec.model.local.checkpoint import Checkpoint
from llmrec.progress import Progress

SMALL_FILES = ("config.json", "tokenizer.model", "tokenizer_config.json")
# Raise it when the same source is to be converted otherwise.
CONVERSION = 1
SAMPLE, STRIDE = 1 << 16, 1 << 24


def native(
    checkpoint: Checkpoint,
    trust_remote_code: bool,
    cache_dir: Path,
    progress: Progress,
    generation: Generation | None = None,
) -> Checkpoint:
    """Return where the conversion of a ChatGLM lies, and any other checkpoint as it is.

    `generation` overrules what the checkpoint says of itself. Where its own code is allowed, a ChatGLM
    is left to transformers too. Raises BackendError for ChatGLM-6B, before its weights are fetched, and for
    weights that are a pickle alone, which was not named.
    """
    config = {} if trust_remote_code else _config(checkpoint)
    if is_chatglm(config):
        _check_generation(checkpoint.path, config)
    checkpoint.refuse_pickle()
    if not is_chatglm(config):
        return checkpoint
    folder = Path(checkpoint.path).expanduser()
    if not folder.is_dir():
        folder = _fetched(checkpoint, config, generation)
    return Checkpoint.of(converted(folder, cache_dir, progress, generation))


def is_chatglm(config: dict[str, Any]) -> bool:
    """Say whether a config.json is that of the layout that GLM's own code reads."""
    return config.get("model_type") == "chatglm"


def generation_of(folder: Path, config: dict[str, Any]) -> Generation:
    """Return which ChatGLM a folder holds.

    What config.json calls itself (`_name_or_path`) comes first, then role tokens in
    tokenizer_config.json, which only the third has, then the folder's path. Raises BackendError when
    none of them says.
    """
    file = folder / "tokenizer_config.json"
    tokens = file.read_text("utf-8", "replace") if file.is_file() else ""
    roles = "chatglm3" if any(role in tokens for role in ROLES) else ""
    for words in (str(config.get("_name_or_path", "")), roles, str(folder)):
        if found := re.findall(r"chatglm-?([23])", words.lower()):
            return Generation(int(found[-1]))
    raise BackendError(
        f"model.path: '{folder}' does not say whether it is ChatGLM2 or 3; write "
        '"_name_or_path": "chatglm2" or "chatglm3" into its config.json'
    )


def converted(
    source: Path, cache_dir: Path, progress: Progress, generation: Generation | None = None
) -> Path:
    """Return a folder with the weights of `source` for `GlmForCausalLM`, and tokenizer and chat template.

    The weights keep their dtype. The folder lies in `cache_dir/models`, named by the generation and a
    fingerprint of config, tokenizer and weights. Raises BackendError when `source` is not complete or
    not supported.
    """
    config = _parsed(source / "config.json")
    _check_generation(str(source), config)
    generation = generation or generation_of(source, config)
    settings = _checked_settings(source, config, generation)
    from llmrec.model.local.chatglm_weights import weight_files
    from llmrec.model.local.library import explained, quiet

    with quiet(), explained(str(source)):
        files = weight_files(source)
        digest = _fingerprint([source / "tokenizer.model", *files], settings, generation)

    def write(folder: Path) -> None:
        label = f"converting ChatGLM{generation:d}"
        with progress.bar(label, len(files), "file") as advance, quiet(), explained(str(source)):
            from transformers import GenerationConfig, GlmConfig

            from llmrec.model.local.chatglm_weights import convert_weights

            end, pad = settings["eos_token_id"], settings["pad_token_id"]
            tokenizer = converted_tokenizer(source / "tokenizer.model", generation, end, pad)
            tokenizer.save_pretrained(folder)
            glm = GlmConfig(**settings, architectures=["GlmForCausalLM"])
            glm.dtype = convert_weights(files, glm, folder, advance)
            glm.save_pretrained(folder)
            known = tokenizer.get_vocab()
            ends = [end, *(known[name] for name in OTHER_SPEAKERS if name in known)]
            GenerationConfig(eos_token_id=ends, pad_token_id=pad).save_pretrained(folder)

    return made_once(cache_dir / "models" / f"chatglm{generation:d}-{digest}", write)


def _check_generation(name: str, config: dict[str, Any]) -> None:
    if is_first_generation(config):
        raise BackendError(
            f"model.path: '{name}' is a ChatGLM-6B of the first generation, for which transformers has no "
            "class; use model=chatglm (GLM-4-9b-chat-hf) or model=chatglm3, or set "
            "model.trust_remote_code=true with an older transformers in an environment of its own"
        )


def _checked_settings(source: Path, config: dict[str, Any], generation: Generation) -> dict[str, Any]:
    """Return the native config's arguments, when the tokenizer goes with them."""
    # First, for it tells a GLM-4, whose config differs by chance only.
    pieces = read_pieces(source / "tokenizer.model").pieces
    settings = native_settings(str(source), config, generation)
    tokens = len(pieces) + len(special_tokens(generation))
    if tokens > settings["vocab_size"]:
        raise BackendError(
            f"model.path: '{source}', tokenizer.model has {tokens} tokens with the special ones, and "
            f"config.json padded_vocab_size={settings['vocab_size']}; give files of one checkpoint"
        )
    return settings


def _config(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return a folder's or repository's config.json, empty where it has none."""
    folder = Path(checkpoint.path).expanduser()
    if folder.is_dir():
        return _parsed(folder / "config.json")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError

    from llmrec.model.local.library import explained, quiet

    with quiet(), explained(checkpoint.path):
        try:
            file = hf_hub_download(checkpoint.path, "config.json", revision=checkpoint.revision)
        except RemoteEntryNotFoundError:
            return {}
    return _parsed(Path(file))


def _parsed(file: Path) -> dict[str, Any]:
    """Return what a JSON file says; what cannot be read is for transformers to tell."""
    try:
        config = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def _fetched(checkpoint: Checkpoint, config: dict[str, Any], generation: Generation | None) -> Path:
    """Return the folder that a hub repository was fetched into; never a file of code.

    What can be refused is refused by its small files, before gigabytes are fetched.
    """
    folder = _snapshot(checkpoint, SMALL_FILES)
    _checked_settings(folder, config, generation or generation_of(folder, config))
    pickles = ("pytorch_model*.bin*",)
    return _snapshot(
        checkpoint, pickles if checkpoint.pickled else ("*.safetensors", "*.safetensors.index.json")
    )


def _snapshot(checkpoint: Checkpoint, patterns: Sequence[str]) -> Path:
    from huggingface_hub import snapshot_download

    from llmrec.model.local.library import explained, quiet

    with quiet(), explained(checkpoint.path):
        return Path(
            snapshot_download(checkpoint.path, revision=checkpoint.revision, allow_patterns=list(patterns))
        )


def _fingerprint(files: Sequence[Path], settings: dict[str, Any], generation: Generation) -> str:
    """Return 16 hex digits for one conversion of one source, the same on every machine.

    Of each file count its name, its size, and 64 KiB of every 16 MiB: reading gigabytes whole would take
    as long as loading them, and no matrix of a 6B model lies between two samples.
    """
    told = [CONVERSION, settings, CHAT[generation], special_tokens(generation)]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for file in files:
        size = file.stat().st_size
        digest.update(f"\n{file.name} {size}\n".encode())
        with file.open("rb") as stream:
            for start in range(0, size, STRIDE):
                stream.seek(start)
                digest.update(stream.read(SAMPLE))
    return digest.hexdigest()[:16]
