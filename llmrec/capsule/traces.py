"""Who and where: what of this machine and its user may stand in no byte of a capsule."""

import getpass
import json
import os
import re
import socket
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from llmrec.config import SECRET
from llmrec.errors import DataError

# Names of accounts and machines that are anyone's.
_ANYONE = {
    "admin", "administrator", "azureuser", "centos", "codespace", "debian", "default", "docker", "ec2-user",
    "fedora", "guest", "host", "jovyan", "localdomain", "localhost", "nobody", "root", "runner", "server",
    "ubuntu", "user", "users", "vagrant", "vm", "vscode",
}  # fmt: skip
_SHORTEST_NAME, _SHORTEST_SECRET = 3, 8
_HOME = r"(?<![^\W_])(?:/home|/users|[a-z]:\\+users)[\\/]+[^\s\"'\\/<>|:,;)]+"
_KEY = r"(?<![\w-])(?:sk-[a-z0-9_-]{20,}|hf_[a-z0-9]{30,}|ghp_[a-z0-9]{30,}|akia[a-z0-9]{16})"


class Trace(NamedTuple):
    """What is looked for: one of `signs`, in small letters, then `pattern`. A secret is never shown."""

    what: str
    signs: tuple[str, ...]
    pattern: re.Pattern[str]
    secret: bool = False


class Hit(NamedTuple):
    """Where a trace was found: a file, its line from 1, and what stands there."""

    trace: Trace
    file: str
    line: int
    found: str


def traces(folders: Iterable[Path | str], key: str | None = None) -> list[Trace]:
    """Return what tells of this machine and its user: the folders given, the home, working and temporary
    ones, names of user and host, and keys: those in the environment, that under the name `key` too."""
    places = {str(folder) for folder in (*folders, Path.home(), Path.cwd(), tempfile.gettempdir())}
    for place in [Path(place) for place in places if Path(place).is_absolute()]:
        places |= {str(place.resolve()), *(str(above) for above in place.parents if len(above.parts) > 2)}
    found = [
        literal("the folder", form) for place in places if re.search(r"\w", place) for form in forms(place)
    ]
    host = socket.gethostname()
    logins = {os.environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME")} | {login()}
    found += [word("the user's name", name) for name in logins if tells(name)]
    found += [word("the host's name", name) for name in {host, host.partition(".")[0]} if tells(name)]
    secrets = {value for name, value in os.environ.items() if SECRET.search(name) or name == key}
    found += [
        literal("a key of the environment", form, secret=True)
        for secret in secrets
        if len(secret) >= _SHORTEST_SECRET
        for form in forms(secret)
    ]
    found.append(Trace("a key", ("sk-", "hf_", "ghp_", "akia"), re.compile(_KEY, re.IGNORECASE), True))
    found.append(Trace("a home folder", ("/home", "/users", "users\\"), re.compile(_HOME, re.IGNORECASE)))
    return found


def login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as containers have
        return ""


def tells(name: str) -> bool:
    """Say whether a name tells who or where."""
    return len(name) >= _SHORTEST_NAME and name.casefold() not in _ANYONE


def forms(text: str) -> set[str]:
    """Return a text as it stands in files: as it is, in JSON, in an address."""
    return {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], quote(text)}


def literal(what: str, text: str, secret: bool = False) -> Trace:
    """Return the trace of a text; a folder of one part, as /data, counts as a whole alone."""
    pattern = re.escape(text)
    if not secret and len(re.findall(r"\w+", text)) < 2:
        pattern = rf"(?<![^\W_]){pattern}(?![^\W_])"
    return Trace(what, (text.lower(),), re.compile(pattern, re.IGNORECASE), secret)


def word(what: str, name: str) -> Trace:
    """Return the trace of a name, as a whole word."""
    return Trace(what, (name.lower(),), re.compile(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", re.IGNORECASE))


def hits(files: Mapping[str, bytes], looked_for: Sequence[Trace], allowed: Collection[str]) -> Iterator[Hit]:
    """Yield the first line of each file that holds a trace; what is `allowed`, letter by letter, is none,
    unless it is a secret."""
    for name, content in files.items():
        text = content.decode("utf-8", "replace")
        small = text.lower()
        for trace in looked_for:
            if not any(sign in small for sign in trace.signs):
                continue
            for found in trace.pattern.finditer(text):
                if trace.secret or found[0] not in allowed:
                    yield Hit(trace, name, text.count("\n", 0, found.start()) + 1, found[0])
                    break


def check(files: Mapping[str, bytes], looked_for: Sequence[Trace], allowed: Collection[str]) -> None:
    """Raise DataError, naming file and row, where the files hold a trace that is not allowed."""
    found = list(hits(files, looked_for, allowed))
    if not found:
        return
    first = found[0]
    row = row_of(files[first.file].split(b"\n")[first.line - 1])
    what = first.trace.what if first.trace.secret else f"{first.trace.what} {first.found!r}"
    way_out = (
        "make the run again without it"
        if first.trace.secret
        else f"make the run again without it, or, if it may be told, give --allow {first.found!r}"
    )
    more = f" (the first of {len(found)} finds)" if len(found) > 1 else ""
    raise DataError(
        f"{first.file}:{first.line}:{f' example {row}:' if row else ''} would tell {what}{more}; {way_out}"
    )


def row_of(line: bytes) -> str:
    """Return the id of the example that a JSON line is about, "" for a line that is about none."""
    try:
        record = msgspec.json.decode(line)
    except msgspec.MsgspecError:
        return ""
    if not isinstance(record, dict):
        return ""
    question = record.get("question")
    return str(record.get("example_id") or (question.get("id", "") if isinstance(question, dict) else ""))
