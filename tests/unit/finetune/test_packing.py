"""Packed pairs learn what pairs by themselves do, in every kind of decoder, or are not packed."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoConfig, AutoModelForCausalLM

from llmrec.errors import BackendError
from llmrec.finetune.encoding import Collator, Encoded, summed_loss
from llmrec.finetune.packing import BY_PAIR, made_packable
from llmrec.finetune.training import adapted, packs
from llmrec.model.local.architecture import SPREADS, shrunk
from llmrec.model.local.loading import load_to_learn

from .conftest import adapters, lessons_of, pair

PAD = 1
# Some longer than the window of 16 tokens that tiny models with one have.
LENGTHS = [(27, 3), (4, 1), (19, 5), (33, 2)]
PACKABLE = ["llama", "qwen2", "qwen3", "mistral", "gemma", "gemma2", "gemma3_text", "glm", "phi3", "gpt_neox"]
# Logits that are scaled behind the head, and absolute positions.
PACKABLE += ["cohere", "granite", "gpt2", "opt"]
# Attention of their own, and a state along the row.
OTHERS = ["bloom", "mamba", "recurrent_gemma"]
PROMPT_LEARNERS = {
    "PREFIX_TUNING": {"num_virtual_tokens": 3, "init_weights": None},
    "P_TUNING": {"num_virtual_tokens": 3},
    "PROMPT_TUNING": {"num_virtual_tokens": 3},
}


@pytest.fixture
def loaded(tiny, cache_dir, place):
    model = tiny()
    return load_to_learn(model, model.checkpoint(cache_dir, place.progress), None, whole=True)


@pytest.fixture
def of_kind(loaded):
    def made(kind: str, attention: str | None = None):
        torch.manual_seed(0)
        config = shrunk(AutoConfig.for_model(kind), loaded.tokenizer, SPREADS)
        model = AutoModelForCausalLM.from_config(config, attn_implementation=attention)
        return replace(loaded, model=model.eval())

    return made


def pairs(vocabulary: int) -> list[Encoded]:
    chance = torch.Generator().manual_seed(0)
    draw = lambda n: torch.randint(2, vocabulary, (n,), generator=chance).tolist()  # noqa: E731
    return [Encoded(draw(prompt), draw(target)) for prompt, target in LENGTHS]


def collated(packing: bool, model) -> dict:
    collate = Collator(pad_token=PAD, encoder_decoder=False, start_token=None, packing=packing)
    return collate(pairs(model.config.vocab_size))


def plain_loss(model) -> torch.Tensor:
    """The loss of each pair by itself, from all its logits, in transformers' own way of labels."""
    losses = []
    for prompt, target in pairs(model.config.vocab_size):
        logits = model(input_ids=torch.tensor([prompt + target])).logits[0, -len(target) - 1 : -1]
        losses.append(cross_entropy(logits.float(), torch.tensor(target), reduction="sum"))
    return torch.stack(losses).sum()


def gradients(model, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def assert_learns_the_same(model, packing: bool) -> None:
    expected, found = plain_loss(model), summed_loss(model, collated(packing, model))
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    ours, theirs = gradients(model, found), gradients(model, expected)
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        scale = max(1e-3, gradient.abs().max().item())
        assert torch.allclose(ours[name], gradient, atol=2e-3 * scale), name


@pytest.mark.parametrize("kind", PACKABLE)
def test_packed_pairs_have_the_loss_and_gradients_of_each_by_itself(of_kind, kind):
    made = of_kind(kind)
    assert made_packable(made)
    assert_learns_the_same(made.model, packing=True)


@pytest.mark.parametrize("kind", [*PACKABLE, *OTHERS[:2]])
def test_padded_pairs_have_the_loss_and_gradients_of_each_by_itself(of_kind, kind):
    assert_learns_the_same(of_kind(kind).model, packing=False)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_packed_pairs_keep_apart_in_every_attention(of_kind, attention):
    made = of_kind("mistral", attention)
    assert made_packable(made)
    assert (made.model.config._attn_implementation == BY_PAIR) == (attention == "sdpa")
    assert_learns_the_same(made.model, packing=True)


@pytest.mark.parametrize("kind", OTHERS)
def test_where_pairs_would_mix_they_are_padded_or_refused(of_kind, method, kind):
    made = of_kind(kind)
    assert not packs(made, method("full"))
    with pytest.raises(BackendError, match=r"^finetune\.packing: .* set finetune\.packing=null$"):
        packs(made, method("full", "finetune.packing=true"))


@pytest.mark.parametrize("kind", PROMPT_LEARNERS)
def test_what_is_put_before_a_pair_moves_none_of_its_targets(of_kind, method, kind):
    torch.manual_seed(0)
    learner = replace(method("lora"), peft={"peft_type": kind, **PROMPT_LEARNERS[kind]})
    made = adapted(of_kind("llama"), learner)
    assert not packs(made, learner)
    assert_learns_the_same(made.model.eval(), packing=False)


def test_an_adapter_learns_the_same_packed(of_kind, method):
    made = adapted(of_kind("glm"), method("lora", "+finetune.peft.init_lora_weights=false"))
    assert packs(made, method("lora"))
    assert_learns_the_same(made.model.eval(), packing=True)


def test_logits_are_computed_at_the_targets_alone(of_kind):
    made, seen = of_kind("llama"), []
    made.model.lm_head.register_forward_hook(lambda _, given, logits: seen.append(logits.shape[:2]))
    for packing in (True, False):
        summed_loss(made.model, collated(packing, made.model))
    assert seen == [(1, 11), (1, 11)]


UNEVEN = [
    pair(f"p{n}", f"What for {n}?" + " Really?" * (n % 5), "five stars " * (n % 4) + "1") for n in range(16)
]


def test_a_training_ends_alike_however_its_steps_are_cut_packed_and_padded(tiny, method, place):
    """Targets of 1 to 34 letters: a mean of the micro batches' means would differ with their cut."""
    curves = []
    for choices in (["true", "4"], ["true", "1"], ["false", "2"]):
        cut = [
            f"finetune.{name}={value}"
            for name, value in zip(("packing", "micro_batch"), choices, strict=True)
        ]
        made = method("lora", "finetune.learning_rate=1e-3", *cut)
        _, tuning = made.open(tiny(), lambda: lessons_of(UNEVEN), place)
        curves.append([loss for point in tuning.loss_curve for loss in (point.training, point.validation)])
    assert len(adapters(place)) == 3
    for whole, *others in zip(*curves, strict=True):
        for other in others:
            assert (whole is None) == (other is None)
            assert whole is None or other == pytest.approx(whole, rel=1e-3)
