"""Settings of a model that runs here, and their rules; neither torch nor transformers is imported."""

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from llmrec.errors import ConfigError
from llmrec.model.base import Model


class Dtype(StrEnum):
    """The number format of the weights."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


class DeviceMap(StrEnum):
    """How accelerate spreads the layers over the devices."""

    auto = "auto"
    balanced = "balanced"
    sequential = "sequential"


class Attention(StrEnum):
    """The implementation of attention."""

    auto = "auto"
    eager = "eager"
    sdpa = "sdpa"
    flash_attention_2 = "flash_attention_2"


class Cache(StrEnum):
    """The key-value cache of generation."""

    dynamic = "dynamic"
    static = "static"


class Template(StrEnum):
    """How messages become one text."""

    auto = "auto"
    chat = "chat"
    plain = "plain"


class Side(StrEnum):
    """The side of a prompt on which a batch is padded."""

    left = "left"
    right = "right"


class Weights(StrEnum):
    """The checkpoint's own weights, or a made model of the same class that needs no checkpoint."""

    pretrained = "pretrained"
    random_tiny = "random_tiny"


# What the renderer itself tells a chat template.
RENDERED = ("conversation", "messages", "chat_template", "tokenize", "add_generation_prompt")


class Quantize(StrEnum):
    """How the weights that are not learned are kept."""

    nf4 = "nf4"


class Tuned(NamedTuple):
    """What fine-tuning left: a folder with an adapter, or with whole weights; and the form of the base."""

    folder: Path
    quantize: Quantize | None


# Settings that change how fast or how much is answered, not what a training learns from the same base.
NOT_SHAPING = (
    "name", "path", "revision", "gguf", "package", "weights", "architecture", "shape", "device",
    "device_map", "attention", "batch_tokens", "share_prefixes", "max_batch", "cache", "max_length", "dtype",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LocalSettings(Model):
    """A causal or encoder-decoder checkpoint by hub id or folder.

    `gguf` names a GGUF file there; `package` an installed distribution that carries the model as GGUF
    and stands in for `path`. `architecture`, a model type of transformers, and `shape`, settings of its
    config, are what random weights are made after; without them it is the config.json at `path`.

    `batch_tokens` bounds a padded batch, prompt and new tokens (null: what the device's memory holds);
    `share_prefixes` has what prompts begin with alike read once, where the model allows it; `max_length`
    bounds one prompt with its answer (null: the model's own context). From `pad_token` on: what a checkpoint
    needs that its files do not say; null and empty leave everything to the files.
    """

    path: str
    revision: str | None
    gguf: str | None
    package: str | None
    architecture: str | None
    shape: dict[str, Any]
    weights: Weights
    dtype: Dtype
    device: str
    device_map: DeviceMap | None
    attention: Attention
    batch_tokens: int | None
    share_prefixes: bool
    max_batch: int | None
    cache: Cache
    template: Template
    max_length: int | None
    trust_remote_code: bool
    pad_token: str | None
    end_tokens: list[str]
    padding_side: Side | None
    chat_template: str | None
    template_options: dict[str, Any]
    add_bos: bool | None
    config: dict[str, Any]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", self.device):
            raise ConfigError(
                f"device: '{self.device}' is no device; give auto, cpu, mps, cuda or cuda:<number>"
            )
        if self.device_map is not None and self.device != "auto":
            raise ConfigError(
                f"device_map: '{self.device_map}' spreads over all devices, but device is '{self.device}'; "
                "leave device at auto, or device_map at null"
            )
        for field in ("batch_tokens", "max_batch", "max_length"):
            value = getattr(self, field)
            if value is not None and value < 1:
                raise ConfigError(f"{field}: {value} is too small; give 1 or more")
        for option in self.template_options:
            if option in RENDERED:
                raise ConfigError(
                    f"template_options.{option}: is llmrec's own to say; give variables of the chat template"
                )
        if self.shape and self.architecture is None:
            raise ConfigError("shape: describes an architecture, but that is null; set both, or shape={}")

    def notes(self) -> list[str]:
        if self.weights is Weights.pretrained:
            return []
        return [f"model={self.name}: tiny random weights, no checkpoint; scores tell nothing about the model"]

    def shaping(self) -> dict[str, Any]:
        """Return the settings, apart from the weights themselves, that shape what it learns."""
        return {name: value for name, value in asdict(self).items() if name not in NOT_SHAPING}
