"""Supervised fine-tuning: what it is told, and the way from a model to a session over what it learned.

Neither torch nor peft is imported before something is to be opened.
"""

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum, auto
from typing import Any

import msgspec

from llmrec.errors import ConfigError
from llmrec.finetune.base import Finetune, Lessons, Place, only_the_first_goes_on
from llmrec.model.base import Model, Session
from llmrec.model.local.checkpoint import Checkpoint
from llmrec.model.local.model import Cache, LocalModel, Quantize, Tuned, Weights
from llmrec.results import Tuning

# Raise it whenever the same choices would learn other weights.
VERSION = 1
PREFIX = "PREFIX_TUNING"
PROMPT_LEARNING = (PREFIX, "PROMPT_TUNING", "P_TUNING", "MULTITASK_PROMPT_TUNING", "CARTRIDGE", "CPT")
# What may differ between two trainings that end with the same weights.
APART = ("adapter", "report_to", "pairs", "tasks")


class Best(StrEnum):
    """What the weights that are kept are best in."""

    loss = auto()
    metric = auto()


@dataclass(frozen=True, kw_only=True)
class Sft(Finetune):
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
    packing: bool
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
                raise ConfigError(f"{name}: {getattr(self, name)} is not above 0")
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

    def _refuse_pairs(self) -> None:
        kind = str(self.peft.get("peft_type")) if self.peft else None
        if self.peft is not None and "peft_type" not in self.peft:
            raise ConfigError("peft: no peft_type; name one of peft's, as peft_type: LORA")
        if kind in PROMPT_LEARNING and self.packing:
            raise ConfigError(
                f"packing: a packed row has one beginning, {kind} puts its prefix before every pair, so the "
                "loss would be wrong; set finetune.packing=false"
            )
        if kind == PREFIX and self.gradient_checkpointing:
            raise ConfigError(
                f"gradient_checkpointing: drops the keys and values that {kind} is made of; set "
                "finetune.gradient_checkpointing=false, and a smaller micro_batch to save memory"
            )
        if self.quantize and not self.peft:
            raise ConfigError(f"quantize: weights in {self.quantize} cannot be learned; use finetune=qlora")

    def check(self, model: Model) -> None:
        if not isinstance(model, LocalModel):
            raise ConfigError(
                f"finetune={self.name}: model={model.name} has no weights here that could be learned; "
                "choose finetune=none, or a model that runs here (llmrec list model)"
            )
        if self.peft and self.peft["peft_type"] in PROMPT_LEARNING and model.cache is Cache.static:
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

    def open(
        self, model: Model, lessons: Callable[[], Lessons], place: Place
    ) -> tuple[Session, Tuning | None]:
        assert isinstance(model, LocalModel)
        checkpoint = model.checkpoint(place.cache_dir, place.progress)
        if self.adapter is not None:
            # Importing torch and peft takes seconds.
            from llmrec.finetune.adapter import check_base, fetched, taken

            only_the_first_goes_on()
            folder = fetched(self.adapter)
            check_base(folder, checkpoint)
            session = model.open_tuned(Tuned(folder, self.quantize), *place[1:])
            return session, taken(folder, session)
        return self._learned(model, checkpoint, lessons(), place)

    def _learned(
        self, model: LocalModel, checkpoint: Checkpoint, lessons: Lessons, place: Place
    ) -> tuple[Session, Tuning | None]:
        from llmrec.finetune.adapter import kept
        from llmrec.finetune.course import Course
        from llmrec.finetune.training import learn
        from llmrec.model.local.device import pick_device, pick_dtype

        base = checkpoint.identity()
        dtype = str(pick_dtype(model.dtype, pick_device(model.device)))
        name = self.fingerprint([model.shaping(), dtype, base, place.seed], lessons)
        folder = place.cache_dir / "adapter" / name
        if not folder.is_dir():
            learn(Course(self, model, checkpoint, base, lessons, place), folder)
        only_the_first_goes_on()
        tuning = kept(folder)
        return model.open_tuned(Tuned(folder, self.quantize), *place[1:]), tuning

    def fingerprint(self, start: list[object], lessons: Lessons) -> str:
        """Return the name of what would be learned from this start: a hash of everything that shapes it."""
        method = {name: value for name, value in asdict(self).items() if name not in APART}
        content = [VERSION, method, start, lessons.tasks, lessons.train, lessons.valid]
        content += [lessons.judged_by] if self.best is Best.metric else []
        whole = msgspec.json.encode(content, order="sorted")
        return hashlib.blake2b(whole, digest_size=16).hexdigest()
