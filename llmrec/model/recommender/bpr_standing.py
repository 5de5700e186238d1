"""How far a fit of BPR has come, kept so that one that was stopped goes on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from llmrec.errors import DataError
from llmrec.files import UNREADABLE, write_atomic
from llmrec.model.recommender.learner import SECONDS
from llmrec.results import FitPoint

STATE = "state.safetensors"
NOW, BEST = "now.", "best."  # before the names of arrays
TOLD = "standing"


class Standing(NamedTuple):
    """The epochs taken and their judgements; the `weights` of now and the `best`, judged `most`."""

    epoch: int = 0
    best_epoch: int = 0
    most: float = -1.0
    curve: list[FitPoint] = []  # noqa: RUF012 - never changed in place
    weights: Mapping[str, Any] = {}
    best: Mapping[str, Any] = {}

    def after(self, epochs: int, weights: Mapping[str, Any], found: float) -> "Standing":
        """Return where a fit stands some epochs later, judged `found`."""
        epoch = self.epoch + epochs
        later = self._replace(epoch=epoch, weights=weights, curve=[*self.curve, FitPoint(epoch, None, found)])
        if not found > self.most:
            return later
        best = {name: np.array(array) for name, array in weights.items()}
        return later._replace(most=found, best_epoch=epoch, best=best)


def keep(folder: Path, standing: Standing, seconds: float) -> None:
    """Write all that is needed to go on."""
    arrays = {NOW + name: array for name, array in standing.weights.items()}
    arrays |= {BEST + name: array for name, array in standing.best.items()}
    told = msgspec.json.encode(standing[:4]).decode()
    write_atomic(folder / STATE, save(arrays, {TOLD: told}))
    write_atomic(folder / SECONDS, f"{seconds:.1f}".encode())


def resumed(folder: Path) -> Standing:
    """Return how far an earlier call came. Raises DataError for a checkpoint that holds something else."""
    file = folder / STATE
    if not file.is_file():
        return Standing()
    try:
        with safe_open(file, "numpy") as held:
            told = msgspec.json.decode(
                (held.metadata() or {})[TOLD], type=tuple[int, int, float, list[FitPoint]]
            )
            arrays = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118 - no mapping
    except (OSError, *UNREADABLE, SafetensorError, KeyError) as error:
        raise DataError(
            f"{file}: no checkpoint of this fit ({error}); remove {folder} to fit anew"
        ) from error
    now, best = (
        {name.removeprefix(kind): array for name, array in arrays.items() if name.startswith(kind)}
        for kind in (NOW, BEST)
    )
    return Standing(*told, now, best)
