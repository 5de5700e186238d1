import pytest

from llmrec.errors import BackendError
from llmrec.model.local.model import Template
from llmrec.model.local.template import Renderer
from llmrec.model.local.tiny import byte_tokenizer
from llmrec.records import Message, Module, Part

CONVERSATION = (
    Message("system", (Part(None, "Be brief."),)),
    Message("user", (Part(Module.TASK, "Rate it."), Part(Module.FORMAT, "One number."))),
)
TURN = "{{ '[' + message.role + ':' + message.content + ']' }}"


def renderer(chat_template: str | None, template: Template = Template.auto) -> Renderer:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = chat_template
    return Renderer(tokenizer, template)


def test_a_chat_template_writes_every_turn_and_opens_the_answer():
    text = renderer(byte_tokenizer().chat_template).render(CONVERSATION)
    assert text == (
        "<|start|>system\nBe brief.<|end|>\n"
        "<|start|>user\nRate it.\n\nOne number.<|end|>\n"
        "<|start|>assistant\n"
    )


@pytest.mark.parametrize(
    "chat_template",
    [
        "{% for message in messages %}{% if message.role == 'system' %}{{ raise_exception('no system') }}"
        "{% endif %}" + TURN + "{% endfor %}",
        "{% for message in messages %}{% if message.role != 'system' %}" + TURN + "{% endif %}{% endfor %}",
    ],
    ids=["refused", "dropped"],
)
def test_a_system_turn_that_the_template_does_not_show_is_folded_into_the_first_user_turn(chat_template):
    assert renderer(chat_template).render(CONVERSATION) == "[user:Be brief.\n\nRate it.\n\nOne number.]"


def test_a_system_turn_alone_becomes_the_user_turn_where_it_is_folded():
    refusing = (
        "{% for message in messages %}{% if message.role == 'user' %}" + TURN + "{% endif %}{% endfor %}"
    )
    assert renderer(refusing).render(CONVERSATION[:1]) == "[user:Be brief.]"


@pytest.mark.parametrize(
    ("chat_template", "template"),
    [(None, Template.auto), (TURN, Template.plain)],
    ids=["none there", "not wanted"],
)
def test_without_a_chat_template_the_turns_are_joined_and_the_answer_is_opened(chat_template, template):
    text = renderer(chat_template, template).render(CONVERSATION)
    assert text == "Be brief.\n\nRate it.\n\nOne number.\nAnswer:"


def test_chat_is_refused_where_there_is_no_template():
    with pytest.raises(BackendError, match=r"model\.template: 'chat'.* use plain"):
        renderer(None, Template.chat)


def test_special_tokens_of_the_template_are_one_token_each():
    tokenizer = byte_tokenizer()
    [ids] = Renderer(tokenizer, Template.auto).encode([CONVERSATION[1:]])
    assert ids[0] == tokenizer.bos_token_id
    assert ids.count(tokenizer.eos_token_id) == 1
    assert tokenizer.decode(ids) == Renderer(tokenizer, Template.auto).render(CONVERSATION[1:])
