"""A checkpoint in memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from llmrec.model.local.device import device_name
from llmrec.model.local.settings import Side


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
    padding_side: Side
    may_pad: bool = True

    @property
    def name(self) -> str:
        return _weights_name(self.model.config.name_or_path, None)

    @property
    def end_token(self) -> int:
        """The token that ends an answer: the tokenizer's, if generation ends with it."""
        own = self.tokenizer.eos_token_id
        return int(own) if own in self.end_tokens else min(self.end_tokens, default=self.pad_token)

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
            "device_name": device_name(self.device),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "attention": str(config._attn_implementation),
            **({"quantized": "4 bit"} if getattr(self.model, "is_loaded_in_4bit", False) else {}),
        }

    def _places(self) -> list[str]:
        """Accelerate names a CUDA device by its number."""
        spread = set(getattr(self.model, "hf_device_map", {}).values())
        if len(spread) < 2:
            # Which of several alike it was tells nothing, and differs between processes that share a run.
            return [self.device.type]
        return sorted(f"cuda:{place}" if isinstance(place, int) else str(place) for place in spread)


def innermost(model: Any) -> Any:
    """Return the model of transformers inside peft's."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _weights_name(path: str, commit: str | None) -> str:
    """Tell a folder by its last part, which is the same on every machine."""
    return f"{path}@{commit}" if commit else Path(path).name
