"""Settings of a model that runs here; neither torch nor transformers is imported before `open`."""

import re
from abc import abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from llmrec.decoding.base import Decoding
from llmrec.decoding.beam import Beam
from llmrec.decoding.greedy import Greedy
from llmrec.decoding.sampling import Sampling
from llmrec.errors import ConfigError
from llmrec.model.base import Model, Session
from llmrec.model.local.checkpoint import Checkpoint, find
from llmrec.progress import Progress
from llmrec.records import Training


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


@dataclass(frozen=True, kw_only=True)
class LocalModel(Model):
    """A causal or encoder-decoder checkpoint run by transformers.

    `batch_tokens` bounds a padded batch, prompt and new tokens; `max_length` bounds one prompt with
    its answer (null: the model's own context).
    """

    dtype: Dtype
    device: str
    device_map: DeviceMap | None
    attention: Attention
    batch_tokens: int
    max_batch: int
    cache: Cache
    template: Template
    max_length: int | None
    trust_remote_code: bool

    def __post_init__(self) -> None:
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", self.device):
            raise ConfigError(f"device: '{self.device}' is not auto, cpu, mps, cuda or cuda:<number>")
        if self.device_map is not None and self.device != "auto":
            raise ConfigError(
                f"device_map: '{self.device_map}' spreads over all devices, but device is '{self.device}'; "
                "leave device at auto, or device_map at null"
            )
        for field in ("batch_tokens", "max_batch", "max_length"):
            value = getattr(self, field)
            if value is not None and value < 1:
                raise ConfigError(f"{field}: {value} is too small; give 1 or more")

    def serves(self, decoding: Decoding) -> bool:
        return isinstance(decoding, (Greedy, Beam, Sampling))

    @abstractmethod
    def checkpoint(self, cache_dir: Path, progress: Progress) -> Checkpoint:
        """Return where the weights lie, after making or converting them."""

    def open(self, training: Training, seed: int, cache_dir: Path, progress: Progress) -> Session:
        checkpoint = self.checkpoint(cache_dir, progress)
        with progress.bar(f"loading {self.name}", None, "model"):
            # Importing torch and transformers takes seconds.
            from llmrec.model.local.loading import load
            from llmrec.model.local.session import LocalSession

            return LocalSession(load(self, checkpoint), self, seed)


@dataclass(frozen=True, kw_only=True)
class PretrainedModel(LocalModel):
    """A checkpoint by hub id or folder.

    `gguf` names a GGUF file there; `package` an installed distribution that carries the model as GGUF
    and stands in for `path`. A GGUF is converted once, into the cache.
    """

    path: str
    revision: str | None
    gguf: str | None
    package: str | None

    def checkpoint(self, cache_dir: Path, progress: Progress) -> Checkpoint:
        from llmrec.model.local.gguf import converted, hub_gguf, packaged_gguf

        file = packaged_gguf(self.package) if self.package else None
        if file is None and self.gguf:
            file = hub_gguf(self.path, self.revision, self.gguf)
        if file is not None:
            return Checkpoint.of(converted(file, cache_dir, progress))
        from llmrec.model.local.chatglm import native

        return native(find(self.path, self.revision), self.trust_remote_code, cache_dir, progress)
