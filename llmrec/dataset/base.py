"""What every data set is: named raw files that become a `Corpus`."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from llmrec.progress import Progress
from llmrec.records import Corpus


@dataclass(frozen=True, kw_only=True)
class Dataset(ABC):
    """A data set by name. Raw files lie in `data_dir/name/`, the corpus is cached in `cache_dir`."""

    name: str

    @abstractmethod
    def load(self, data_dir: Path, cache_dir: Path, progress: Progress) -> Corpus:
        """Return the corpus, from the cache where raw bytes and rules are unchanged.

        Raises DataError when raw files are missing and cannot be fetched, or break a rule.
        """
