"""Servers behind one or several addresses: who is asked next, how fast, and for how long again."""

import json
import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Lock, Thread
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import httpx2
import openai

from llmrec.errors import BackendError, LlmrecError, printable
from llmrec.model.served.model import ServedSettings
from llmrec.model.served.trouble import Passing, clean, told
from llmrec.stopping import is_asked

log = logging.getLogger(__name__)

Body = dict[str, Any]
T = TypeVar("T")
WHOLE = 3  # times model.timeout: the longest that a whole answer may take
FIRST_REST, LONGEST_REST = 0.5, 60.0  # seconds
SECONDS_BETWEEN_LOOKS = 0.2


class Stopped(Exception):
    """The run ends: nothing is asked any more."""


@dataclass
class Endpoint:
    """An address: how many requests it is at, and the moment until which it is left alone."""

    host: str
    client: openai.OpenAI
    flying: int = 0
    rests_until: float = 0.0


@dataclass
class Pace:
    """Starts requests evenly, so that no minute has more than it may have."""

    per_minute: float | None
    next_start: float = 0.0
    lock: Lock = field(default_factory=Lock)

    def turn(self) -> float:
        """Take the next turn, and return how many seconds it is away."""
        if self.per_minute is None:
            return 0.0
        with self.lock:
            now = time.monotonic()
            start = max(now, self.next_start)
            self.next_start = start + 60.0 / self.per_minute
            return start - now


class Fleet:
    """Asks the address that is least busy; one that is down, or asks for a rest, is left out for a while."""

    def __init__(self, settings: ServedSettings, key: str) -> None:
        self._settings, self._secret = settings, key if settings.key is not None else ""
        self._endpoints = [endpoint(address, settings, key) for address in settings.addresses]
        self._lock, self._pace = Lock(), Pace(settings.requests_per_minute)
        self.stopped = Event()
        self.reason: LlmrecError | None = None

    def ask(self, path: str, body: Body, check: Callable[[Body], None]) -> Body:
        """Return a reply that passes the check. Raises as `patiently` does."""

        def call(one: Endpoint) -> Body:
            reply = self._post(one, path, body)
            try:
                check_choice(reply)
                check(reply)
            except Passing as trouble:
                raise Passing(f"{one.host}: {trouble}") from None
            return reply

        return self.patiently(call)

    def patiently(self, call: Callable[[Endpoint], T]) -> T:
        """Return what the call of an address comes to, however often it takes, within the patience after the
        first failure.

        Raises Unanswered for a prompt that is refused, BackendError for what no patience mends, Stopped.
        """
        failures, give_up = 0, float("inf")
        while True:
            chosen, wait = self._choose()
            try:
                self.pause(wait)
                self.pause(self._pace.turn())
                return call(chosen)
            except Passing as trouble:
                failures += 1
                log.warning("%s", trouble)
                give_up = min(give_up, time.monotonic() + self._settings.patience)
                rest = backoff(failures) if trouble.after is None else trouble.after
                if time.monotonic() + rest > give_up:
                    raise BackendError(
                        f"{trouble}; asked {failures} times, and model.patience={self._settings.patience:g} "
                        "(seconds) is at its end; run it again when the server is well: what was answered "
                        "is kept"
                    ) from None
                if trouble.after is not None or trouble.is_down:  # all that ask this address wait
                    chosen.rests_until, rest = time.monotonic() + rest, 0.0
            finally:
                with self._lock:
                    chosen.flying -= 1
            self.pause(rest)

    def clean(self, words: str) -> str:
        return clean(printable(words), self._secret)

    def stop(self, reason: LlmrecError) -> None:
        """Ask nothing any more, for what no patience mends; the first reason stands."""
        with self._lock:
            self.reason = self.reason or reason
        self.stopped.set()

    def close(self) -> None:
        self.stopped.set()
        for one in self._endpoints:
            one.client.close()

    def pause(self, seconds: float) -> None:
        """Wait. Raises Stopped where the run ends."""
        until = time.monotonic() + seconds
        while not (self.stopped.is_set() or is_asked()):
            left = until - time.monotonic()
            if left <= 0:
                return
            self.stopped.wait(min(left, SECONDS_BETWEEN_LOOKS))
        raise Stopped

    def _choose(self) -> tuple[Endpoint, float]:
        """Return the address to ask, and how long it rests still."""
        with self._lock:
            now = time.monotonic()
            chosen = min(self._endpoints, key=lambda one: (max(0.0, one.rests_until - now), one.flying))
            chosen.flying += 1
            return chosen, max(0.0, chosen.rests_until - now)

    def through(self, chosen: Endpoint, work: Callable[[openai.OpenAI], T], longest: float) -> T:
        """Return what the client of an address comes to within so many seconds. Raises Passing, Unanswered,
        BackendError, Stopped."""
        try:
            return within(longest, partial(work, chosen.client))
        except TimeoutError:
            raise Passing(f"{chosen.host}: no whole answer in {longest:g} s") from None
        except openai.APIError as error:
            if self.stopped.is_set():
                raise Stopped from None
            raise told(error, chosen.host, str(self._settings.key), self._secret) from None

    def _post(self, chosen: Endpoint, path: str, body: Body) -> Body:
        def work(client: openai.OpenAI) -> bytes:
            return client.post(path, body=body, cast_to=httpx2.Response).content

        return body_of(self.through(chosen, work, WHOLE * self._settings.timeout), chosen.host)


def endpoint(address: str, settings: ServedSettings, key: str) -> Endpoint:
    """Return an address with its client, which follows no redirect and never asks again by itself."""
    return Endpoint(
        urlsplit(address).netloc,
        openai.OpenAI(
            api_key=key,
            base_url=address,
            max_retries=0,
            timeout=settings.timeout,
            http_client=openai.DefaultHttpxClient(follow_redirects=False, timeout=settings.timeout),
        ),
    )


def body_of(content: bytes, host: str) -> Body:
    """Return the body of a reply. Raises Passing for bytes that are no JSON."""
    try:
        return cast(Body, json.loads(content))
    except (ValueError, RecursionError):
        raise Passing(f"{host}: {len(content):,} bytes that are no JSON") from None


def check_choice(reply: object) -> None:
    """Raise Passing for a reply that is not of one choice."""
    choices = reply.get("choices") if isinstance(reply, dict) else None
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        amount = len(choices) if isinstance(choices, list) else "no"
        raise Passing(f"{amount} choices in place of one")


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return what the work comes to. Raises TimeoutError where it takes longer, and leaves it to a thread
    that ends with its client."""
    found = Future[T]()

    def do() -> None:
        try:
            found.set_result(work())
        except BaseException as error:  # noqa: BLE001
            found.set_exception(error)

    Thread(target=do, daemon=True).start()
    return found.result(seconds)


def backoff(failures: int) -> float:
    """Return seconds to wait: at random up to twice as long each time (Brooker, "Exponential backoff and
    jitter", 2015)."""
    return random.uniform(0.1, min(LONGEST_REST, FIRST_REST * 2.0**failures))
