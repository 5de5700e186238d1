"""Ask, parse, and ask again with the reason until the answer is valid or the budget is spent.

Nothing here has a reference: questions, prompts and completions go in, predictions come out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmrec.artifacts import RunDir
from llmrec.decoding.base import Decoding
from llmrec.errors import DataError
from llmrec.model.base import Session
from llmrec.parser.base import Reader
from llmrec.parser.unwrap import has_final_answer
from llmrec.progress import Progress
from llmrec.records import Completion, Message, Part, Prediction, Prompt, Reading, Request
from llmrec.stopping import finishing

Key = tuple[str, int]

NO_FINAL_ANSWER = "no_final_answer"
CUT_OFF = "cut_off"  # the text was ended by the token limit, and read as far as it went


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How requests get completed. `session` opens the model when there is something to ask; with None
    nothing is: stored completions are read again, and a refusal that was not answered then stands.
    `reasons` says that thoughts come first: without a marked final answer there is none.
    """

    session: Callable[[], Session] | None
    decoding: Decoding
    reader: Reader
    reasons: bool
    max_reasks: int
    progress: Progress

    def predict(
        self, requests: Sequence[Request], run_dir: RunDir
    ) -> tuple[list[Prediction], list[Completion]]:
        """Return a prediction a request, in order, and every completion. What `run_dir` already holds
        is not asked again; what comes back is stored as it comes."""
        stored = run_dir.completions()
        last: dict[str, tuple[Reading, int]] = {}
        pending, completions = list(requests), list[Completion]()
        for ask in range(self.max_reasks + 1):
            if ask and self.session is None:
                pending = [request for request in pending if (request.question.id, ask) in stored]
            done = self._complete(pending, ask, stored, run_dir)
            completions += done
            refused: list[Request] = []
            for request, completion in zip(pending, done, strict=True):
                reading = self.read(request, completion)
                last[request.question.id] = (reading, ask)
                if reading.failure is not None and completion.texts:
                    refused.append(self._again(request, completion, reading.failure))
            pending = refused
            if not pending:
                break
        predictions = [
            Prediction(id, reading.answer, reading.failure, reading.repairs, ask + 1)
            for id, (reading, ask) in last.items()
        ]
        return predictions, completions

    def _complete(
        self, requests: Sequence[Request], ask: int, stored: dict[Key, Completion], run_dir: RunDir
    ) -> list[Completion]:
        """Complete what is not stored, and store it as it comes."""
        known = {r.question.id for r in requests if (r.question.id, ask) in stored}
        missing = len(requests) - len(known)
        label = f"asking again ({ask})" if ask else "asking"
        if missing and self.session is None:
            raise DataError(
                f"{run_dir.path}: {missing:,} of {len(requests):,} rows were never asked; "
                f"give the run's own command again first"
            )
        if missing and self.session is not None:
            session = self.session()
            with self.progress.bar(label, len(requests), "rows") as advance, finishing() as between:
                advance(len(known))
                for new in session.stream(requests, self.decoding, known):
                    run_dir.append(new)
                    stored.update({(done.example_id, ask): done for done in new})
                    advance(len(new))
                    between()
        return [stored[request.question.id, ask] for request in requests]

    def read(self, request: Request, completion: Completion) -> Reading:
        """Return what a completion says, or why it says nothing."""
        if completion.answer is not None:
            return Reading(completion.answer, None, ())
        if not completion.texts:
            return Reading(None, completion.finish_reason, ())
        text = completion.texts[0]
        if self.reasons and not has_final_answer(text):
            return Reading(None, NO_FINAL_ANSWER, ())
        reading = self.reader.read_all(completion.texts, request.question)
        cut_off = (CUT_OFF,) if completion.finish_reason == "length" else ()
        return reading._replace(repairs=reading.repairs + cut_off)

    def _reason(self, failure: str) -> str:
        if failure == NO_FINAL_ANSWER:
            return 'You gave no final answer; write it now, in one line that starts with "Answer:".'
        return self.reader.reason(failure)

    def _again(self, request: Request, completion: Completion, failure: str) -> Request:
        """Return the request with the refused answer and the reason as further turns."""
        prompt = request.prompt
        turns = (
            Message("assistant", (Part(None, completion.texts[0]),)),
            Message("user", (Part(None, self._reason(failure)),)),
        )
        again = Prompt(
            example_id=prompt.example_id,
            ask=prompt.ask + 1,
            messages=(*prompt.messages, *turns),
            cut=prompt.cut,
            demonstrations=prompt.demonstrations,
        )
        return request._replace(prompt=again)
