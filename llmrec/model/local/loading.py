"""Weights and tokenizer into memory, on the device and in the dtype asked for; kept for a next run."""

import gc
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub.errors import HfHubHTTPError, StrictDataclassError
from safetensors import SafetensorError
from transformers.utils import logging

from llmrec.errors import BackendError, did_you_mean
from llmrec.model.local.architecture import auto_class, overridden
from llmrec.model.local.checkpoint import Checkpoint
from llmrec.model.local.model import Attention, Dtype, LocalModel, Side

# What transformers, and code that lies beside weights, raise for a checkpoint they cannot serve.
LIBRARY_ERRORS = (
    OSError,
    ValueError,
    ImportError,
    RuntimeError,
    KeyError,
    AttributeError,
    TypeError,
    SafetensorError,
    StrictDataclassError,
    HfHubHTTPError,
)
SPECIAL_TOKENS = (
    "bos_token_id",
    "pad_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
)
# Settings of a model that shape what lies in memory, beside its device and dtype.
SHAPING = (
    "device_map",
    "attention",
    "trust_remote_code",
    "config",
    "pad_token",
    "end_tokens",
    "padding_side",
)
OOM_SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A checkpoint in memory. `context` is the most tokens it reads, None where nothing bounds it."""

    model: Any
    tokenizer: Any
    device: torch.device
    context: int | None
    end_tokens: frozenset[int]
    pad_token: int
    padding_side: Side

    @property
    def encoder_decoder(self) -> bool:
        return bool(self.model.config.is_encoder_decoder)

    def environment(self) -> dict[str, str]:
        """Return what scores may depend on, as texts."""
        config = self.model.config
        return {
            "engine": f"transformers {transformers.__version__}",
            "weights": _weights_name(config.name_or_path, getattr(config, "_commit_hash", None)),
            "device": ", ".join(self._places()),
            "device_name": _device_name(self.device),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "attention": str(config._attn_implementation),
        }

    def _places(self) -> list[str]:
        """Accelerate names a CUDA device by its number."""
        spread = set(getattr(self.model, "hf_device_map", {}).values())
        if len(spread) < 2:
            return [str(self.device)]
        return sorted(f"cuda:{place}" if isinstance(place, int) else str(place) for place in spread)


# The weights loaded last, so that the runs of a sweep load them once.
_kept: dict[tuple[object, ...], Loaded] = {}


def load(settings: LocalModel, checkpoint: Checkpoint) -> Loaded:
    """Return the checkpoint in memory: the one already there if no setting of loading differs.

    Raises BackendError when it cannot be had, needs code of its own, lacks weights, or does not go
    with the device or dtype.
    """
    device = pick_device(settings.device)
    dtype = pick_dtype(settings.dtype, device)
    key = (checkpoint, device, dtype, *(str(getattr(settings, name)) for name in SHAPING))
    if key not in _kept:
        _kept.clear()
        free(device)
        with quiet(), explained(checkpoint.path):
            _kept[key] = _load(settings, checkpoint, device, dtype)
    return _kept[key]


def _load(settings: LocalModel, checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype) -> Loaded:
    source = {"revision": checkpoint.revision, "trust_remote_code": settings.trust_remote_code}
    found = transformers.AutoConfig.from_pretrained(checkpoint.path, **source)
    config = overridden(found, settings.config, "model.config")
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint.path, **source)
    model, report = auto_class(config).from_pretrained(
        checkpoint.path,
        **source,
        config=config,
        dtype=dtype,
        attn_implementation=None if settings.attention is Attention.auto else str(settings.attention),
        device_map=str(settings.device_map) if settings.device_map else device,
        output_loading_info=True,
    )
    missing = sorted(report["missing_keys"])
    if missing:
        raise BackendError(
            f"model.path: '{checkpoint.path}' lacks {len(missing)} weights (first: {missing[0]}), which "
            "would be random; give a complete checkpoint"
        )
    ends = _end_tokens(model, tokenizer, settings)
    pad = _pad_token(tokenizer, ends, settings)
    _drop_drawing_defaults(model, ends, pad)
    return Loaded(
        model=model.eval(),
        tokenizer=tokenizer,
        device=model.device,
        context=getattr(config.get_text_config(), "max_position_embeddings", None),
        end_tokens=ends,
        pad_token=pad,
        padding_side=_padding_side(config.is_encoder_decoder, settings),
    )


def _end_tokens(model: Any, tokenizer: Any, settings: LocalModel) -> frozenset[int]:
    """A chat model may end a turn by another token than its base model ended a text."""
    named = model.generation_config.eos_token_id
    ends = set(named if isinstance(named, list) else [named]) | {tokenizer.eos_token_id}
    further = {_token(tokenizer, token, "model.end_tokens") for token in settings.end_tokens}
    return frozenset(ends - {None} | further)


def _pad_token(tokenizer: Any, ends: frozenset[int], settings: LocalModel) -> int:
    """The mask hides it, so that any will do where the tokenizer has none."""
    if settings.pad_token is not None:
        return _token(tokenizer, settings.pad_token, "model.pad_token")
    return min(ends, default=0) if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)


def _token(tokenizer: Any, token: str, place: str) -> int:
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    if token not in vocabulary:
        near = did_you_mean(token, tokenizer.all_special_tokens)
        raise BackendError(f"{place}: '{token}' is no one token of the tokenizer{near}")
    return vocabulary[token]


def _padding_side(encoder_decoder: bool, settings: LocalModel) -> Side:
    side = settings.padding_side or (Side.right if encoder_decoder else Side.left)
    if side is Side.right and not encoder_decoder:
        raise BackendError(
            "model.padding_side: 'right' puts padding between a decoder's prompt and its answer; use null"
        )
    return side


def _drop_drawing_defaults(model: Any, ends: frozenset[int], pad: int) -> None:
    """Keep the checkpoint's special tokens only: how a text is drawn (temperature, penalties, beams) is
    the decoding's to say, the same for every model."""
    named = {token: getattr(model.generation_config, token) for token in SPECIAL_TOKENS}
    named |= {"eos_token_id": sorted(ends) or None, "pad_token_id": pad}
    model.generation_config = transformers.GenerationConfig(**named)


def pick_device(setting: str) -> torch.device:
    """Return the device asked for; auto is CUDA, else MPS, else the CPU.

    Raises BackendError when it is absent.
    """
    if setting == "auto":
        found = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(found)
    device = torch.device(setting)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise BackendError(
            f"model.device: '{setting}', but this torch sees {torch.cuda.device_count()} CUDA devices; "
            "use model.device=auto, or install a CUDA build of torch and a driver"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise BackendError("model.device: 'mps', but there is no Apple GPU here; use model.device=auto")
    return device


def pick_dtype(setting: Dtype, device: torch.device) -> torch.dtype:
    """Return the dtype asked for; auto is bfloat16 on CUDA devices that have it, else float16 on a GPU,
    and float32 on the CPU.

    Raises BackendError when the device lacks it.
    """
    has_bfloat16 = device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    if setting is Dtype.bfloat16 and not has_bfloat16:
        raise BackendError(f"model.dtype: 'bfloat16' is not supported by {_device_name(device)}; use float16")
    if setting is not Dtype.auto:
        dtype: torch.dtype = getattr(torch, setting)
        return dtype
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if device.type == "cuda" and has_bfloat16 else torch.float16


def free(device: torch.device) -> None:
    """Give memory that nothing holds any more back to the device."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether torch ran out of memory; the CPU and MPS tell it by their words alone."""
    return isinstance(error, torch.OutOfMemoryError) or any(sign in str(error).lower() for sign in OOM_SIGNS)


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back transformers' bars and remarks, but no errors."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what the libraries raise about checkpoint `name` into a BackendError of one line."""
    try:
        yield
    except LIBRARY_ERRORS as error:
        raise BackendError(_explain(name, error)) from error


def _explain(name: str, error: Exception) -> str:
    words = str(error).strip() or type(error).__name__
    first = words.splitlines()[0].rstrip(".:")
    if "trust_remote_code" in words:
        return (
            f"model.path: '{name}' runs Python code of its own; read that code, then allow it by "
            "model.trust_remote_code=true, or choose a checkpoint that transformers knows"
        )
    if is_out_of_memory(error):
        return f"model.path: '{name}' exceeds the memory; set a smaller model.dtype, or model.device_map=auto"
    if isinstance(error, (OSError, HfHubHTTPError)) and not Path(name).exists():
        return (
            f"model.path: '{name}' is no folder here and could not be fetched from the hub ({first}); give a "
            "folder by model.path=DIR, or set HF_HOME to a filled cache, or HF_TOKEN for a gated model"
        )
    return f"model.path: '{name}' cannot be loaded ({first}); give a complete checkpoint for transformers"


def _weights_name(path: str, commit: str | None) -> str:
    """Tell a folder by its last part, which is the same on every machine."""
    return f"{path}@{commit}" if commit else Path(path).name


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return platform.processor() or platform.machine()
