"""Records on disk: JSON lines, atomic writes, and the folder of one run."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from llmrec.errors import DataError
from llmrec.files import UNREADABLE, unwritable, write_atomic
from llmrec.records import Completion
from llmrec.results import Environment, Fit, Metrics, Tuning

T = TypeVar("T")

CONFIG = "config.yaml"
ENVIRONMENT = "environment.json"
EXAMPLES = "examples.jsonl"
PROMPTS = "prompts.jsonl"
COMPLETIONS = "completions.jsonl"
ALL_COMPLETIONS = "completions*.jsonl"  # with those of further processes, until they are gathered
PREDICTIONS = "predictions.jsonl"
ITEMS = "items.json"
TUNING = "finetune.json"
FIT = "fit.json"
TOOK = ('  "seconds":',)  # the line of a record that tells how long the same thing took this time
METRICS = "metrics.json"
LOCK = ".lock"  # held by whom the run is computed by
ERROR = "error.txt"  # why the last try failed; none where it did not
METRICS_SCHEMA = "llmrec/metrics/2"
AGAIN = "remove the line or the file and run again"


def to_lines(records: Iterable[msgspec.Struct]) -> bytes:
    """Return records as JSON lines."""
    encode = msgspec.json.Encoder().encode
    return b"".join(encode(record) + b"\n" for record in records)


def from_lines(path: Path, cls: type[T]) -> list[T]:
    """Return the records of a JSON-lines file. Raises DataError with the line that is none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give the folder of a run") from error
    return decoded(path, content, cls)


def decoded(path: Path, content: bytes, cls: type[T], way_out: str = AGAIN) -> list[T]:
    """Return the records in JSON lines that were read from a file. Raises as `from_lines` does."""
    decode = msgspec.json.Decoder(cls).decode
    records = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            records.append(decode(line))
        except UNREADABLE as error:
            raise unreadable(path, number, cls, error, way_out) from error
    return records


def unreadable(path: Path, number: int, cls: type, error: Exception, way_out: str = AGAIN) -> DataError:
    """Return what is wrong with a line of a file."""
    return DataError(f"{path}:{number}: no {getattr(cls, '__name__', 'record')} ({error}); {way_out}")


class RunDir:
    """The folder of one run. What is in it belongs to one config and one set of rows: a second call
    with the same choices goes on in it, one with other choices is refused.

    Several processes may answer its rows: each by its `rank` appends to a file of its own, and reads all.
    """

    def __init__(self, path: Path, rank: int = 0) -> None:
        self.path = path
        self._own = path / (COMPLETIONS if rank == 0 else f"completions.{rank}.jsonl")

    def settle(self, name: str, content: bytes, but: Sequence[str] = ()) -> None:
        """Write an artifact that the choices determine, or check that it is the same as before, lines
        that begin with one of `but` aside; one that was cut off is written anew.

        Raises DataError when it differs and completions were already paid for with the old one.
        """
        path = self.path / name
        if path.is_file():
            before = path.read_bytes()
            if lines_but(before, but) == lines_but(content, but):
                return
            if not content.startswith(before) and any(file.stat().st_size for file in self._files()):
                raise DataError(
                    f"{path}: holds another run than this command makes; choose another folder by "
                    f"hydra.run.dir=DIR, or remove this one"
                )
        write_atomic(path, content)

    def completions(self) -> dict[tuple[str, int], Completion]:
        """Return what was completed before, by (example id, ask); a line cut off by a kill is dropped."""
        completed: dict[tuple[str, int], Completion] = {}
        for path in self._files():
            content = path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content) and path == self._own:  # another process may be writing its own
                os.truncate(path, whole)
            done = decoded(path, content[:whole], Completion)
            completed |= {(one.example_id, one.ask): one for one in done}
        return completed

    def gather(self) -> None:
        """Take what further processes completed into the one file, when none of them writes any more."""
        others = [path for path in self._files() if path != self._own]
        if others:
            self.write(COMPLETIONS, to_lines(self.completions().values()))
        for path in others:
            path.unlink()

    def _files(self) -> list[Path]:
        return sorted(path for path in self.path.glob(ALL_COMPLETIONS) if path.is_file())

    def append(self, completions: Sequence[Completion]) -> None:
        """Add completions at the end of the file, at once."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with self._own.open("ab") as file:
                file.write(to_lines(completions))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise unwritable(self._own, error) from error

    def write(self, name: str, content: bytes) -> None:
        """Write an artifact of this call's own."""
        write_atomic(self.path / name, content)

    def note_environment(self, now: Environment) -> None:
        """Keep what completions are made with. Raises DataError when those already there were made on
        another device or in another dtype: their mixture would be no run that anyone could repeat."""
        if self.completions():
            then = self.environment()
            if (then.device, then.dtype) != (now.device, now.dtype):
                raise DataError(
                    f"{self.path}: begun on {then.device} in {then.dtype}, here it would go on on "
                    f"{now.device} in {now.dtype}; set model.device and model.dtype as then, or choose "
                    f"another folder by hydra.run.dir=DIR"
                )
        self.write(ENVIRONMENT, pretty(now))

    def environment(self) -> Environment:
        """Return what the run's completions were made with."""
        path = self.path / ENVIRONMENT
        try:
            return msgspec.json.decode(path.read_bytes(), type=Environment)
        except (OSError, *UNREADABLE) as error:
            raise DataError(
                f"{path}: no environment of a run ({error}); remove {self.path}, run again"
            ) from error

    def tuning(self) -> Tuning | None:
        """Return how the model was fine-tuned that gave the completions, None where it was not."""
        return self._record(TUNING, Tuning)

    def fit(self) -> Fit | None:
        """Return how the recommender was fitted that gave the completions, None where nothing was."""
        return self._record(FIT, Fit)

    def _record(self, name: str, cls: type[T]) -> T | None:
        path = self.path / name
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls) if path.is_file() else None
        except UNREADABLE as error:
            raise DataError(f"{path}: no record of a training ({error}); remove it and run again") from error

    def seconds(self) -> dict[str, float]:
        """Return how long the stages of an earlier call took, or nothing before the first ended; metrics that
        cannot be read are soon written anew."""
        try:
            return dict(read_metrics(self.path / METRICS).seconds)
        except DataError:
            return {}


def lines_but(content: bytes, but: Sequence[str]) -> list[bytes]:
    """Return the lines that do not begin with any of the words."""
    skipped = tuple(word.encode() for word in but)
    return [line for line in content.splitlines() if not (skipped and line.startswith(skipped))]


def read_metrics(path: Path) -> Metrics:
    """Return a metrics.json. Raises DataError when it is none, or of another schema."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Metrics)
    except (OSError, *UNREADABLE) as error:
        raise DataError(
            f"{path}: no metrics of llmrec ({error}); give the folder of a finished run, or have it written "
            f"anew: llmrec score {path.parent}"
        ) from error
    if found.schema != METRICS_SCHEMA:
        raise DataError(
            f"{path}: schema '{found.schema}', and this version reads {METRICS_SCHEMA}; have it written "
            f"anew: llmrec score {path.parent}"
        )
    return found


def read_titles(folder: Path) -> dict[str, str]:
    """Return the titles by id of the items that a run names; none of a run made before they were kept.
    Raises DataError when the file is none."""
    path = folder / ITEMS
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str]) if path.is_file() else {}
    except UNREADABLE as error:
        raise DataError(f"{path}: no titles of items ({error}); remove it, llmrec score {folder}") from error


def pretty(record: object) -> bytes:
    """Return a record as indented JSON, for files that people open."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def metrics_schema() -> dict[str, Any]:
    """Return the JSON schema of metrics.json, as the package's `metrics.schema.json` holds it."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Metrics)}


def schema_path() -> Path:
    """Return where the package keeps the JSON schema of metrics.json."""
    return Path(__file__).with_name("metrics.schema.json")


if __name__ == "__main__":
    schema_path().write_bytes(pretty(metrics_schema()))
