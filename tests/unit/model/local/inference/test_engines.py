"""Both engines against the model itself: whole forward passes, one text at a time."""

from itertools import pairwise

import pytest
import torch

from llmrec.decoding.catalogue import Catalogue
from llmrec.decoding.greedy import Greedy
from llmrec.decoding.likelihood import Candidates, Normalise
from llmrec.decoding.sample import Sample
from llmrec.model.local.inference.likelihood import Asked, log_likelihoods
from llmrec.model.local.inference.prefix import PrefixCache
from llmrec.model.local.settings import Cache
from llmrec.records import Choices

from ...conftest import request_for

GREEDY = Greedy(name="greedy", max_new_tokens=12, lines=None)
SUMMED = Candidates(name="candidates", normalise=Normalise.none, end=False, size=20)
ENDED = Candidates(name="candidates", normalise=Normalise.none, end=True, size=20)
STEM = "The user bought soap, then a brush and two kinds of shampoo. "
PROMPTS = ["What next?", "What else, if anything at all?", "?", STEM + "Why?", STEM + "Why not?", STEM * 9]
# Two that share more with each other than with all, one of them with a family in it, and one that does not.
FAMILIES = [
    *(STEM * 3 + word for word in ("one", "two", "three")),
    *(STEM * 2 + "Now: " + "what goes with it? " * 5 + word for word in ("a", "b", "c")),
    *("Not the same. " * 12 + word for word in ("Why?", "Why not?", "Then?")),
    "What next?",
]
TITLES = (
    "soap", "soap bar", "soap bar with lavender oil", "brush", "brush", "comb, large", "a", "",
    "a very long name of a thing " * 8,
)  # fmt: skip
# Grouped queries, biases, learned positions, positions by distance, windows, an encoder, no keys at all.
READ_AS_TREES = {
    "llama": {"num_key_value_heads": 4},
    "qwen3": {},
    "glm": {},
    "gpt2": {},
    "phi": {},
    "olmo2": {},
}
READ_PLAINLY = {
    "mistral": {"sliding_window": 8},
    "gemma3_text": {"sliding_window": 8},
    "gemma2": {"sliding_window": 8},
    "bloom": {},
    "mamba": {},
    "t5": {},
}
ALL = READ_AS_TREES | READ_PLAINLY
# Sums over many tokens are as exact as float32 is; logits of an untrained T5 are in the hundreds.
CLOSE = {"abs": 1e-4, "rel": 1e-4}


@pytest.fixture
def session(tiny, open_session):
    def build(architecture, **changes):
        return open_session(
            tiny(name=architecture, architecture=architecture, shape=ALL[architecture], **changes)
        )

    return build


def requests(choices=TITLES, prompts=PROMPTS):
    bound = Choices(tuple(f"i{number}" for number in range(len(choices))), tuple(choices))
    return [request_for(f"q{n}", text)._replace(choices=bound) for n, text in enumerate(prompts)]


class Counted:
    """A function that counts its calls."""

    def __init__(self, does):
        self.does, self.calls = does, 0

    def __call__(self, *given):
        self.calls += 1
        return self.does(*given)


def answered(session, asked, decoding):
    done = [row for batch in session.batches(asked, decoding) for row in session.complete(batch, decoding)]
    return {row.example_id: row for row in done}


@torch.inference_mode()
def log_likelihood(loaded, prompt, text):
    """Score one text by one whole forward pass."""
    if loaded.encoder_decoder:
        start = loaded.model.generation_config.decoder_start_token_id
        given = {
            "input_ids": torch.tensor([prompt]),
            "decoder_input_ids": torch.tensor([[start, *text[:-1]]]),
        }
        logits = loaded.model(**given).logits[0]
    else:
        logits = loaded.model(torch.tensor([prompt + text])).logits[0, -len(text) - 1 : -1]
    return float(logits.float().log_softmax(1)[torch.arange(len(text)), torch.tensor(text)].double().sum())


def expected(session, request, ended=False):
    """Return the score of each choice that can be written, by its name."""
    [prompt] = session.renderer.encode([request.prompt.messages])
    end = [session.loaded.end_token] if ended else []
    texts = [ids + end for ids in session.renderer.encode_answers(request.choices.texts)]
    named = zip(request.choices.names, texts, strict=True)
    return {name: log_likelihood(session.loaded, prompt, text) for name, text in named if text}


@pytest.mark.parametrize("architecture", ALL)
def test_models_that_can_be_read_as_trees_are_and_the_others_are_not(session, architecture):
    opened = session(architecture)
    answered(opened, requests(prompts=PROMPTS[:1]), GREEDY)
    assert opened.environment["inference"] == ("trees" if architecture in READ_AS_TREES else "plain")


def test_models_are_read_plainly_where_that_is_asked_for_and_with_a_fixed_cache(tiny, open_session):
    for changes in ({"share_prefixes": False}, {"cache": Cache.static}):
        opened = open_session(tiny(**changes))
        answered(opened, requests(prompts=PROMPTS[:1]), GREEDY)
        assert opened.environment["inference"] == "plain"


@pytest.mark.parametrize("architecture", READ_AS_TREES)
def test_greedy_text_is_that_of_transformers(session, architecture):
    shared, plain = session(architecture), session(architecture, share_prefixes=False)
    got, wanted = answered(shared, requests(), GREEDY), answered(plain, requests(), GREEDY)
    assert got == wanted
    assert (shared.environment["inference"], plain.environment["inference"]) == ("trees", "plain")
    assert len({row.texts for row in got.values()}) > 2


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("architecture", ALL)
def test_candidates_are_scored_as_one_by_one(session, architecture, ended):
    opened, asked = session(architecture), requests()
    done = answered(opened, asked, ENDED if ended else SUMMED)
    for request in asked:
        ranking = done[request.prompt.example_id].answer
        wanted = expected(opened, request, ended)
        if ended:  # then the empty title is the end alone
            assert set(ranking.items) == set(wanted) | {"i7"}
        else:
            assert set(ranking.items) == set(wanted), "an empty text cannot be written"
        for name, score in zip(ranking.items, ranking.scores, strict=True):
            if name in wanted:
                assert score == pytest.approx(wanted[name], **CLOSE)
        assert all(left >= right for left, right in pairwise(ranking.scores))


def test_equal_titles_are_tied_to_the_last_bit(session):
    [request, *_] = requests()
    ranking = answered(session("llama"), [request], SUMMED)["q0"].answer
    scores = dict(zip(ranking.items, ranking.scores, strict=True))
    assert scores["i3"] == scores["i4"]


@pytest.mark.parametrize("architecture", READ_AS_TREES)
@pytest.mark.parametrize("prompts", [PROMPTS, FAMILIES])
def test_several_prompts_in_a_pass_score_alike_in_fewer_passes(session, architecture, prompts, monkeypatch):
    passes, found = [], []
    for busy in (0, 8000, 10**6):
        opened = session(architecture)
        body = opened._ready[0]._body
        body.width, body.busy = 64, busy
        with monkeypatch.context() as watched:
            count = Counted(body.read)
            watched.setattr(body, "read", count)
            found.append(answered(opened, requests(TITLES, prompts), ENDED))
        passes.append(count.calls)
    for rows in found[1:]:
        for name, row in found[0].items():
            assert rows[name].answer.items == row.answer.items
            assert rows[name].answer.scores == pytest.approx(row.answer.scores, **CLOSE)
    assert passes[0] > passes[1] > passes[2]


def test_a_prompt_of_one_token_is_read_among_others(session):
    body = session("llama")._ready[0]._body
    body.width = 64  # fewer nodes than any of these has
    asked = [Asked(prompt, [[7] * 50, [9, 8] * 30]) for prompt in ([5], [5, 6, 7], [4, 5])]
    alone = log_likelihoods(asked, body, PrefixCache(body))
    body.busy = 10**6
    for rows, wanted in zip(log_likelihoods(asked, body, PrefixCache(body)), alone, strict=True):
        assert rows == pytest.approx(wanted, **CLOSE)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "mistral", "t5"])
def test_the_search_finds_what_scoring_every_title_finds(session, architecture):
    asked = requests(TITLES[:6])
    opened = session(architecture)
    done = answered(opened, asked, Catalogue(name="catalogue", num_beams=6))
    for request in asked:
        ranking = done[request.prompt.example_id].answer
        wanted = expected(opened, request, ended=True)
        # With as many beams as titles nothing is lost on the way.
        assert dict(zip(ranking.items, ranking.scores, strict=True)) == pytest.approx(wanted, **CLOSE)
        assert all(left >= right for left, right in pairwise(ranking.scores))


@pytest.mark.parametrize("beams", [2, 3, 4])
def test_the_search_is_that_of_transformers_with_allowed_tokens(session, beams):
    words = ["red", "green", "blue", "dark", "light"]
    titles = tuple(f"{a} {b} {c}" for a in words for b in words for c in ("soap", "soap 2", "oil"))
    asked, decoding = requests(titles), Catalogue(name="catalogue", num_beams=beams)
    got = answered(session("llama"), asked, decoding)
    wanted = answered(session("llama", share_prefixes=False), asked, decoding)
    for name, row in got.items():
        assert row.answer.items == wanted[name].answer.items
        assert row.answer.scores == pytest.approx(wanted[name].answer.scores, **CLOSE)


def test_the_search_leaves_out_what_the_user_has(session):
    bound = requests(("soap", "soap bar", "brush", "brush"))[0].choices
    asked = [request_for("q", "What next?", history=("i1", "i2"))._replace(choices=bound)]
    for architecture in ("llama", "t5"):
        ranking = answered(session(architecture), asked, Catalogue(name="catalogue", num_beams=4))["q"].answer
        assert set(ranking.items) == {"i0", "i3"}


@pytest.mark.parametrize("architecture", ["llama", "t5"])
def test_a_user_who_has_everything_gets_an_empty_ranking(session, architecture):
    bound = requests(("soap", "brush"))[0].choices
    has_all = request_for("all", "What next?", history=("i0", "i1"))._replace(choices=bound)
    has_one = request_for("one", "What next?", history=("i0",))._replace(choices=bound)
    done = answered(session(architecture), [has_all, has_one], Catalogue(name="catalogue", num_beams=2))
    assert done["all"].answer.items == ()
    assert done["one"].answer.items == ("i1",)


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
@pytest.mark.parametrize("prompts", [PROMPTS, FAMILIES])
@pytest.mark.parametrize("decoding", [GREEDY, SUMMED, Catalogue(name="catalogue", num_beams=3)])
def test_neither_batch_size_nor_order_of_rows_changes_a_result(session, decoding, prompts, architecture):
    asked = requests(TITLES[:6], prompts)
    alone = answered(session(architecture, max_batch=1), asked, decoding)
    together = answered(session(architecture), asked[::-1], decoding)
    for name, row in alone.items():
        assert row.texts == together[name].texts
        if row.answer is not None:
            assert row.answer.items == together[name].answer.items
            assert row.answer.scores == pytest.approx(together[name].answer.scores, **CLOSE)


def test_drawn_texts_do_not_depend_on_what_stands_beside_them(session):
    drawn = Sample(name="sample", max_new_tokens=12, lines=None, temperature=1.0, top_p=0.9, top_k=40)
    alone = answered(session("llama", max_batch=1), requests(), drawn)
    assert answered(session("llama"), requests()[::-1], drawn) == alone
    assert len({row.texts for row in alone.values()}) == len(PROMPTS)


def test_a_title_longer_than_the_context_makes_its_row_too_long_and_no_other(tiny, open_session):
    opened = open_session(tiny(max_length=60))
    short, long = requests(("soap",), PROMPTS[:1])[0], requests(("soap" * 20,), PROMPTS[:2])[1]
    done = answered(opened, [short, long], SUMMED)
    assert done["q0"].answer is not None
    assert (done["q1"].answer, done["q1"].finish_reason) == (None, "too_long")


def test_what_prompts_share_is_read_once(session):
    opened = session("llama", max_batch=2)
    asked = [request_for(f"q{n}", STEM * 4 + str(n)) for n in range(6)]
    for number, batch in enumerate(opened.batches(asked, GREEDY)):
        opened.complete(batch, GREEDY)
        prefix = opened._ready[0]._prefix
        if not number:
            first = prefix.tokens_read
            assert first > len(STEM) * 4
    assert number == 2
    assert prefix.tokens_read == first, "a further batch of that beginning reads it again"


def test_families_are_read_behind_what_they_share(session):
    opened = session("llama")
    [batch] = opened.batches(requests(prompts=FAMILIES), GREEDY)
    opened.complete(batch, GREEDY)
    shared = len(STEM) * 3 + len("Now: " + "what goes with it? " * 5) + len("Not the same. " * 12)
    assert shared <= opened._ready[0]._prefix.tokens_read <= shared + 40


@pytest.mark.parametrize("decoding", [SUMMED, Catalogue(name="catalogue", num_beams=6)])
def test_what_was_answered_before_shows_in_no_bit_of_an_answer(session, decoding):
    asked = requests(TITLES, [STEM * (30 - 2 * n) + "Why?" for n in range(12)])
    found = []
    for skipped in (0, 1, 2):
        opened = session("llama", max_batch=4)
        batches = opened.batches(asked, decoding)
        found.append([opened.complete(batch, decoding) for batch in batches[skipped:]][-1])
    assert found[1] == found[0]
    assert found[2] == found[0]
