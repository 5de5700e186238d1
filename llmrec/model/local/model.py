"""A model that runs here: where its weights lie, and the way to a session over them.

Neither torch nor transformers is imported before `open`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from llmrec.decoding.base import Decoding
from llmrec.decoding.beam import Beam
from llmrec.decoding.catalogue import Catalogue
from llmrec.decoding.greedy import Greedy
from llmrec.decoding.likelihood import Scoring
from llmrec.decoding.sample import Sample
from llmrec.model.base import Session
from llmrec.model.local.checkpoint import Checkpoint, find
from llmrec.model.local.settings import LocalSettings, Tuned, Weights
from llmrec.processes import Processes
from llmrec.progress import Progress
from llmrec.records import Training

if TYPE_CHECKING:
    from llmrec.model.local.session import LocalSession


@dataclass(frozen=True, kw_only=True)
class LocalModel(LocalSettings):
    """A checkpoint run by transformers. A GGUF, or a ChatGLM, is converted once, into the cache."""

    spreads: ClassVar[bool] = True

    def serves(self, decoding: Decoding) -> bool:
        return isinstance(decoding, (Greedy, Beam, Sample, Scoring, Catalogue))

    def open(self, training: Training, seed: int, cache_dir: Path, progress: Progress) -> Session:
        return self.open_tuned(None, seed, cache_dir, progress)

    def open_tuned(
        self, tuned: Tuned | None, seed: int, cache_dir: Path, progress: Progress
    ) -> "LocalSession":
        """Load it with what fine-tuning left. Raises BackendError as `open` does, and where an adapter is
        damaged, does not fit or changes nothing."""
        checkpoint = self.checkpoint(cache_dir, progress)
        with progress.bar(f"loading {self.name}", None, "model"):
            # Importing torch and transformers takes seconds.
            from llmrec.model.local.loading import load
            from llmrec.model.local.session import LocalSession

            return LocalSession(load(self, checkpoint, tuned), self, seed)

    def checkpoint(self, cache_dir: Path, progress: Progress) -> Checkpoint:
        """Return where the weights lie, after making or converting them; of several processes the first does
        that."""
        with Processes.of_run(self.spreads).first_before_the_rest():
            return self._checkpoint(cache_dir, progress)

    def _checkpoint(self, cache_dir: Path, progress: Progress) -> Checkpoint:
        if self.weights is Weights.random_tiny:
            with progress.bar(f"making a tiny {self.name}", None, "model"):
                from llmrec.model.local.tiny import random_tiny

                return Checkpoint.of(random_tiny(self, cache_dir))
        from llmrec.model.local.gguf import converted, hub_gguf, packaged_gguf

        file = packaged_gguf(self.package) if self.package else None
        if file is None and self.gguf:
            file = hub_gguf(self.path, self.revision, self.gguf)
        if file is not None:
            return Checkpoint.of(converted(file, cache_dir, progress))
        from llmrec.model.local.chatglm import native

        return native(find(self.path, self.revision), self.trust_remote_code, cache_dir, progress)
