"""Training reviews by their words, and which of them is nearest to a question."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llmrec.errors import BackendError
from llmrec.model.recommender.index import Numbers
from llmrec.records import Answer, Interaction, Item, Question, Text
from llmrec.seeded import hash64

# Similarities held at a time: 80 MB.
CELLS = 10_000_000


class Reviews:
    """TF-IDF vectors of training reviews, each of length 1, and the text that belongs to each."""

    def __init__(
        self,
        rows: Sequence[tuple[Interaction, Text]],
        items: Mapping[str, Item],
        max_ngram: int,
        min_reviews: int,
    ) -> None:
        # The first of equals is found, so the order decides: by hash, for the file's may tell of time.
        ordered = sorted(rows, key=lambda pair: hash64("nearest review", pair[0].user, pair[0].item))
        self._texts = [text for _, text in ordered]
        self._items = items
        self._groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for number, (row, _) in enumerate(ordered):
            self._groups[row.item, row.rating].append(number)
            self._groups[(row.rating,)].append(number)
        self._words = words(max_ngram, min_reviews)
        try:
            self._vectors = self._words.fit_transform([row.review for row, _ in ordered])
        except ValueError as error:
            raise BackendError(
                f"model.min_reviews: {min_reviews} of the {len(ordered):,} training reviews must have a word "
                f"in common and none is ({error}); lower it, or take more data"
            ) from error

    def answers(self, questions: Sequence[Question]) -> list[Answer]:
        """Return each question's text; questions of a batch all show a review, or none does."""
        if all(question.review is not None for question in questions):
            found = self._of_all(questions)
        else:
            found = [self._of_group(question) for question in questions]
        return [self._texts[number] for number in found]

    def _of_all(self, questions: Sequence[Question]) -> list[int]:
        asked = self._words.transform([question.review for question in questions])
        step = max(CELLS // len(self._texts), 1)
        found: list[int] = []
        for start in range(0, len(questions), step):
            near = (asked[start : start + step] @ self._vectors.T).toarray()
            found += near.argmax(axis=1).tolist()
        return found

    def _of_group(self, question: Question) -> int:
        near = (
            self._groups.get((question.item, question.rating))
            or self._groups.get((question.rating,))
            or range(len(self._texts))
        )
        numbers: Numbers = np.fromiter(near, dtype=np.int64)
        asked = self._words.transform([self._known(question)])
        return int(numbers[(self._vectors[numbers] @ asked.T).toarray()[:, 0].argmax()])

    def _known(self, question: Question) -> str:
        item = self._items.get(question.item or "")
        shown = [item.title, item.brand, *item.categories] if item else []
        return "\n".join([*shown, *(event.summary for event in question.history)])


def words(max_ngram: int, min_reviews: int) -> Any:
    """Return what turns texts into TF-IDF vectors. One letter is a word too, so that no review of a few
    words is left without any; a word counts by its logarithm, for reviews differ much in length."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        ngram_range=(1, max_ngram), min_df=min_reviews, sublinear_tf=True, token_pattern=r"(?u)\b\w+\b"
    )
