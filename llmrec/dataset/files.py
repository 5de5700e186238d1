"""A data set that is read from files: fetch them, read them, keep the corpus."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from llmrec.dataset.assemble import Expected, Reading, Rules, assemble
from llmrec.dataset.base import Dataset
from llmrec.dataset.cache import cached, fingerprint, sha256
from llmrec.dataset.download import RawFile
from llmrec.dataset.sample import Sample
from llmrec.errors import ConfigError
from llmrec.progress import Progress
from llmrec.records import Corpus


@dataclass(frozen=True, kw_only=True)
class FileDataset(Dataset):
    """Rules that every reader shares. `sample` keeps a share of the data; then `k_core` drops users and
    items of fewer interactions, until none is left (0: off); more than `max_bad_lines` malformed lines
    are refused; what differs from the published counts in `expected` becomes a note."""

    sample: Sample
    k_core: int
    max_bad_lines: int
    expected: Expected

    def __post_init__(self) -> None:
        for field in ("k_core", "max_bad_lines"):
            if getattr(self, field) < 0:
                raise ConfigError(f"{field}: {getattr(self, field)} is not a count; use 0 or more")
        self.sample.check()

    @abstractmethod
    def fetch(self, folder: Path, cache_dir: Path, progress: Progress) -> list[Path]:
        """Return the raw files, downloaded or made where they are missing; `folder` holds them."""

    @abstractmethod
    def read(self, paths: Sequence[Path], progress: Progress) -> Reading:
        """Read the files that `fetch` returned."""

    def load(self, data_dir: Path, cache_dir: Path, progress: Progress) -> Corpus:
        paths = self.fetch(data_dir / self.name, cache_dir, progress)
        name = fingerprint(self._rules(), [sha256(path, cache_dir, progress) for path in paths])

        def build() -> Corpus:
            reading = self.read(paths, progress)
            reading.bad.check(self.max_bad_lines)
            return assemble(self.name, name, reading, Rules(self.sample, self.k_core, self.expected))

        return cached(cache_dir, name, build)

    def _rules(self) -> dict[str, object]:
        """Return every setting but where a file comes from (its bytes count, not its address) and a sample
        that leaves nothing out."""
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.sample.is_whole:
            del settings["sample"]
        return {key: value for key, value in settings.items() if not isinstance(value, RawFile)}
