"""transformers' Trainer with our loss, our look at the validation rows, and checkpoints of what is
learned alone."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import Trainer, TrainerCallback
from transformers.trainer_callback import PrinterCallback

from llmrec.errors import BackendError
from llmrec.finetune.encoding import Collator, Encoded, summed_loss
from llmrec.finetune.order import Steps
from llmrec.progress import Advance
from llmrec.stopping import is_asked

STATE = "trainer_state.json"
LEARNED = "learned.safetensors"


class Look(NamedTuple):
    """A look at validation rows: how good the answers are (more is better, None: by the loss), and the
    scores by name."""

    score: float | None
    scores: dict[str, float]


class SftTrainer(Trainer):
    """`look` has the model answer validation rows; it is called in evaluation mode."""

    def __init__(self, *, look: Callable[[], Look], **settings: Any) -> None:
        super().__init__(**settings)
        self.tuned: Any = settings["model"]
        self._pairs: list[Encoded] = settings["eval_dataset"]
        self._collate: Collator = settings["data_collator"]
        self._look = look
        self._begun, self._earlier = time.perf_counter(), 0.0
        # Token sums are divided by the tokens of the whole step, over all devices, in compute_loss.
        self.model_accepts_loss_kwargs = True
        self.remove_callback(PrinterCallback)

    def _get_train_sampler(self, train_dataset: Any = None) -> Steps:
        pairs: Any = train_dataset or self.train_dataset
        micro, rounds = self.args.per_device_train_batch_size, self.args.gradient_accumulation_steps
        step = micro * rounds * self.args.world_size
        lengths = [pair.length for pair in pairs]
        return Steps(lengths, step, self.args.seed, by_length=not self._collate.packing)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Return the mean over the step's target tokens. Raises BackendError when it is no number."""
        assert num_items_in_batch is not None  # else a step would be the mean of its micro batches' means
        loss = summed_loss(model, inputs) / num_items_in_batch
        self._refuse_no_number(float(loss.detach()), self.state.global_step + 1)
        # Every device's gradient is divided by the number of devices.
        return loss * self.accelerator.num_processes if self.args.average_tokens_across_devices else loss

    def _refuse_no_number(self, loss: float, step: int) -> None:
        if not math.isfinite(loss):
            raise BackendError(
                f"finetune: the loss is {loss} at step {step}; lower finetune.learning_rate="
                f"{self.args.learning_rate}, or set model.dtype=float32"
            )

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Log and return the validation loss and what the look at validation rows gave. Without any such
        row the last weights are the best."""
        loss = self.validation_loss()
        self._refuse_no_number(loss or 0.0, self.state.global_step)
        self.tuned.eval()
        with torch.random.fork_rng():
            look = self._look()
        fallback = float(self.state.global_step) if loss is None else -loss
        metrics = {"eval_score": fallback if look.score is None else look.score}
        metrics |= {} if loss is None else {"eval_loss": loss}
        metrics |= {f"eval_{name}": value for name, value in look.scores.items()}
        metrics["eval_seconds"] = self.seconds()
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    @torch.inference_mode()
    def validation_loss(self) -> float | None:
        """Return the mean cross-entropy of a validation target token, in nats; None without pairs."""
        self.tuned.eval()
        total, tokens, size = 0.0, 0, self.args.per_device_train_batch_size
        for start in range(0, len(self._pairs), size):
            batch = self._prepare_inputs(self._collate(self._pairs[start : start + size]))
            with self.compute_loss_context_manager():
                total += float(summed_loss(self.tuned, batch))
            tokens += batch["shift_labels"].numel()
        return total / tokens if tokens else None

    def seconds(self) -> float:
        """Return how long training took so far, earlier calls included up to their last checkpoint."""
        return round(self._earlier + time.perf_counter() - self._begun, 3)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        """Write what is learned, as it is: peft's own form of a projected prefix cannot be trained on."""
        folder = Path(str(output_dir or self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        save_file(learned(self.tuned), folder / LEARNED)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        put_back(self.tuned, Path(resume_from_checkpoint))
        logged = (_state(Path(resume_from_checkpoint)) or {})["log_history"]
        self._earlier = max((entry.get("eval_seconds", 0.0) for entry in logged), default=0.0)


class Telling(TrainerCallback):
    """Moves a progress bar step by step, the latest losses beside it, and has the last step looked at. Where
    an end is asked for, the training stops after a checkpoint."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance
        self._latest: dict[str, float] = {}
        self._done = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        told = {"loss": "loss", "eval_loss": "validation loss"}
        note = ", ".join(f"{told[key]} {value:.3f}" for key, value in self._latest.items())
        self._advance(state.global_step - self._done, note)
        self._done = state.global_step
        if state.global_step == state.max_steps:
            control.should_evaluate = True  # the last weights may be the best
        # Where the loss is logged, so that the curve is that of a training that nobody stopped.
        if is_asked() and state.global_step % args.logging_steps == 0:
            control.should_save = control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, **told: Any) -> None:
        logs: dict[str, float] = told["logs"]
        self._latest |= {key: logs[key] for key in ("loss", "eval_loss") if key in logs}


def learned(model: Any) -> dict[str, Tensor]:
    """Return the weights that are learned, by name."""
    return {name: weight.detach().cpu() for name, weight in model.named_parameters() if weight.requires_grad}


def put_back(model: Any, checkpoint: Path) -> None:
    """Give the model the weights of one of its checkpoints."""
    weights = load_file(checkpoint / LEARNED)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.requires_grad:
                weight.copy_(weights[name])


def last_whole(folder: Path) -> Path | None:
    """Return the newest checkpoint that was written to its end: its state is written last."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: -int(path.name.rpartition("-")[2]))
    return next((path for path in found if _state(path) is not None), None)


def _state(checkpoint: Path) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads((checkpoint / STATE).read_text())
    except (OSError, ValueError):
        return None
    return state
