"""Where weights lie, and in which number format."""

import gc
import os
import platform
from typing import Any

import torch

from llmrec.errors import BackendError
from llmrec.model.local.settings import Dtype

CPU_TOKENS = 16_384
MOST_TOKENS = 131_072
# Prompts side by side: a step of few rows costs a GPU what one of many does, and a CPU nearly a row's share.
CPU_ROWS, GPU_ROWS = 64, 512
USABLE = 0.8  # the share of a device's memory that is counted on


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
    """Return the dtype asked for; auto is bfloat16 where the device has units for it, else float16 on a GPU
    and float32 on the CPU.

    Raises BackendError when the device lacks it.
    """
    has_units = _has_bfloat16(device)
    if setting is Dtype.bfloat16 and device.type == "cuda" and not has_units:
        raise BackendError(f"model.dtype: 'bfloat16' is not supported by {device_name(device)}; use float16")
    if setting is not Dtype.auto:
        dtype: torch.dtype = getattr(torch, setting)
        return dtype
    return torch.bfloat16 if has_units else torch.float32 if device.type == "cpu" else torch.float16


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    can = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return any(can.get(unit) for unit in ("amx_bf16", "avx512_bf16", "bf16"))


def token_budget(model: Any, device: torch.device) -> int:
    """Return how many tokens of a batch a device holds beside the weights: keys and values, and the widest
    activations, of which a forward pass holds several at a time. A guess; a batch that is too large after
    all is halved. The same device gives the same number, whatever else it does.
    """
    if device.type not in ("cuda", "mps"):
        return CPU_TOKENS
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    kept = 2 * config.num_hidden_layers * heads * head
    passing = 8 * max(
        config.hidden_size, getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    )
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    whole = (
        torch.cuda.get_device_properties(device).total_memory
        if device.type == "cuda"
        else torch.mps.recommended_max_memory()
    )
    room = USABLE * whole - weights
    return max(1024, min(MOST_TOKENS, int(room / ((kept + passing) * model.dtype.itemsize))))


def most_rows(device: torch.device) -> int:
    """Return how many prompts a batch has at most where nothing else is said."""
    return CPU_ROWS if device.type == "cpu" else GPU_ROWS


def free(device: torch.device) -> None:
    """Give memory that nothing holds any more back to the device."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return platform.processor() or platform.machine()
