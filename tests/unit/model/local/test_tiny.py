"""Every model of conf/model as a made one: its true class, answering, without a download."""

import json

import pytest
import torch
import transformers
from safetensors.torch import load_file

from llmrec.commands.composing import composed
from llmrec.commands.listing import options
from llmrec.decoding.greedy import Greedy
from llmrec.errors import BackendError, ConfigError
from llmrec.model.local.settings import Template, Weights
from llmrec.model.local.template import Renderer
from llmrec.model.local.tiny import END, byte_tokenizer
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Message, Part

CLASSES = {
    "alpaca": "LlamaForCausalLM",
    "chatglm": "GlmForCausalLM",
    "chatglm2": "GlmForCausalLM",
    "chatglm3": "GlmForCausalLM",
    "flan-t5": "T5ForConditionalGeneration",
    "gemma": "Gemma3ForCausalLM",
    "llama": "LlamaForCausalLM",
    "llama2": "LlamaForCausalLM",
    "llama3": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "p5": "T5ForConditionalGeneration",
    "qwen": "Qwen3ForCausalLM",
    "smollm2": "LlamaForCausalLM",
    "tiny": "LlamaForCausalLM",
}
GREEDY = Greedy(name="greedy", max_new_tokens=8, lines=None)
TEXTS = [
    "red",
    "a prompt that is a good deal longer than the others, and than any window",
    "green and blue",
    "?",
]


def zoo(name, *overrides):
    words = [f"model={name}", "weights=random_tiny", "model.dtype=float32", *overrides]
    return plan(composed(words)).model


@pytest.fixture(params=sorted(CLASSES))
def name(request):
    return request.param


@pytest.fixture
def asked(ask):
    return [ask(f"q{place}", text, system="Be brief.") for place, text in enumerate(TEXTS)]


@pytest.fixture
def hf(pretrained, tmp_path):
    """Return a function that makes `model=hf` of a config.json alone, with weights that are made."""

    def made(model_type, **config):
        transformers.AutoConfig.for_model(model_type, **config).save_pretrained(tmp_path)
        return pretrained(str(tmp_path), weights=Weights.random_tiny)

    return made


def test_every_checkpoint_of_the_zoo_is_tested_here():
    given = {"hf": ["model.path=."], "replay": ["model.path=."]}
    local = {
        option.name
        for option in options("model")
        if not option.name.endswith(("-lora", "-ptuning", "-title", "-sequential"))
        if "architecture" in composed([f"model={option.name}", *given.get(option.name, [])])["model"]
    }
    assert local == set(CLASSES) | {"hf"}


def test_it_is_of_the_class_of_the_checkpoint_and_small(name, open_session):
    session = open_session(zoo(name))
    model = session.loaded.model
    assert type(model).__name__ == CLASSES[name]
    assert sum(parameter.numel() for parameter in model.parameters()) < 100_000
    assert session.environment["weights"].startswith(f"random_tiny-{model.config.model_type}-")
    assert session.environment["context"] == ("None" if name in ("flan-t5", "p5") else "32768")


def test_it_answers_the_same_alone_and_in_a_padded_batch_and_unlike_prompts_unlike(name, open_session, asked):
    session = open_session(zoo(name))
    together = session.complete(asked, GREEDY)
    assert [session.complete([request], GREEDY)[0] for request in asked] == together
    assert len({row.texts for row in together}) > 2


def test_the_same_settings_give_the_same_weights(tmp_path):
    folders = [zoo("gemma").checkpoint(tmp_path / cache, Silent()).path for cache in ("one", "two")]
    first, second = (load_file(f"{folder}/model.safetensors") for folder in folders)
    assert folders[0].split("/")[-1] == folders[1].split("/")[-1]
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize(
    "changed", ["model.shape={num_key_value_heads:32}", "model.pad_token='<pad>'", "model.template=plain"]
)
def test_what_shapes_the_weights_or_the_tokenizer_names_the_folder(cache_dir, changed):
    one, other = (zoo("llama3", *more).checkpoint(cache_dir, Silent()).path for more in ((), (changed,)))
    assert one != other


def test_what_makes_an_architecture_special_stays(open_session):
    def config(name):
        return open_session(zoo(name)).loaded.model.config

    gemma = config("gemma")
    assert set(gemma.layer_types) == {"sliding_attention", "full_attention"}
    assert gemma.sliding_window < min(map(len, TEXTS[1:2]))
    assert gemma.tie_word_embeddings
    assert (gemma.num_attention_heads, gemma.num_key_value_heads) == (4, 1)
    assert config("mistral").sliding_window is None
    assert config("chatglm").rope_parameters["partial_rotary_factor"] == 0.5
    assert config("chatglm").num_key_value_heads == 1
    assert config("llama2").num_key_value_heads == config("llama2").num_attention_heads
    assert config("llama3").rope_parameters["rope_type"] == "llama3"
    assert config("tiny").num_key_value_heads == 2
    assert config("flan-t5").is_gated_act
    assert not config("flan-t5").scale_decoder_outputs
    assert config("smollm2").tie_word_embeddings


def test_a_window_is_exercised(open_session, ask, tiny):
    """What lies farther back than the window changes nothing where every layer has one."""
    windowed = tiny(architecture="mistral", shape={"sliding_window": 4096})
    texts = [
        [ask("q", word + "the same from here on, for much longer than two windows of sixteen")]
        for word in "xy"
    ]
    seen = [
        [open_session(model).complete(text, GREEDY)[0].texts for text in texts]
        for model in (windowed, tiny())
    ]
    assert seen[0][0] == seen[0][1]
    assert seen[1][0] != seen[1][1]


def test_the_prompt_format_of_alpaca_takes_a_system_turn_in(open_session):
    renderer = open_session(zoo("alpaca")).renderer
    turns = (Message("system", (Part(None, "Be brief."),)), Message("user", (Part(None, "Rate it."),)))
    assert renderer.render(turns) == (
        "Below is an instruction that describes a task. Write a response that appropriately completes the "
        "request.\n\n### Instruction:\nBe brief.\n\nRate it.\n\n### Response:"
    )
    [ids] = renderer.encode([turns])
    assert ids[0] == byte_tokenizer().bos_token_id


def test_an_earlier_answer_in_the_format_of_alpaca_is_a_response(open_session):
    said = [("user", "One."), ("assistant", "Yes."), ("user", "Two.")]
    text = open_session(zoo("alpaca")).renderer.render(
        [Message(*(role, (Part(None, w),))) for role, w in said]
    )
    assert text.endswith(
        "### Instruction:\nOne.\n\n### Response:Yes.\n\n### Instruction:\nTwo.\n\n### Response:"
    )


def test_a_plain_family_has_no_chat_template(open_session):
    session = open_session(zoo("flan-t5"))
    assert session.loaded.tokenizer.chat_template is None
    assert session.environment["template"] == "plain"


def test_thinking_is_off_where_the_template_asks(tiny):
    qwen = zoo("qwen", "model.weights=pretrained")
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{{ messages[0].content }}{% if enable_thinking is false %}<no>{% endif %}"
    assert Renderer(tokenizer, qwen).render([Message("user", (Part(None, "x"),))]) == "x<no>"


@pytest.mark.parametrize(
    ("model_type", "config", "made"),
    [
        ("gpt2", {}, "GPT2LMHeadModel"),
        ("mixtral", {}, "MixtralForCausalLM"),
        ("smollm3", {}, "SmolLM3ForCausalLM"),
        ("falcon", {}, "FalconForCausalLM"),
        ("gemma3", {}, "Gemma3ForConditionalGeneration"),
        ("bart", {}, "BartForConditionalGeneration"),
        (
            "phi3",
            {
                "max_position_embeddings": 131072,
                "rope_parameters": {
                    "rope_type": "longrope",
                    "rope_theta": 1e4,
                    "factor": 32.0,
                    "short_factor": [1.0] * 48,
                    "long_factor": [2.0] * 48,
                },
            },
            "Phi3ForCausalLM",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_any_config_json_is_shrunk_in_the_same_way(hf, open_session, asked, model_type, config, made):
    session = open_session(hf(model_type, **config))
    assert type(session.loaded.model).__name__ == made
    together = session.complete(asked, GREEDY)
    assert [session.complete([request], GREEDY)[0] for request in asked] == together


def test_the_pad_and_end_tokens_that_a_checkpoint_names_are_tokens_of_the_made_one(tiny, open_session):
    loaded = open_session(tiny(pad_token="<pad>", end_tokens=["<turn>"])).loaded
    token = loaded.tokenizer.convert_tokens_to_ids
    assert loaded.pad_token == token("<pad>")
    assert loaded.end_tokens == {token(END), token("<turn>")}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"architecture": "lama", "shape": {}}, r"model\.architecture: 'lama' is no model type .*'llama'\?"),
        ({"shape": {"num_heds": 2}}, r"model\.shape\.num_heds: no such setting of a llama checkpoint"),
        ({"shape": {"hidden_size": "wide"}}, r"model\.shape\.hidden_size: 'wide' does not fit"),
        ({"shape": {"hidden_size": 7}}, r"model\.shape: fits no architecture=llama"),
        (
            {"architecture": "vit", "shape": {}},
            r"model\.weights: no random_tiny can be made of architecture=vit",
        ),
        ({"architecture": None, "shape": {}, "path": "./no"}, r"model\.path: '\./no' is no folder"),
    ],
)
def test_what_cannot_be_made_is_one_line(tiny, open_session, settings, told):
    with pytest.raises(BackendError, match=f"^{told}[^\n]*$"):
        open_session(tiny(**settings))


def test_a_shape_without_an_architecture_is_refused(tiny):
    with pytest.raises(ConfigError, match="shape: describes an architecture"):
        tiny(architecture=None)


def test_only_random_weights_leave_a_note(tiny):
    assert tiny(weights=Weights.pretrained).notes() == []
    [note] = tiny().notes()
    assert note.startswith("model=tiny: tiny random weights")


def test_a_config_json_that_is_none_is_one_line(pretrained, open_session, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "hidden_size": "wide"}))
    for weights in Weights:
        with pytest.raises(BackendError, match=r"^model\.path: [^\n]*$"):
            open_session(pretrained(str(tmp_path), weights=weights, template=Template.plain))
