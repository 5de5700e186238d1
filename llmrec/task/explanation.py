"""Why would the user give this item those stars?"""

from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import replace

from llmrec.errors import ConfigError, DataError
from llmrec.features import first_mention, shared_features
from llmrec.files import UNREADABLE
from llmrec.records import Answer, Interaction, Text
from llmrec.split.ledger import Ledger, Role, Scheme
from llmrec.task.base import Refer, Reveal, Task


class Sentence(msgspec.Struct, frozen=True):
    """A line of a file of reference sentences, as the Sentires toolkit's output is shared."""

    user: str
    item: str
    feature: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Explanation(Task):
    """One sentence of the user's own review.

    With `sentences`, a JSON-lines file of (user, item, feature, sentence), its sentence. Without it,
    the first sentence that mentions a feature: a head noun that at least `min_reviews` training
    reviews, and a `min_share` of them, use. `answer_words` is the length that the format asks for.
    """

    scheme = Scheme.ANY
    answer = Text
    needs = ("review",)

    answer_words: int
    sentences: str | None
    min_reviews: int
    min_share: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.min_share <= 1:
            raise ConfigError(f"min_share: {self.min_share} is no share; give one from 0 to 1")

    def notes(self) -> list[str]:
        rule = f"the file {Path(self.sentences).name}" if self.sentences else "the rule of shared head nouns"
        return [f"explanation references come from {rule}"]

    def references(self, ledger: Ledger) -> Refer:
        if self.sentences:
            return from_file(Path(self.sentences))
        training = (ledger.corpus.interactions[row].review for row in ledger.rows(self.scheme, Role.TRAIN))
        features = shared_features(training, self.min_reviews, self.min_share)

        def mention(target: Interaction) -> Answer | None:
            sentence = first_mention(target.review, features)
            return Text(sentence) if sentence else None

        return mention

    def reveals(self, ledger: Ledger, seed: int) -> Reveal:
        return lambda bare, target: replace(bare, item=target.item, rating=target.rating)


def from_file(path: Path) -> Refer:
    """Return the references that a file of `Sentence` lines gives; the first line of a pair counts."""
    given: dict[tuple[str, str], str] = {}
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(f"task.sentences: {path} cannot be read ({error.strerror}); give a file") from error
    for number, line in enumerate(lines, 1):
        try:
            row = msgspec.json.decode(line, type=Sentence)
        except UNREADABLE as error:
            raise DataError(f"{path}:{number}: {error}; lines are user, item, feature, sentence") from error
        given.setdefault((row.user, row.item), row.sentence)

    def look_up(target: Interaction) -> Answer | None:
        sentence = given.get((target.user, target.item))
        return Text(sentence) if sentence else None

    return look_up
