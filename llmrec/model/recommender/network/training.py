"""Learning in epochs: early stopping by validation rows, and checkpoints from which a fit goes on."""

import io
import logging
import math
import pickle
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

from llmrec.errors import DataError
from llmrec.files import write_atomic
from llmrec.model.recommender.learner import SECONDS, Learned, Lesson, spent
from llmrec.results import FitPoint
from llmrec.stopping import finishing, is_asked

log = logging.getLogger(__name__)

STATE = "state.pt"
UNREADABLE = (pickle.UnpicklingError, EOFError, OSError, RuntimeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long is learned: at most `epochs`, judged at every `evaluate_every`-th, until `patience`
    judgements in a row were no better than the best."""

    epochs: int
    evaluate_every: int
    patience: int
    learning_rate: float
    weight_decay: float


class Course(ABC):
    """What is learned: a network, the losses of an epoch, and its score on validation rows."""

    network: nn.Module
    measure: str
    rows: int

    @abstractmethod
    def losses(self, chance: Generator) -> Iterator[Tensor]:
        """Yield the loss of each batch of one epoch."""

    @abstractmethod
    def score(self) -> float:
        """Return how good the network is on validation rows, higher is better."""


@dataclass
class Standing:
    """How far a fit has come."""

    epoch: int = 0
    best_epoch: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)
    curve: list[dict[str, Any]] = field(default_factory=list)

    def is_over(self, budget: Budget) -> bool:
        waited = (self.epoch - self.best_epoch) // budget.evaluate_every
        return self.epoch >= budget.epochs or (self.best_epoch > 0 and waited >= budget.patience)


def learn(course: Course, budget: Budget, lesson: Lesson, device: torch.device) -> Learned:
    """Train until the budget is spent or nothing gets better, and return the best weights. A first signal
    lets the epoch be finished and kept.

    Chance depends on the seed and the epoch alone, so a fit that was stopped goes on to the same weights.
    """
    network = course.network.to(device)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=budget.learning_rate, weight_decay=budget.weight_decay
    )
    standing = resumed(lesson.checkpoint, network, optimizer)
    start = time.perf_counter() - spent(lesson.checkpoint)
    with lesson.progress.bar("fitting", budget.epochs, "epochs") as advance, finishing() as between:
        advance(standing.epoch)
        while not standing.is_over(budget):
            losses = epoch(course, optimizer, lesson.seed, standing.epoch)
            standing.epoch += 1
            is_judged = standing.epoch % budget.evaluate_every == 0 or standing.epoch == budget.epochs
            if is_judged:
                judge(course, standing, losses)
            if is_judged or is_asked():
                keep(lesson.checkpoint, network, optimizer, standing, time.perf_counter() - start)
            advance(1, told(standing))
            between()
    return Learned(
        weights={name: weight.cpu().numpy() for name, weight in standing.best.items()},
        epochs=standing.epoch,
        best_epoch=standing.best_epoch,
        measure=course.measure,
        curve=[FitPoint(**point) for point in standing.curve],
        rows=course.rows,
    )


def epoch(course: Course, optimizer: torch.optim.Optimizer, seed: int, number: int) -> float:
    """Take one turn over the rows and return the mean loss of its batches."""
    course.network.train()
    losses = []
    with torch.random.fork_rng():
        torch.manual_seed(int(np.random.SeedSequence([seed, number]).generate_state(1)[0]))
        for loss in course.losses(np.random.default_rng([seed, number])):
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.detach())
    return float(torch.stack(losses).mean())


def judge(course: Course, standing: Standing, loss: float) -> None:
    """Score the validation rows, and keep the weights if they are the best so far."""
    course.network.eval()
    with torch.no_grad():
        score = course.score()
    best = max((point["validation"] for point in standing.curve), default=-math.inf)
    standing.curve.append({"epoch": standing.epoch, "loss": loss, "validation": score})
    if score > best:
        standing.best_epoch = standing.epoch
        standing.best = {
            name: weight.detach().clone() for name, weight in course.network.state_dict().items()
        }
    log.info("epoch %d: loss %.4f, validation %.4f", standing.epoch, loss, score)


def told(standing: Standing) -> str:
    """Return what to tell beside the bar."""
    best = [point for point in standing.curve if point["epoch"] == standing.best_epoch]
    return f"validation {best[0]['validation']:.4f} at epoch {standing.best_epoch}" if best else ""


def keep(
    folder: Path, network: nn.Module, optimizer: torch.optim.Optimizer, standing: Standing, seconds: float
) -> None:
    """Write all that is needed to go on."""
    buffer = io.BytesIO()
    state = {
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "standing": {**standing.__dict__},
    }
    torch.save(state, buffer)
    write_atomic(folder / STATE, buffer.getvalue())
    write_atomic(folder / SECONDS, f"{seconds:.1f}".encode())


def resumed(folder: Path, network: nn.Module, optimizer: torch.optim.Optimizer) -> Standing:
    """Return how far an earlier call came, with its weights put in place. Raises DataError for a checkpoint
    that holds something else."""
    file = folder / STATE
    if not file.is_file():
        return Standing()
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        return Standing(**state["standing"])
    except UNREADABLE as error:
        first = str(error).partition("\n")[0]
        raise DataError(
            f"{file}: no checkpoint of this fit ({first}); remove {folder} to fit anew"
        ) from error


def restore(network: nn.Module, weights: Mapping[str, Any], device: torch.device) -> None:
    """Put learned weights into a network that is to answer with them."""
    network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    network.to(device).eval()
