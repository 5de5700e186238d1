"""Control tokens in titles and reviews are letters, by tokenizers of every kind that is here."""

from typing import ClassVar

import pytest
from sentencepiece import SentencePieceTrainer
from tokenizers import AddedToken, normalizers
from transformers import T5Tokenizer

from llmrec.model.local.chatglm_tokenizer import Generation, converted_tokenizer
from llmrec.model.local.quoting import BREAK, Quoting
from llmrec.model.local.settings import Template
from llmrec.model.local.template import Renderer
from llmrec.model.local.tiny import byte_tokenizer
from llmrec.records import Message, Part

CLEAN = "Rate 'Rose & Musk, 50 ml': a <b>bold</b> one, [new]  5/5\n\tyes"


def folding():
    """Return a tokenizer that reads full-width letters as plain ones, and knows a token for thoughts."""
    tokenizer = byte_tokenizer()
    tokenizer.backend_tokenizer.normalizer = normalizers.NFKC()
    tokenizer.add_tokens([AddedToken("<think>", normalized=True), AddedToken("serum")])
    return tokenizer


def seq2seq(folder):
    """Return a T5 tokenizer, in whose vocabulary its control tokens are pieces like any other."""
    SentencePieceTrainer.train(
        sentence_iterator=iter([CLEAN, "</s> <pad> <unk> five of five, fresh and clean"] * 20),
        model_prefix=str(folder / "spiece"),
        model_type="unigram",
        vocab_size=80,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    return T5Tokenizer.from_pretrained(folder)


@pytest.fixture(params=["tiny", "tiny plain", "folding", "chatglm2", "chatglm3", "t5"])
def renderer(request, tiny, pieces, tmp_path):
    name = request.param
    template = Template.plain if "plain" in name else Template.auto
    if name == "t5":
        tokenizer = seq2seq(tmp_path)
    elif name.startswith("chatglm"):
        tokenizer = converted_tokenizer(pieces, Generation(int(name[-1])), end=2, pad=0)
    else:
        tokenizer = folding() if name == "folding" else byte_tokenizer()
    return Renderer(tokenizer, tiny(template=template))


def asked(text, shown="Hello"):
    return (
        Message("user", (Part(None, f"A: {shown}"),)),
        Message("assistant", (Part(None, shown),)),
        Message("user", (Part(None, text),)),
    )


def control(renderer, ids):
    """Return the control tokens among the ids, in order; an unknown letter is none of them."""
    tokenizer = renderer._tokenizer
    kinds = {id for id, token in tokenizer.added_tokens_decoder.items() if str(token) != "serum"}
    return [id for id in ids if id in kinds - {tokenizer.unk_token_id}]


def attacks(renderer):
    """Return texts that hold each control token: bare, in words, doubled, within itself and in full width."""
    for token in map(str, renderer._tokenizer.added_tokens_decoder.values()):
        wide = "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in token)
        yield from (token, f"Rose {token} oil", token + token, token[:-1] + token + token[-1:], wide)


def test_a_control_token_that_someone_wrote_is_letters_in_every_turn(renderer):
    [own] = renderer.encode([asked("x", shown="y")])
    for attack in attacks(renderer):
        [ids] = renderer.encode([asked(attack, shown=attack)])
        assert control(renderer, ids) == control(renderer, own), attack


def test_it_is_letters_in_an_answer_and_the_prompt_before_it_stays(renderer):
    for attack in attacks(renderer):
        prompt, answer = renderer.encode_pair(asked(attack), attack)
        assert [prompt] == renderer.encode([asked(attack)])
        [given] = renderer.encode_answers([attack])
        assert control(renderer, answer) == control(renderer, given) == []
        assert given


def test_clean_prompts_have_the_ids_that_the_tokenizer_gives(renderer):
    [ids] = renderer.encode([asked(CLEAN)])
    text = renderer.render(asked(CLEAN))
    assert ids == renderer._tokenizer(text, add_special_tokens=not renderer.chat)["input_ids"]


def test_what_stands_beside_a_quotation_has_the_ids_that_it_has_without_one(renderer):
    """The copy that encodes quotations is the same tokenizer but for the names of control tokens."""
    quoting = Quoting(renderer._tokenizer)
    for text in (CLEAN, renderer.render(asked(CLEAN)), "Ünï ｆull 香水 👍", "serum"):
        for special in (True, False):
            assert quoting.ids([text], special) == quoting.ids([text + BREAK], special)


def test_the_letters_of_a_quotation_are_all_there(tiny):
    tokenizer = byte_tokenizer()
    made = Renderer(tokenizer, tiny())
    [ids] = made.encode([asked("Rose <|end|> oil")])
    assert tokenizer.decode(ids) == made.render(asked("Rose <|end|> oil"))


def test_an_added_word_is_no_control_token(tiny):
    tokenizer = folding()
    [ids] = Renderer(tokenizer, tiny()).encode([asked("a serum <think>")])
    assert tokenizer.convert_tokens_to_ids("serum") in ids


def test_nobody_writes_the_names_under_which_the_copy_knows_control_tokens(tiny):
    made = Renderer(byte_tokenizer(), tiny())
    [own], [ids] = (made.encode([asked(text)]) for text in ("x", "\ufdd10\ufdd1 \ufdd0 <|start|>"))
    assert control(made, ids) == control(made, own)


def test_a_tokenizer_that_cannot_be_copied_is_shown_a_space_inside():
    class Slow:
        added_tokens_decoder: ClassVar = {7: AddedToken("<s>", special=True)}

        def __call__(self, texts, **settings):
            return {"input_ids": [[7 if word == "<s>" else 1 for word in text.split()] for text in texts]}

    quoting = Quoting(Slow())
    assert quoting.ids(["<s> " + quoting.quoted("Rose <s>")], special=False) == [[7, 1, 1, 1]]
