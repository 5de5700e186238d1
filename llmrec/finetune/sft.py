"""Supervised fine-tuning: the way from a model to a session over what it learned.

Neither torch nor peft is imported before something is to be opened.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass

import msgspec

from llmrec.finetune.base import Lessons, Place
from llmrec.finetune.settings import Best, SftSettings
from llmrec.locks import lock_of
from llmrec.model.base import Model, Session
from llmrec.model.local.checkpoint import Checkpoint
from llmrec.model.local.model import LocalModel
from llmrec.model.local.settings import Tuned
from llmrec.processes import count, hold
from llmrec.results import Tuning

# Raise it whenever the same choices would learn other weights.
VERSION = 3
# What may differ between two trainings that end with the same weights.
APART = ("adapter", "report_to", "pairs", "tasks")


@dataclass(frozen=True, kw_only=True)
class Sft(SftSettings):
    """Trains once, into the cache; or takes what was learned elsewhere."""

    def open(
        self, model: Model, lessons: Callable[[], Lessons], place: Place
    ) -> tuple[Session, Tuning | None]:
        assert isinstance(model, LocalModel)
        checkpoint = model.checkpoint(place.cache_dir, place.progress)
        if self.adapter is not None:
            # Importing torch and peft takes seconds.
            from llmrec.finetune.adapter import check_base, fetched, taken

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
        if not folder.is_dir() or count() > 1:  # several processes have to agree on whether it is there
            with hold(lock_of(folder), lambda owner: place.progress.tell(f"{owner} learns this; waiting")):
                if not folder.is_dir():
                    learn(Course(self, model, checkpoint, base, lessons, place), folder)
        tuning = kept(folder)
        return model.open_tuned(Tuned(folder, self.quantize), *place[1:]), tuning

    def fingerprint(self, start: list[object], lessons: Lessons) -> str:
        """Return the name of what would be learned from this start: a hash of everything that shapes it."""
        method = {name: value for name, value in asdict(self).items() if name not in APART}
        content = [VERSION, method, start, lessons.tasks, lessons.train, lessons.valid]
        content += [lessons.judged_by] if self.best is Best.metric else []
        whole = msgspec.json.encode(content, order="sorted")
        return hashlib.blake2b(whole, digest_size=16).hexdigest()
