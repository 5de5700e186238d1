"""The processes of `accelerate launch`: each answers a share of the rows, and the first does all else.

They share a disk, and what one of them completed is on it at once: see `RunDir`.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from llmrec.errors import DelegatedError
from llmrec.locks import alone
from llmrec.records import Request

LONGEST_WAIT = timedelta(days=7)


def rank() -> int:
    """Return the number of this process, 0 where it is the first or alone."""
    return int(os.environ.get("RANK", "0"))


def count() -> int:
    """Return how many processes there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


class Processes(NamedTuple):
    """Those that do one run together, and which of them this one is."""

    rank: int
    size: int

    @classmethod
    def of_run(cls, spreads: bool) -> "Processes":
        """Return all of them, or the first alone: raises DelegatedError in the others then."""
        if spreads:
            return cls(rank(), count())
        if rank() > 0:
            raise DelegatedError
        return ALONE

    def share(self, requests: Sequence[Request]) -> list[Request]:
        """Return this process's part: every size-th in the order of a hash of their ids, so that parts are
        equal and no order of rows matters."""
        if self.size == 1:
            return list(requests)

        def place(request: Request) -> bytes:
            return hashlib.blake2b(request.question.id.encode(), digest_size=8).digest()

        return sorted(requests, key=place)[self.rank :: self.size]

    @contextmanager
    def first_before_the_rest(self) -> Iterator[None]:
        """Have the first do the body before the others, who then find in the cache what it put there."""
        if self.rank > 0:
            self._wait()
        try:
            yield
        finally:
            if self.rank == 0:
                self._wait()

    @contextmanager
    def all_before_the_first(self) -> Iterator[None]:
        """Do the body in every process; when all are through, the first goes on alone.

        Raises DelegatedError in the others, unless the body failed there.
        """
        try:
            yield
        finally:
            self._wait()
        if self.rank > 0:
            raise DelegatedError

    def _wait(self) -> None:
        """Return when every process has come here."""
        if self.size > 1:
            # Importing torch takes seconds.
            from torch.distributed import barrier

            barrier(_group())


ALONE = Processes(0, 1)


@contextmanager
def hold(path: Path, meet: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock as `locks.alone` does, all processes of a run at once: the first takes it for the rest."""
    with ExitStack() as held:
        with Processes(rank(), count()).first_before_the_rest():
            if rank() == 0:
                held.enter_context(alone(path, meet))
        yield


@cache
def _group() -> Any:
    """Return the group that waits: on the CPU, whatever the devices of the model."""
    from torch import distributed

    if not distributed.is_initialized():
        distributed.init_process_group(timeout=LONGEST_WAIT)
    return distributed.new_group(backend="gloo", timeout=LONGEST_WAIT)
