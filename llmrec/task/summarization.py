"""Which few words sum up this review?"""

from dataclasses import dataclass

from msgspec.structs import replace

from llmrec.records import Answer, Interaction, Text
from llmrec.split.ledger import Ledger, Scheme
from llmrec.task.base import Refer, Reveal, Task


@dataclass(frozen=True, kw_only=True)
class Summarization(Task):
    """The review's own summary, from its text and the user's earlier summaries. `answer_words` is the length
    that the format asks for."""

    scheme = Scheme.ANY
    answer = Text
    needs = ("review", "summary")

    answer_words: int

    def references(self, ledger: Ledger) -> Refer:
        return own_summary

    def reveals(self, ledger: Ledger, seed: int) -> Reveal:
        return lambda bare, target: replace(bare, review=target.review)


def own_summary(target: Interaction) -> Answer | None:
    """Return the summary as the reference, or None where it or the review is empty."""
    return Text(target.summary) if target.review and target.summary else None
