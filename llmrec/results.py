"""What a run says of itself in the end: scores, coverage, leaks, cost; the parts of metrics.json.

Like the records, every one is immutable and has one JSON form.
"""

from collections.abc import Sequence
from enum import StrEnum, auto

from msgspec import Struct

VALID = ":valid"


class MetricResult(Struct, frozen=True):
    """A score over `n` rows with its 95% bootstrap interval (None where n < 2)."""

    id: str
    value: float | None
    n: int
    ci95: tuple[float, float] | None
    higher_is_better: bool


class Coverage(Struct, frozen=True):
    """How many rows got a valid answer; what was wrong with the others; what had to be mended.

    `reasks` counts prompts sent again with a reason.
    """

    valid: int
    all: int
    failures: dict[str, int]
    repairs: dict[str, int]
    reasks: int


class Verdict(StrEnum):
    """Whether a model beats another: the 95% interval of their paired difference leaves out zero in its
    favour, or against it, or does not leave it out."""

    yes = auto()
    no = auto()
    unclear = auto()


class Margin(Struct, frozen=True):
    """A model's score minus a floor's on the same `n` rows, every row counted, with the 95% interval of
    the paired bootstrap, and what follows from it."""

    id: str
    value: float | None
    n: int
    ci95: tuple[float, float] | None
    verdict: Verdict


class Floor(Struct, frozen=True):
    """A model that any other must beat, on the same rows. `margins` say by how much it was beaten, by each
    headline score; none where both models gave the same answers."""

    model: str
    metrics: list[MetricResult]
    coverage: Coverage
    margins: list[Margin] = []


class Leaks(Struct, frozen=True):
    """`status` is "clean" or "LEAK"; `checks` counts what each check found."""

    status: str
    checks: dict[str, int]


class Tokens(Struct, frozen=True):
    """Totals over all asks."""

    prompt: int
    completion: int


class LossPoint(Struct, frozen=True):
    """The training after `step` steps: mean cross-entropy a target token (nats) since the last point,
    or on the validation pairs; `scores` are those of the answers to validation rows, by metric id.
    """

    step: int
    training: float | None
    validation: float | None
    scores: dict[str, float]


class Tuning(Struct, frozen=True):
    """How a model was fine-tuned. `trainable` of `total` weights were learned, from `pairs` pairs of the
    `tasks`; `tokens` were read in `seconds` (wall clock, 0 where the adapter came from elsewhere).

    `best_step` is the step whose weights were kept. `left_out` counts training rows that were not
    used, by reason. `sha256` is that of the weights learned, `base` names what they were put on.
    """

    method: str
    adapter: str
    tasks: list[str]
    trainable: int
    total: int
    pairs: int
    left_out: dict[str, int]
    tokens: int
    seconds: float
    steps: int
    best_step: int
    loss_curve: list[LossPoint]
    base: str
    sha256: str


class FitPoint(Struct, frozen=True):
    """A fit after `epoch` epochs: the mean training loss since the last point, and the score of the
    validation rows that the fit is chosen by."""

    epoch: int
    loss: float | None
    validation: float | None


class Fit(Struct, frozen=True):
    """How a conventional recommender was fitted: `parameters` numbers were learned from `rows` rows in
    `seconds` (wall clock), by `library`.

    `best_epoch` of `epochs` was kept, the one whose `measure` on validation rows was best. `name` is that of
    its folder in the cache, a hash of all that it was learned from.
    """

    name: str
    library: str
    parameters: int
    rows: int
    seconds: float
    epochs: int
    best_epoch: int
    measure: str
    curve: list[FitPoint]


HALF = ("bfloat16", "float16")
CHANGED = "changed_alone"  # a detail: how many answers were others when asked again, each by itself


class Environment(Struct, frozen=True):
    """What scores may depend on beside the choices. `batch` says how rows were grouped."""

    packages: dict[str, str]
    git: str | None
    device: str
    dtype: str
    batch: str
    details: dict[str, str]

    @property
    def exact(self) -> bool:
        """Whether no answer depends on what else is in its batch, or a server alone can know."""
        return self.device == "server" or (self.device == "cpu" and self.dtype not in HALF)


class Metrics(Struct, frozen=True):
    """What metrics.json holds: a public interface, described by `llmrec/metrics.schema.json`.

    `n` of `n_total` rows were drawn, each asked once or, as `coverage` counts, several times; runs with the
    same `rows` were asked the same questions. `prompt` is "" for a model that reads none. `finetune` is None
    for a model as it is, `fit` for all but conventional recommenders with parameters. `seconds` are those of
    the call that ran a stage last; those of `model` hold what its fine-tuning or fitting took then.
    `counts` are of corpus, split, prompts and answers; `notes` what a reader of the scores must know.
    """

    schema: str
    task: str
    dataset: str
    split: str
    model: str
    prompt: str
    finetune: Tuning | None
    decoding: dict[str, str | int | float | bool | None]
    seed: int
    rows: str
    n: int
    n_total: int
    metrics: list[MetricResult]
    coverage: Coverage
    leaks: Leaks
    floors: list[Floor]
    tokens: Tokens
    seconds: dict[str, float]
    environment: Environment
    headline: list[str]
    counts: dict[str, int]
    notes: list[str]
    fit: Fit | None = None


def way(run: Metrics) -> str:
    """Return the name of the decoding by which a model that reads prompts answered, "" for any other."""
    return str(run.decoding.get("name", "")) if run.prompt else ""


def find(results: Sequence[MetricResult], name: str) -> list[MetricResult]:
    """Return the first result of that id, or of that name before the `/`; none where there is none."""
    for result in results:
        if result.id == name or (result.id.partition("/")[0] == name and not result.id.endswith(VALID)):
            return [result]
    return []
