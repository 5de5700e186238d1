"""Requests in, completions out, over servers: many in flight, each reply kept the moment it comes."""

import json
from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Lock

from llmrec.decoding.base import Decoding
from llmrec.errors import BackendError, LlmrecError
from llmrec.model.base import Session
from llmrec.model.served.answers import Replies, fingerprint
from llmrec.model.served.budget import Budget
from llmrec.model.served.fleet import Fleet, Stopped
from llmrec.model.served.model import ServedSettings
from llmrec.model.served.trouble import Unanswered
from llmrec.model.served.ways import Body, Way, completed, way
from llmrec.progress import Progress
from llmrec.records import Completion, Request


class ServedSession(Session):
    """Answers by asking servers. Requests are answered in any order, and independently of each other."""

    def __init__(
        self, settings: ServedSettings, key: str, seed: int, cache_dir: Path, progress: Progress
    ) -> None:
        self._settings, self._key, self._seed, self._progress = settings, key, seed, progress
        self._replies = Replies(cache_dir / "served")
        self._budget = Budget.of(settings)
        self._lock, self._going = Lock(), dict[bytes, Lock]()
        self.environment = {
            "device": "server",
            "dtype": "as served",
            "engine": "served",
            "served_as": settings.served_as,
            "api": str(settings.api),
            "servers": ", ".join(settings.addresses),
        }

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[Request]]:
        return [[request] for request in requests]

    def complete(self, batch: Sequence[Request], decoding: Decoding) -> list[Completion]:
        done = {one.example_id: one for new in self.stream(batch, decoding, ()) for one in new}
        return [done[request.prompt.example_id] for request in batch]

    def stream(
        self, requests: Sequence[Request], decoding: Decoding, stored: Container[str]
    ) -> Iterator[list[Completion]]:
        """Yield each completion as it comes. Raises BackendError where a server cannot answer, or where what
        is left to ask may cost more than was agreed to: before anything is asked."""
        left = [request for request in requests if request.prompt.example_id not in stored]
        asking = way(self._settings, decoding, self._seed)
        self._agree(left, asking)
        fleet = Fleet(self._settings, self._key)
        pool = ThreadPoolExecutor(self._settings.in_flight)
        try:
            for done in window(
                pool, partial(self._answer, fleet, asking), left, 2 * self._settings.in_flight
            ):
                yield [done]
        except Stopped:
            raise fleet.reason or Stopped from None
        finally:
            fleet.stopped.set()  # what waits gives up; what is on its way is kept
            pool.shutdown(cancel_futures=True)
            fleet.close()
            spent = self._budget.spent
            if sum(spent):
                self._progress.tell(f"asked of the server by this command: {self._worth(spent)}")

    def _answer(self, fleet: Fleet, asking: Way, request: Request) -> Completion:
        try:
            replies = [self._reply(fleet, asking, body) for body in asking.bodies(request)]
            return asking.completion(request, replies)
        except Unanswered as refused:
            return completed(request, refused.reason, [])
        except LlmrecError as error:
            fleet.stop(error)  # before another thread asks
            raise

    def _reply(self, fleet: Fleet, asking: Way, body: Body) -> Body:
        """Return the reply that is kept, or the server's, which is kept before anything else is done with it.
        What is asked twice at once is asked once."""
        name = self._name(asking, body)
        with self._lock:
            going = self._going.setdefault(name, Lock())
        with going:
            reply = self._replies.get(name)
            if reply is None:
                size = self._size(body)
                self._budget.take_off(size)
                try:
                    reply = fleet.ask(asking.path, body, asking.check)
                    self._replies.keep(name, reply)
                finally:
                    self._budget.land(size, reply)
        with self._lock:
            self._going.pop(name, None)
        return reply

    def _name(self, asking: Way, body: Body) -> bytes:
        return fingerprint(self._settings.addresses, asking.path, body)

    def _size(self, body: Body) -> tuple[int, int]:
        """Return the most prompt and completion tokens that a call may take: of English text a token has some
        four bytes, here three."""
        said = json.dumps([body.get("messages"), body.get("prompt")], ensure_ascii=False)
        return len(said.encode("utf-8", "replace")) // 3, int(body[self._settings.length_field])

    def _agree(self, requests: Sequence[Request], asking: Way) -> None:
        """Tell what the requests may cost at most, and ask the user where that is much."""
        if self._settings.price is None:
            return
        bodies = (body for request in requests for body in asking.bodies(request))
        sizes = [self._size(body) for body in bodies if self._replies.get(self._name(asking, body)) is None]
        most = (sum(prompt for prompt, _ in sizes), sum(completion for _, completion in sizes))
        if not sizes:
            return
        told = f"{len(sizes):,} calls to {self._settings.served_as}: at most {self._worth(most)}"
        if self._budget.cost(most) <= self._settings.confirm_above:
            self._progress.tell(told)
        elif not self._progress.agrees(f"{told}; ask?"):
            raise BackendError(
                f"{told}, which is above model.confirm_above={self._settings.confirm_above:g}; raise that to "
                "agree, or set limit=N"
            )

    def _worth(self, tokens: tuple[int, int]) -> str:
        cost = f" for {self._budget.cost(tokens):,.2f} by model.price" if self._settings.price else ""
        return f"{tokens[0]:,} + {tokens[1]:,} tokens{cost}"


def window(
    pool: ThreadPoolExecutor, work: Callable[[Request], Completion], requests: Sequence[Request], most: int
) -> Iterator[Completion]:
    """Yield what the work on each request comes to, in any order, at most so many of them begun ahead."""
    rest, begun = iter(requests), set[Future[Completion]]()
    while True:
        begun |= {pool.submit(work, request) for request in islice(rest, most - len(begun))}
        if not begun:
            return
        done, begun = wait(begun, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
