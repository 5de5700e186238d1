"""What supervised fine-tuning is told, and what does not go together; nothing heavy is imported."""

import importlib.util
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any

from llmrec.errors import ConfigError
from llmrec.finetune.base import Finetune
from llmrec.model.base import Model
from llmrec.model.local.settings import Cache, LocalSettings, Quantize, Weights

PREFIX = "PREFIX_TUNING"
PROMPT_LEARNING = (PREFIX, "PROMPT_TUNING", "P_TUNING", "MULTITASK_PROMPT_TUNING", "CARTRIDGE", "CPT")


class Best(StrEnum):
    """What the weights that are kept are best in."""

    loss = auto()
    metric = auto()


@dataclass(frozen=True, kw_only=True)
class SftSettings(Finetune):
    """Training on pairs of prompt and answer by transformers' Trainer.

    `peft` is a config of peft by its own names, None to learn every weight. `batch_size` counts the
    pairs of a step over all devices, `micro_batch` those at once on one. With `adapter`, a folder or hub
    id, nothing is trained. The other fields stand explained in conf/finetune/_sft.yaml.
    """

    adapter: str | None
    tasks: list[str] | None
    pairs: int | None
    epochs: float
    batch_size: int
    micro_batch: int
    max_tokens: int
    learning_rate: float
    schedule: str
    warmup: float
    weight_decay: float
    max_grad_norm: float
    gradient_checkpointing: bool
    packing: bool | None
    quantize: Quantize | None
    evaluations: int
    validation_pairs: int
    validation_rows: int
    best: Best
    patience: int | None
    report_to: list[str]
    peft: dict[str, Any] | None

    def __post_init__(self) -> None:
        least = {
            "pairs": 1, "batch_size": 1, "micro_batch": 1, "max_tokens": 2, "evaluations": 1,
            "validation_pairs": 1, "validation_rows": 0, "patience": 1,
        }  # fmt: skip
        for name, lowest in least.items():
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise ConfigError(f"{name}: {value} is too small; give {lowest} or more")
        for name in ("epochs", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name}: {getattr(self, name)} is not above 0; give more")
        if self.batch_size % self.micro_batch:
            raise ConfigError(
                f"batch_size: {self.batch_size} is no multiple of micro_batch={self.micro_batch}; "
                f"a step is made of whole micro batches"
            )
        if self.best is Best.metric and not self.validation_rows:
            raise ConfigError(
                "best: 'metric' needs answers to validation rows; set validation_rows, or best=loss"
            )
        self._refuse_pairs()

    @property
    def prompt_learning(self) -> bool:
        """Whether tokens of its own, or their keys and values, are put before every pair."""
        return self.peft is not None and self.peft["peft_type"] in PROMPT_LEARNING

    def _refuse_pairs(self) -> None:
        if self.peft is not None and "peft_type" not in self.peft:
            raise ConfigError("peft: no peft_type; name one of peft's, as peft_type: LORA")
        kind = self.peft["peft_type"] if self.peft else None
        if self.prompt_learning and self.packing:
            raise ConfigError(
                f"packing: a packed row has one beginning, {kind} puts its prefix before every pair, so the "
                "loss would be wrong; set finetune.packing=null"
            )
        if kind == PREFIX and self.gradient_checkpointing:
            raise ConfigError(
                f"gradient_checkpointing: drops the keys and values that {kind} is made of; set "
                "finetune.gradient_checkpointing=false, and a smaller micro_batch to save memory"
            )
        if self.quantize and not self.peft:
            raise ConfigError(f"quantize: weights in {self.quantize} cannot be learned; use finetune=qlora")

    def check(self, model: Model) -> None:
        if not isinstance(model, LocalSettings):
            raise ConfigError(
                f"finetune={self.name}: model={model.name} has no weights here that could be learned; "
                "choose finetune=none, or a model that runs here (llmrec list model)"
            )
        if self.peft and self.prompt_learning and model.cache is Cache.static:
            raise ConfigError(
                f"model.cache: 'static' has no room for what {self.peft['peft_type']} puts before a prompt; "
                "use model.cache=dynamic"
            )
        if self.quantize and getattr(model, "weights", None) is Weights.random_tiny:
            raise ConfigError(
                f"finetune.quantize: '{self.quantize}' keeps a scale for every 64 weights of a row, and "
                "weights=random_tiny has narrower ones; use finetune=lora to rehearse"
            )
        if self.quantize and importlib.util.find_spec("bitsandbytes") is None:
            raise ConfigError(
                f"finetune.quantize: '{self.quantize}' needs the package bitsandbytes; install it by "
                "pip install 'llmrec[quant]', or use finetune=lora"
            )
