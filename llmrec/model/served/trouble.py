"""What can go wrong with a server, told apart by what is to be done about it."""

import json
import shlex
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import escape
from typing import Any
from urllib.parse import quote

import openai

from llmrec.errors import BackendError, one_line

AGAIN = (408, 409, 425, 429)
SHOWN = 200


class Passing(Exception):
    """What may be over soon: to be tried again, `after` so many seconds where the server says so. `is_down`
    says that the server was not reached at all."""

    def __init__(self, what: str, after: float | None = None, is_down: bool = False) -> None:
        super().__init__(what)
        self.after, self.is_down = after, is_down


class Unanswered(Exception):
    """A prompt that this server does not answer; `reason` is its finish reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def told(error: openai.APIError, host: str, key: str, secret: str) -> Exception:
    """Return what an error of the client comes to: Passing, Unanswered or BackendError. `key` names the
    variable that holds the `secret`, which is shown nowhere."""
    if isinstance(error, openai.APIStatusError):
        return of_status(error, host, key, secret)
    causes = list(chain_of(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return BackendError(
            f"{host}: its certificate does not hold ({said(causes[-1], secret)}); mend it, or give "
            "the address that it was made for"
        )
    is_timeout = isinstance(error, openai.APITimeoutError)
    what = "no answer in time" if is_timeout else said(causes[-1], secret)
    return Passing(f"{host}: {what}", is_down=not is_timeout)


def of_status(error: openai.APIStatusError, host: str, key: str, secret: str) -> Exception:
    status, words = error.status_code, said(error, secret)
    code = str(error.code or "")
    if status == 429 and "insufficient_quota" in (code, str(error.type)):
        return BackendError(f"{host}: the quota is spent ({words}); what was answered is kept")
    if status in AGAIN or status >= 500:
        return Passing(f"{host}: {words}", retry_after(error.response.headers))
    if 300 <= status < 400:
        to = clean(error.response.headers.get("location", "nowhere"), secret)
        return BackendError(
            f"{host}: sends its callers on to {to}, where neither key nor prompts follow; set "
            "model.base_url to it, if it is to be trusted"
        )
    if status in (401, 403) and key == "None":
        return BackendError(f"{host}: wants a key ({words}); export one, and set model.key to its variable")
    if status in (401, 403):
        return BackendError(f"{host}: refuses the key in {key} ({words}); export one that holds")
    if status == 404:
        return BackendError(
            f"{host}: knows no such model or path ({words}); see model.served_as and model.base_url"
        )
    if "context_length" in code or "context length" in words.lower():
        return Unanswered("too_long")
    if "content_filter" in code or "content_policy" in code:
        return Unanswered("content_filter")
    return BackendError(
        f"{host}: does not take the request ({words}); see model.api, guided, length_field and extra"
    )


def said(error: BaseException, secret: str) -> str:
    """Return what an error says, on one line, without the key."""
    return clean(one_line(error), secret)


def clean(words: str, secret: str) -> str:
    """Return words without the key, however it is escaped in them, and not too many of them."""
    for form in sorted(forms(secret), key=len, reverse=True):
        words = words.replace(form, "***")
    return words if len(words) <= SHOWN else words[: SHOWN - 3] + "..."


def forms(secret: str) -> set[str]:
    """Return a secret as it stands, as JSON, Python, addresses, HTML and shells write it, and as Python
    writes each of these within a longer text: so older versions of openai tell a refusal."""
    written = json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret), quote(secret, ""), escape(secret)
    once = {secret, *written, written[0].replace("/", "\\/"), shlex.quote(secret)} - {""} if secret else set()
    twice = {form.replace("\\", "\\\\") for form in once}
    return once | twice | {form.replace("'", "\\'") for form in twice}


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it, the root last."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def retry_after(headers: Mapping[str, Any]) -> float | None:
    """Return the seconds that a server asks to wait for, given as seconds or as a date; None where it asks
    for none (RFC 9110, 10.2.3)."""
    value = str(headers.get("retry-after", "")).strip()
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
