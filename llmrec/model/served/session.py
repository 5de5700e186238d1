"""Requests in, completions out, over servers: many in flight, each reply kept the moment it comes."""

import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial, reduce
from itertools import islice
from pathlib import Path
from threading import Lock

from llmrec.decoding.base import Decoding
from llmrec.errors import BackendError, LlmrecError
from llmrec.model.base import Session
from llmrec.model.served.answers import Replies, fingerprint
from llmrec.model.served.batches import Batches
from llmrec.model.served.budget import NOTHING, Amount, Budget
from llmrec.model.served.fleet import Fleet, Stopped
from llmrec.model.served.model import ServedSettings
from llmrec.model.served.trouble import Unanswered
from llmrec.model.served.ways import Body, Way, completed, way
from llmrec.progress import Progress
from llmrec.records import Completion, Request
from llmrec.stopping import is_asked, leave


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
        fleet = Fleet(self._settings, self._key)
        pool = ThreadPoolExecutor(self._settings.in_flight)
        try:
            if self._settings.batch:
                self._batch(fleet, asking, left)
            if self._settings.price is not None:  # all calls at once take time and memory
                self._agree(self._sizes(self._calls(left, asking), batched=False), batched=False)
            for done in window(
                pool, partial(self._answer, fleet, asking), left, 2 * self._settings.in_flight
            ):
                yield [done]
            leave()
        except Stopped:
            raise fleet.reason or KeyboardInterrupt from None  # nothing else stops it
        finally:
            fleet.stopped.set()  # what waits gives up; what is on its way is kept
            pool.shutdown(cancel_futures=True)
            fleet.close()
            spent = self._budget.spent
            if any(spent):
                self._progress.tell(f"asked of the server by this command: {self._worth(spent)}")

    def _batch(self, fleet: Fleet, asking: Way, requests: Sequence[Request]) -> None:
        """Have what is not answered yet answered in batches, those that an earlier command made among them.
        Raises BackendError where one failed, when all are over."""
        batches = Batches(fleet, self._replies, self._progress, self._settings.timeout)
        calls = self._calls(requests, asking)
        aside, failed = dict[bytes, Amount](), list[BackendError]()
        try:
            with self._replies.turn():
                for handed in self._replies.waiting(calls):
                    if handed.batch is None:
                        batches.find(handed)
                waiting = {name for handed in self._replies.waiting(calls) for name in handed.asked}
                fresh = {name: body for name, body in calls.items() if name not in waiting}
                sizes = self._sizes(fresh, batched=True)
                self._agree(sizes, batched=True)
                if fresh:
                    self._budget.take_off(whole(sizes))
                    aside = sizes
                    batches.hand_in(asking.path, fresh)
            for handed in self._replies.waiting(calls):
                replies, error = batches.collect(handed, asking.check)
                failed += [error] if error else []
                for name, reply in replies.items():
                    self._budget.land(aside.pop(name, NOTHING), reply, batched=True)
        finally:
            for size in aside.values():
                self._budget.land(size, None, batched=True)
        if failed:
            raise failed[0]

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
                size = self._size(body, batched=False)
                self._budget.take_off(size)
                try:
                    reply = fleet.ask(asking.path, body, asking.check)
                    self._replies.keep({name: reply})
                finally:
                    self._budget.land(size, reply, batched=False)
        with self._lock:
            self._going.pop(name, None)
        return reply

    def _name(self, asking: Way, body: Body) -> bytes:
        return fingerprint(self._settings.addresses, asking.path, body)

    def _calls(self, requests: Sequence[Request], asking: Way) -> dict[bytes, Body]:
        """Return what is not answered yet."""
        bodies = (body for request in requests for body in asking.bodies(request))
        calls = {self._name(asking, body): body for body in bodies}
        return {name: body for name, body in calls.items() if self._replies.get(name) is None}

    def _size(self, body: Body, batched: bool) -> Amount:
        """Return the most that a call may take: of English text a token has some four bytes, here three."""
        said = json.dumps([body.get("messages"), body.get("prompt")], ensure_ascii=False)
        tokens = len(said.encode("utf-8", "replace")) // 3
        return self._budget.worth(tokens, int(body[self._settings.length_field]), batched)

    def _sizes(self, calls: Mapping[bytes, Body], batched: bool) -> dict[bytes, Amount]:
        return {name: self._size(body, batched) for name, body in calls.items()}

    def _agree(self, sizes: Mapping[bytes, Amount], batched: bool) -> None:
        """Tell what calls may cost at most, and ask the user where that is much."""
        if self._settings.price is None or not sizes:
            return
        most, how = whole(sizes), " by batch" if batched else ""
        told = f"{len(sizes):,} calls to {self._settings.served_as}{how}: at most {self._worth(most)}"
        if most.money <= self._settings.confirm_above:
            self._progress.tell(told)
        elif not self._progress.agrees(f"{told}; ask?"):
            raise BackendError(
                f"{told}, which is above model.confirm_above={self._settings.confirm_above:g}; raise that to "
                "agree, or set limit=N"
            )

    def _worth(self, amount: Amount) -> str:
        cost = f" for {amount.money:,.2f} by model.price" if self._settings.price else ""
        return f"{amount.prompt:,} + {amount.completion:,} tokens{cost}"


def whole(sizes: Mapping[bytes, Amount]) -> Amount:
    return reduce(Amount.plus, sizes.values(), NOTHING)


def window(
    pool: ThreadPoolExecutor, work: Callable[[Request], Completion], requests: Sequence[Request], most: int
) -> Iterator[Completion]:
    """Yield what the work on each request comes to, in any order, at most so many of them begun ahead. Where
    an end is asked for, none is begun any more; those that wait for a server give up."""
    rest, begun = iter(requests), set[Future[Completion]]()
    while True:
        if not is_asked():
            begun |= {pool.submit(work, request) for request in islice(rest, most - len(begun))}
        if not begun:
            return
        done, begun = wait(begun, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
