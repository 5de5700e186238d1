"""Models with an adapter: as trees where it changes weights, plainly where it puts tokens before a prompt."""

from dataclasses import replace

import peft
import pytest
import torch

from llmrec.model.local.adapter import with_adapter
from llmrec.model.local.loading import load
from llmrec.model.local.session import LocalSession
from llmrec.progress import Silent

from .test_engines import CLOSE, GREEDY, SUMMED, answered, expected, requests

LORA = {"peft_type": "LORA", "r": 4, "target_modules": ["q_proj", "v_proj"], "init_lora_weights": False}
PREFIX = {"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 5}
PROMPT = {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 5}


@pytest.fixture
def adapted(tiny, cache_dir):
    """Return a session over the tiny model with a random adapter, by peft's settings."""

    def build(settings, **changes):
        model = tiny(**changes)
        loaded = load(model, model.checkpoint(cache_dir, Silent()))
        torch.manual_seed(0)
        # A copy, for peft changes the layers of the model that all tests share.
        bare = type(loaded.model)(loaded.model.config)
        bare.load_state_dict(loaded.model.state_dict())
        bare.generation_config = loaded.model.generation_config
        config = peft.get_peft_config({"task_type": "CAUSAL_LM", **settings})
        own = replace(loaded, model=bare)
        return LocalSession(with_adapter(own, peft.get_peft_model(bare, config).eval()), model, 0)

    return build


@pytest.mark.parametrize(("settings", "engine"), [(LORA, "trees"), (PREFIX, "plain"), (PROMPT, "plain")])
def test_candidates_are_scored_with_the_adapter_as_one_by_one(adapted, settings, engine):
    session, asked = adapted(settings), requests()
    done = answered(session, asked, SUMMED)
    assert session.environment["inference"] == engine
    for request in asked:
        ranking = done[request.prompt.example_id].answer
        found = dict(zip(ranking.items, ranking.scores, strict=True))
        assert found == pytest.approx(expected(session, request), **CLOSE)


def test_greedy_text_with_lora_is_that_of_transformers_and_not_that_of_the_base(adapted, tiny, open_session):
    shared = answered(adapted(LORA), requests(), GREEDY)
    assert shared == answered(adapted(LORA, share_prefixes=False), requests(), GREEDY)
    assert shared != answered(open_session(tiny()), requests(), GREEDY)
