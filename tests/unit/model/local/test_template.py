import pytest

from llmrec.errors import BackendError
from llmrec.model.local.settings import Template, Weights
from llmrec.model.local.template import Renderer
from llmrec.model.local.tiny import CHAT, byte_tokenizer
from llmrec.records import Message, Module, Part

CONVERSATION = (
    Message("system", (Part(None, "Be brief."),)),
    Message("user", (Part(Module.TASK, "Rate it."), Part(Module.FORMAT, "One number."))),
)
TURN = "{{ '[' + message.role + ':' + message.content + ']' }}"


@pytest.fixture
def renderer(tiny):
    """Return a renderer over a byte tokenizer that has a chat template, or none."""

    def made(own: str | None, **changes) -> Renderer:
        tokenizer = byte_tokenizer()
        tokenizer.chat_template = own
        return Renderer(tokenizer, tiny(weights=Weights.pretrained, **changes))

    return made


def test_a_chat_template_writes_every_turn_and_opens_the_answer(renderer):
    text = renderer(CHAT).render(CONVERSATION)
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
def test_a_system_turn_that_the_template_does_not_show_is_folded_into_the_first_user_turn(
    renderer, chat_template
):
    assert renderer(chat_template).render(CONVERSATION) == "[user:Be brief.\n\nRate it.\n\nOne number.]"


def test_a_system_turn_alone_becomes_the_user_turn_where_it_is_folded(renderer):
    refusing = (
        "{% for message in messages %}{% if message.role == 'user' %}" + TURN + "{% endif %}{% endfor %}"
    )
    assert renderer(refusing).render(CONVERSATION[:1]) == "[user:Be brief.]"


@pytest.mark.parametrize(
    ("chat_template", "template"),
    [(None, Template.auto), (TURN, Template.plain)],
    ids=["none there", "not wanted"],
)
def test_without_a_chat_template_the_turns_are_joined_and_the_answer_is_opened(
    renderer, chat_template, template
):
    text = renderer(chat_template, template=template).render(CONVERSATION)
    assert text == "Be brief.\n\nRate it.\n\nOne number.\nAnswer:"


def test_chat_is_refused_where_there_is_no_template(renderer):
    with pytest.raises(BackendError, match=r"model\.template: 'chat'.* use plain"):
        renderer(None, template=Template.chat)


def test_special_tokens_of_the_template_are_one_token_each(renderer):
    made, tokenizer = renderer(CHAT), byte_tokenizer()
    [ids] = made.encode([CONVERSATION[1:]])
    assert ids[0] == tokenizer.bos_token_id
    assert ids.count(tokenizer.eos_token_id) == 1
    assert tokenizer.decode(ids) == made.render(CONVERSATION[1:])


def test_the_template_of_the_settings_goes_before_the_tokenizers(renderer):
    made = renderer(CHAT, chat_template="{% for message in messages %}" + TURN + "{% endfor %}")
    assert made.render(CONVERSATION) == "[system:Be brief.][user:Rate it.\n\nOne number.]"
    assert renderer(None, chat_template="{{ messages[0].content }}").chat


def test_template_options_are_variables_of_the_template(renderer):
    asking = "{{ messages[-1].content }}{% if not thinks %} /no_think{% endif %}"
    assert renderer(asking, template_options={"thinks": True}).render(CONVERSATION[1:]).endswith("number.")
    assert renderer(asking, template_options={"thinks": False}).render(CONVERSATION[1:]).endswith("/no_think")


def test_an_option_that_the_template_does_not_read_is_refused_by_name(renderer):
    with pytest.raises(BackendError, match=r"^model\.template_options\.thinkss: the chat template does not"):
        renderer("{{ messages[0].content }}{{ thinks }}", template_options={"thinkss": True})


@pytest.mark.parametrize(
    "broken", ["{% if %}", "{{ messages[0].nothing.at_all }}", "{{ 1 + 'x' }}", "{{ raise_exception('no') }}"]
)
def test_a_template_that_renders_nothing_is_one_line(renderer, broken):
    with pytest.raises(BackendError, match=r"^model\.chat_template: renders no user turn \([^\n]*$"):
        renderer(None, chat_template=broken)


@pytest.mark.parametrize(
    ("chat_template", "add_bos", "starts"),
    [(CHAT, None, 1), (CHAT, True, 1), (CHAT, False, 0), (None, None, 0), (None, True, 1), (None, False, 0)],
)
def test_a_start_token_is_added_or_dropped_as_the_settings_say(renderer, chat_template, add_bos, starts):
    made = renderer(chat_template, add_bos=add_bos)
    [ids] = made.encode([CONVERSATION[1:]])
    start = byte_tokenizer().bos_token_id
    assert (ids[0] == start) is bool(starts)
    assert ids[1] != start


def test_a_start_token_is_refused_where_the_tokenizer_has_none(tiny):
    tokenizer = byte_tokenizer()
    tokenizer.bos_token = None
    with pytest.raises(BackendError, match=r"^model\.add_bos: true, but .* use null"):
        Renderer(tokenizer, tiny(add_bos=True))
