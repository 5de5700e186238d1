"""What was learned, written with the story of its training."""

from pathlib import Path
from typing import Any

from llmrec.finetune.adapter import digest, keep
from llmrec.finetune.course import Course, Encodings
from llmrec.finetune.trainer import SftTrainer
from llmrec.model.local.library import quiet
from llmrec.results import LossPoint, Tuning


def save(folder: Path, name: str, trainer: SftTrainer, course: Course, encodings: Encodings) -> None:
    """Write what was learned, and its record under the name that it will have."""
    method, state, model = course.method, trainer.state, trainer.tuned
    tokenizer: Any = trainer.processing_class
    with quiet():
        model.save_pretrained(folder)
    if method.peft is None:
        tokenizer.save_pretrained(folder)
        trainable = total = sum(weight.numel() for weight in model.parameters())
    else:
        trainable, total = model.get_nb_trainable_parameters()
    tuning = Tuning(
        method=method.name,
        adapter=name,
        tasks=course.lessons.tasks,
        trainable=trainable,
        total=total,
        pairs=len(encodings.train),
        left_out=encodings.left_out,
        tokens=round(sum(pair.length for pair in encodings.train) * state.epoch),
        seconds=trainer.seconds(),
        steps=state.global_step,
        best_step=state.best_global_step or state.global_step,
        loss_curve=curve(state.log_history),
        base=course.base,
        sha256=digest(folder),
    )
    keep(folder, tuning)


def curve(history: list[dict[str, float]]) -> list[LossPoint]:
    """Return the logged losses and scores, a point a step."""
    points: dict[int, dict[str, float]] = {}
    for entry in history:
        points.setdefault(int(entry["step"]), {}).update(entry)
    known = {"eval_loss", "eval_score", "eval_seconds"}
    return [
        LossPoint(
            step=step,
            training=entry.get("loss"),
            validation=entry.get("eval_loss"),
            scores={
                name.removeprefix("eval_"): value
                for name, value in entry.items()
                if name.startswith("eval_") and name not in known
            },
        )
        for step, entry in sorted(points.items())
        if "loss" in entry or "eval_loss" in entry
    ]
