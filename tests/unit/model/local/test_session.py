from typing import Any

import pytest
import torch

from llmrec.decoding.beam import Beam
from llmrec.decoding.greedy import Greedy
from llmrec.decoding.sample import Sample
from llmrec.errors import BackendError
from llmrec.model.local.loading import load
from llmrec.model.local.session import LocalSession
from llmrec.model.local.settings import Cache
from llmrec.progress import Silent

GREEDY = Greedy(name="greedy", max_new_tokens=8, lines=None)
BEAM = Beam(
    name="beam", max_new_tokens=8, lines=None, num_beams=3, num_return_sequences=2, length_penalty=0.0
)
SAMPLING = Sample(name="sample", lines=None, max_new_tokens=8, temperature=1.0, top_p=0.9, top_k=0)

# Unlike in length, so that a batch of them is padded.
TEXTS = [
    "red",
    "a much longer prompt than that",
    "green and blue",
    "x",
    "one two three four",
    "?!",
    "seven",
    "8",
]


@pytest.fixture
def requests(ask):
    return [ask(f"q{number}", text) for number, text in enumerate(TEXTS)]


@pytest.fixture
def session_with(tiny, cache_dir):
    """Return a session over the tiny model whose `generate` is given."""

    def build(generate: Any, **changes: Any) -> LocalSession:
        settings = tiny(**changes)
        return LocalSession(load(settings, settings.checkpoint(cache_dir, Silent())), settings, 0, generate)

    return build


def answers(session, requests, decoding) -> dict[str, Any]:
    """Complete everything; return the completions by example."""
    done = [row for batch in session.batches(requests, decoding) for row in session.complete(batch, decoding)]
    return {row.example_id: row for row in done}


def test_greedy_text_is_the_same_one_by_one_and_in_a_padded_batch(tiny, open_session, requests):
    together = answers(open_session(tiny()), requests, GREEDY)
    alone = answers(open_session(tiny(max_batch=1)), requests, GREEDY)
    assert together == alone
    assert len({row.texts for row in alone.values()}) > 4


def test_greedy_text_is_that_of_the_plain_model_without_padding(tiny, open_session, session_with, ask):
    session = open_session(tiny())
    loaded = session.loaded
    prompt = loaded.tokenizer(
        "<|start|>user\nred<|end|>\n<|start|>assistant\n", return_tensors="pt"
    ).input_ids
    ids = prompt
    for _ in range(GREEDY.max_new_tokens):
        with torch.inference_mode():
            following = loaded.model(ids).logits[0, -1].argmax()
        ids = torch.cat([ids, following.view(1, 1)], dim=1)
    expected = loaded.tokenizer.decode(ids[0, prompt.shape[1] :], skip_special_tokens=True)
    row = answers(session, [ask("other", "a longer one beside it"), ask("q", "red")], GREEDY)["q"]
    assert (row.texts, row.prompt_tokens) == ((expected,), prompt.shape[1])


def test_batches_hold_every_request_once_longest_first_within_the_budget(tiny, open_session, requests):
    session = open_session(tiny(batch_tokens=150))
    batches = session.batches(requests, GREEDY)
    # "<|start|>user\n" + text + "<|end|>\n<|start|>assistant\n": 19 tokens beside the text's bytes.
    lengths = [[19 + len(TEXTS[int(row.question.id[1:])]) for row in batch] for batch in batches]
    shown = [length for batch in lengths for length in batch]
    assert shown == sorted((19 + len(text) for text in TEXTS), reverse=True)
    assert all(len(batch) * (batch[0] + 8) <= 150 for batch in lengths)
    assert [len(batch) for batch in lengths] == [2, 3, 3]


def test_batches_do_not_depend_on_the_order_of_requests_nor_on_what_was_completed(
    tiny, open_session, requests
):
    session = open_session(tiny(max_batch=3))
    first = session.batches(requests, GREEDY)
    session.complete(first[0], GREEDY)
    assert session.batches(requests[::-1], GREEDY) == first
    assert open_session(tiny(max_batch=3)).batches(requests, GREEDY) == first


def test_beams_count_in_the_token_budget(tiny, open_session, requests):
    session = open_session(tiny(batch_tokens=160))
    assert max(len(batch) for batch in session.batches(requests, GREEDY)) > 1
    assert max(len(batch) for batch in session.batches(requests, BEAM)) == 1


def test_a_prompt_that_does_not_fit_is_too_long_and_the_others_are_answered(tiny, open_session, ask):
    session = open_session(tiny(max_length=19 + 4 + 8))
    fits, long = ask("fits", "1234"), ask("long", "12345")
    done = answers(session, [fits, long], GREEDY)
    assert (done["long"].finish_reason, done["long"].texts, done["long"].prompt_tokens) == (
        "too_long",
        (),
        24,
    )
    assert done["fits"].finish_reason == "length"
    assert done["fits"].completion_tokens == 8


def test_a_batch_out_of_memory_is_halved_until_it_fits(session_with, requests):
    model = session_with(None).loaded.model
    sizes = []

    def small_memory(**arguments: Any) -> torch.Tensor:
        sizes.append(len(arguments["input_ids"]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return model.generate(**arguments)

    session = session_with(small_memory)
    assert answers(session, requests, GREEDY) == answers(session_with(None), requests, GREEDY)
    assert sizes == [8, 4, 2, 2, 4, 2, 2]
    assert session.environment["oom_splits"] == "3"


def test_a_single_prompt_out_of_memory_is_one_line(session_with, ask):
    def no_memory(**arguments: Any) -> torch.Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")

    with pytest.raises(
        BackendError, match=r"^model: 22 prompt tokens and their answer exceed the memory of cpu"
    ):
        answers(session_with(no_memory), [ask("q", "red")], GREEDY)


def test_other_failures_of_the_model_are_not_taken_for_memory(session_with, requests):
    def broken(**arguments: Any) -> torch.Tensor:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        answers(session_with(broken), requests, GREEDY)


def test_text_ends_before_the_first_end_token_and_the_reason_is_told(session_with, ask):
    tokenizer = session_with(None).loaded.tokenizer
    written = tokenizer("ab<|end|>zz")["input_ids"], tokenizer("abcde")["input_ids"]

    def scripted(*, input_ids: torch.Tensor, **_: Any) -> torch.Tensor:
        return torch.cat([input_ids, torch.tensor(written)], dim=1)

    done = answers(session_with(scripted), [ask("p", "1"), ask("q", "2")], GREEDY)
    assert [(row.texts, row.finish_reason, row.completion_tokens) for row in done.values()] == [
        (("ab",), "stop", 3),
        (("abcde",), "length", 5),
    ]


def test_sampling_is_the_same_for_the_same_batch_and_seed(tiny, open_session, requests):
    once = open_session(tiny(max_batch=4), seed=3)
    batches = once.batches(requests, SAMPLING)
    first = [once.complete(batch, SAMPLING) for batch in batches]
    again = open_session(tiny(max_batch=4), seed=3)
    assert again.complete(batches[1], SAMPLING) == first[1]
    other = open_session(tiny(max_batch=4), seed=4)
    assert other.complete(batches[1], SAMPLING) != first[1]


def test_beams_come_best_first(tiny, open_session, ask):
    session = open_session(tiny())
    [row] = answers(session, [ask("q", "red")], BEAM).values()
    loaded = session.loaded
    prompt = session.renderer.encode([ask("q", "red").prompt.messages])[0]
    [sequences] = [
        loaded.model.generate(
            input_ids=torch.tensor([prompt]),
            max_new_tokens=8,
            num_beams=3,
            num_return_sequences=2,
            length_penalty=0.0,
        )
    ]
    scores = []
    for sequence in sequences:
        logits = loaded.model(sequence[None]).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        scores.append(logits.gather(1, sequence[len(prompt) :, None]).sum().item())
    assert scores[0] > scores[1]
    assert row.texts == tuple(
        loaded.tokenizer.batch_decode(sequences[:, len(prompt) :], skip_special_tokens=True)
    )


@pytest.mark.parametrize("decoding", [GREEDY, BEAM], ids=["greedy", "beam"])
def test_a_static_cache_gives_the_same_text(tiny, open_session, requests, decoding):
    static = open_session(tiny(cache=Cache.static))
    assert answers(static, requests, decoding) == answers(open_session(tiny()), requests, decoding)
    assert static.environment["cache"] == "static"


def test_a_lone_surrogate_and_an_empty_prompt_are_answered(tiny, open_session, ask):
    done = answers(open_session(tiny()), [ask("odd", "\ud800 \u200f"), ask("empty", "")], GREEDY)
    assert {row.finish_reason for row in done.values()} <= {"stop", "length"}


def test_the_environment_names_what_scores_may_depend_on(tiny, open_session):
    environment = open_session(tiny()).environment
    assert environment["engine"].startswith("transformers ")
    assert environment["weights"].startswith("random_tiny-llama-")
    named = {
        key: environment[key] for key in ("device", "dtype", "batch", "template", "context", "attention")
    }
    assert named == {
        "device": "cpu",
        "dtype": "float32",
        "batch": "batch_tokens=16384, max_batch=64",
        "template": "chat",
        "context": "32768",
        "attention": "sdpa",
    }


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("cache", list(Cache))
def test_cuda_answers_in_half_precision_with_either_cache(tiny, open_session, requests, cache):
    from llmrec.model.local.settings import Dtype

    session = open_session(tiny(device="cuda", dtype=Dtype.auto, cache=cache))
    assert session.environment["device"] == "cuda"
    assert session.environment["dtype"] in ("bfloat16", "float16")
    done = answers(session, requests, GREEDY)
    assert all(row.completion_tokens > 0 for row in done.values())
