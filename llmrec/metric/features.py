"""Whether texts speak of what they should: of features of products, and each of its own.

Features are the head nouns that training texts share (`llmrec.features`), or the lines of a file. Where there
is none, a score has no value. Source of FMR, FCR and DIV: Li et al., "Generate neural template explanations
for recommendation" (NETE), 2020, as used by PETER, 2021.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llmrec.errors import ConfigError
from llmrec.features import mentioned, shared_features
from llmrec.metric.base import Array, Context, Metric, Row
from llmrec.metric.pairs import texts
from llmrec.records import Text


@dataclass(frozen=True, kw_only=True)
class OfFeatures(Metric):
    """A score made of the features that texts mention. A feature is a head noun that at least `min_reviews`
    training texts, and a `min_share` of them, use; or a line of `file`."""

    file: str | None
    min_reviews: int
    min_share: float

    def features(self, context: Context) -> set[str]:
        """Return the features. Raises ConfigError where the file cannot be read."""
        if self.file is None:
            training = (answer.text for answer in context.training if isinstance(answer, Text))
            return shared_features(training, self.min_reviews, self.min_share)
        try:
            lines = Path(self.file).expanduser().read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"metric.file: {self.file} cannot be read ({error}); give a word a line"
            ) from error
        return {line.strip().casefold() for line in lines} - {""}

    def said(self, rows: Sequence[Row], context: Context) -> list[tuple[set[str], set[str]]]:
        """Return the features of each row's reference, and those of its answer."""
        features = self.features(context)
        return [
            (mentioned(reference, features), mentioned(answer, features)) for reference, answer in texts(rows)
        ]


@dataclass(frozen=True, kw_only=True)
class FeatureMatch(OfFeatures):
    """`fmr`: of the rows whose reference mentions a feature, the share whose answer mentions one of those.
    `fcr`: of all features, the share that some answer mentions. Like `distinct-1` it is written as what each
    row adds, so that its interval is conditional on the order of rows; and it grows with their number.
    """

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        return ["fmr", "fcr"]

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return [rows, 3]: whether the reference has a feature, whether the answer has one of those, and
        rows times the share of all features that are new with this answer."""
        every = len(self.features(context)) or np.nan
        seen = set[str]()
        counted = np.zeros((len(rows), 3))
        for row, (wanted, given) in enumerate(self.said(rows, context)):
            counted[row] = bool(wanted), bool(wanted & given), len(rows) * len(given - seen) / every
            seen |= given
        return counted

    def values(self, means: Array) -> Array:
        wanted, matched, covered = np.moveaxis(means, -1, 0)
        match = np.divide(matched, wanted, out=np.full_like(matched, np.nan), where=wanted > 0)
        return np.stack([match, covered.clip(max=1.0)], axis=-1)  # a resample may count a new one twice

    @property
    def higher_is_better(self) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class FeatureDiversity(OfFeatures):
    """`div`: how many features two answers have in common, over all pairs; less is more diverse, and 0 also
    what a model reaches that mentions none."""

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        return ["div"]

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return [rows, 1 + features that are mentioned]: the number of rows, and which the answer has."""
        given = [given for _, given in self.said(rows, context)]
        columns = {name: 1 + place for place, name in enumerate(sorted(set().union(*given)))}
        counted = np.zeros((len(rows), 1 + len(columns)))
        counted[:, 0] = len(rows) if self.features(context) else np.nan
        for row, names in enumerate(given):
            counted[row, [columns[name] for name in names]] = 1.0
        return counted

    def values(self, means: Array) -> Array:
        """Map to the pairs with a feature in common, counted by feature, over all pairs."""
        rows, shares = means[..., :1], means[..., 1:]
        pairs = (shares * (rows * shares - 1.0)).clip(min=0.0).sum(axis=-1, keepdims=True)
        whole: Array = np.divide(pairs, rows - 1.0, out=np.full_like(pairs, np.nan), where=rows > 1)
        return whole

    @property
    def higher_is_better(self) -> bool:
        return False
