"""What a pair becomes, and that the loss is that of the target tokens and of nothing else."""

import pytest
import torch
from transformers import T5Config, T5ForConditionalGeneration

from llmrec.finetune.encoding import Collator, Encoded, encode, summed_loss
from llmrec.model.local.loading import load
from llmrec.model.local.session import LocalSession

from .conftest import PAIRS, pair

LENGTHS = [(7, 3), (4, 1), (9, 5)]


@pytest.fixture
def session(tiny, cache_dir, place):
    def opened(*overrides):
        model = tiny(*overrides)
        return LocalSession(load(model, model.checkpoint(cache_dir, place.progress)), model, 0)

    return opened


def made_up(vocabulary: int) -> list[Encoded]:
    chance = torch.Generator().manual_seed(0)
    draw = lambda n: torch.randint(2, vocabulary, (n,), generator=chance).tolist()  # noqa: E731
    return [Encoded(draw(prompt), draw(target)) for prompt, target in LENGTHS]


def by_hand(model, pairs: list[Encoded]) -> float:
    """Return minus the log-probabilities of the target tokens, pair by pair, a token at a time."""
    total = 0.0
    for prompt, target in pairs:
        for place, token in enumerate(target):
            ids = torch.tensor([prompt + target[:place]])
            total -= torch.log_softmax(model(input_ids=ids).logits[0, -1].double(), -1)[token].item()
    return total


def test_prompt_ids_are_those_of_asking_and_the_answer_ends(session):
    opened = session()
    [encoded] = encode([PAIRS[1]], opened.renderer, opened.loaded, 1000)
    asked = opened.renderer.encode([PAIRS[1].prompt.messages])[0]
    assert encoded.prompt == asked
    assert opened.loaded.tokenizer.decode(encoded.target) == "2<|end|>"
    assert encoded.target[-1] in opened.loaded.end_tokens


def test_a_plain_prompt_is_followed_by_a_space_and_the_answer(session):
    opened = session("model.template=plain")
    [encoded] = encode([pair("p", "How many?", "five stars")], opened.renderer, opened.loaded, 1000)
    assert opened.loaded.tokenizer.decode(encoded.prompt) == "How many?\nAnswer:"
    assert opened.loaded.tokenizer.decode(encoded.target) == " five stars<|end|>"


def test_pairs_that_are_too_long_are_left_out_whole(session):
    opened = session()
    every = encode(PAIRS, opened.renderer, opened.loaded, 1000)
    longest = max(row.length for row in every)
    kept = encode(PAIRS, opened.renderer, opened.loaded, longest - 1)
    assert kept == [row for row in every if row.length < longest]
    assert 0 < len(kept) < len(every)


@pytest.mark.parametrize("packing", [True, False])
@torch.inference_mode()
def test_the_loss_is_a_hand_computed_cross_entropy_of_the_target_tokens(session, packing):
    model = session().loaded.model
    pairs = made_up(200)
    collate = Collator(pad_token=1, encoder_decoder=False, start_token=None, packing=packing)
    batch = collate(pairs)
    assert batch["input_ids"].shape == ((1, 29) if packing else (3, 14))
    assert batch["shift_labels"].numel() == 9
    assert summed_loss(model, batch).item() == pytest.approx(by_hand(model, pairs), abs=1e-3)


@torch.inference_mode()
def test_tokens_of_the_prompt_bear_no_loss(session):
    model = session().loaded.model
    pairs = made_up(200)
    collate = Collator(pad_token=1, encoder_decoder=False, start_token=None, packing=False)
    whole = [Encoded(pair.prompt[:1], pair.prompt[1:] + pair.target) for pair in pairs]
    assert summed_loss(model, collate(whole)) > summed_loss(model, collate(pairs)) + 10


@torch.inference_mode()
def test_the_loss_of_an_encoder_decoder_is_that_of_its_target_tokens():
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=64, d_model=16, d_kv=4, d_ff=32, num_layers=2, num_heads=4, initializer_factor=3.0
    )
    model = T5ForConditionalGeneration(config).eval()
    pairs = made_up(64)
    collate = Collator(pad_token=0, encoder_decoder=True, start_token=0, packing=False)
    expected = 0.0
    for prompt, target in pairs:
        for place, token in enumerate(target):
            before = torch.tensor([[0, *target[:place]]])
            logits = model(input_ids=torch.tensor([prompt]), decoder_input_ids=before).logits[0, -1]
            expected -= torch.log_softmax(logits.double(), -1)[token].item()
    assert summed_loss(model, collate(pairs)).item() == pytest.approx(expected, abs=1e-3)
