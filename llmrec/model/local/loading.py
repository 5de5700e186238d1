"""Weights and tokenizer into memory, on the device and in the dtype asked for; kept for a next run."""

import gc
import os
import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from huggingface_hub.errors import HfHubHTTPError
from safetensors import SafetensorError
from transformers.utils import logging

from llmrec.errors import BackendError
from llmrec.model.local.adapter import holds_adapter, put_on
from llmrec.model.local.checkpoint import Checkpoint
from llmrec.model.local.model import Attention, Dtype, LocalModel, Quantize, Tuned

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
    HfHubHTTPError,
)
SPECIAL_TOKENS = (
    "bos_token_id",
    "pad_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
)
OOM_SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")


class Form(NamedTuple):
    """Where weights lie, and in which number format."""

    device: torch.device
    dtype: torch.dtype
    quantize: Quantize | None

    def quantized(self) -> dict[str, Any]:
        if self.quantize is None:
            return {}
        # As in QLoRA (Dettmers et al., NeurIPS 2023): 4-bit NormalFloat, the scales quantised once more.
        four_bit = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=str(self.quantize),
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=self.dtype,
        )
        return {"quantization_config": four_bit}


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A checkpoint in memory. `context` is the most tokens it reads, None where nothing bounds it; `may_pad`
    is false where padding before a prompt would change its answer."""

    model: Any
    tokenizer: Any
    device: torch.device
    context: int | None
    end_tokens: frozenset[int]
    pad_token: int
    may_pad: bool = True

    @property
    def name(self) -> str:
        return _weights_name(self.model.config.name_or_path, None)

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


def load(settings: LocalModel, checkpoint: Checkpoint, tuned: Tuned | None = None) -> Loaded:
    """Return the checkpoint in memory, with what fine-tuning left: the one already there if no setting
    of loading differs.

    Raises BackendError when it cannot be had, needs code of its own, lacks weights, or does not go
    with the device or dtype; or when an adapter does not go with it.
    """
    device = pick_device(settings.device)
    dtype = pick_dtype(settings.dtype, device)
    key = (checkpoint, device, dtype, settings.device_map, settings.attention, settings.trust_remote_code, tuned)
    if key not in _kept:
        forget(device)
        if tuned is not None and not holds_adapter(tuned.folder):
            checkpoint, tuned = Checkpoint.of(tuned.folder), None
        with quiet(), explained(checkpoint.path):
            loaded = _load(settings, checkpoint, Form(device, dtype, tuned.quantize if tuned else None))
        if tuned is not None:
            with quiet():
                loaded = put_on(loaded, tuned.folder)
        _kept[key] = loaded
    return _kept[key]


def load_to_learn(settings: LocalModel, checkpoint: Checkpoint, quantize: Quantize | None, whole: bool) -> Loaded:
    """Return the checkpoint in memory for training, kept for no next run. Where the `whole` of it is
    learned its weights are float32, for steps are lost in fewer bits."""
    device = pick_device(settings.device)
    dtype = torch.float32 if whole else pick_dtype(settings.dtype, device)
    forget(device)
    with quiet(), explained(checkpoint.path):
        return _load(settings, checkpoint, Form(device, dtype, quantize))


def forget(device: torch.device) -> None:
    """Let go of the weights loaded last."""
    _kept.clear()
    free(device)


def _load(settings: LocalModel, checkpoint: Checkpoint, form: Form) -> Loaded:
    source = {"revision": checkpoint.revision, "trust_remote_code": settings.trust_remote_code}
    config = transformers.AutoConfig.from_pretrained(checkpoint.path, **source)
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint.path, **source)
    encoder_decoder = bool(config.is_encoder_decoder)
    auto: Any = transformers.AutoModelForSeq2SeqLM if encoder_decoder else transformers.AutoModelForCausalLM
    model, report = auto.from_pretrained(
        checkpoint.path,
        **source,
        dtype=form.dtype,
        attn_implementation=None if settings.attention is Attention.auto else str(settings.attention),
        device_map=str(settings.device_map) if settings.device_map else form.device,
        **form.quantized(),
        output_loading_info=True,
    )
    missing = sorted(report["missing_keys"])
    if missing:
        raise BackendError(
            f"model.path: '{checkpoint.path}' lacks {len(missing)} weights (first: {missing[0]}), which "
            "would be random; give a complete checkpoint"
        )
    ends = _end_tokens(model, tokenizer)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(ends, default=0)
    _drop_drawing_defaults(model, ends, pad)
    return Loaded(
        model=model.eval(),
        tokenizer=tokenizer,
        device=model.device,
        context=getattr(config.get_text_config(), "max_position_embeddings", None),
        end_tokens=ends,
        pad_token=pad,
    )


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """A chat model may end a turn by another token than its base model ended a text."""
    named = model.generation_config.eos_token_id
    ends = set(named if isinstance(named, list) else [named]) | {tokenizer.eos_token_id}
    return frozenset(ends - {None})


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
        if torch.cuda.is_available() and (rank := os.environ.get("LOCAL_RANK")):
            return torch.device(f"cuda:{rank}")  # a process of `accelerate launch` has a device of its own
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
    """Hold back transformers' bars and remarks, and what libraries warn each other of, but no errors."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
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
        yield
    except LIBRARY_ERRORS as error:
        raise BackendError(f"{setting}: {_explain(name, error)}") from error


def _explain(name: str, error: Exception) -> str:
    words = str(error).strip() or type(error).__name__
    first = words.splitlines()[0].rstrip(".:")
    if "trust_remote_code" in words:
        return (
            f"'{name}' runs Python code of its own; read that code, then allow it by "
            "model.trust_remote_code=true, or choose a checkpoint that transformers knows"
        )
    if is_out_of_memory(error):
        return f"'{name}' exceeds the memory; set a smaller model.dtype, or model.device_map=auto"
    if isinstance(error, (OSError, HfHubHTTPError)) and not Path(name).exists():
        return (
            f"'{name}' is no folder here and could not be fetched from the hub ({first}); give a "
            "folder, or set HF_HOME to a filled cache, or HF_TOKEN for a gated model"
        )
    return f"'{name}' cannot be loaded ({first}); give a complete checkpoint for transformers"


def _weights_name(path: str, commit: str | None) -> str:
    """Tell a folder by its last part, which is the same on every machine."""
    return f"{path}@{commit}" if commit else Path(path).name


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return platform.processor() or platform.machine()
