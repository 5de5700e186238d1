import random

import pytest
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from transformers import AutoTokenizer

from llmrec.errors import BackendError
from llmrec.model.local.chatglm_tokenizer import (
    MASKS,
    PROBES,
    ROLES,
    Generation,
    converted_tokenizer,
    read_pieces,
)
from llmrec.model.local.settings import Weights
from llmrec.model.local.template import Renderer
from llmrec.records import Message, Part

LETTERS = "aahe l\n\r\t  pso这本书，123-!😀é\u0301«"
TEXTS = [
    *PROBES,
    "",
    " ",
    "   ",
    "\n",
    "我",
    "people of philosophy, sop eop gMASK",
    "价格：12345元",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "a" * 97,
    " " * 41 + "x",
    "<n> <0x0A> [/INST] <|endoftext|>",
]
TURNS = [
    {"role": "user", "content": "你好"},
    {"role": "assistant", "content": "Hello"},
    {"role": "user", "content": "再见"},
]


@pytest.fixture(scope="module", params=list(Generation), ids=["two", "three"])
def generation(request):
    return request.param


@pytest.fixture(scope="module")
def tokenizer(pieces, generation, tmp_path_factory):
    """The tokenizer as a run gets it: saved, and loaded without code."""
    folder = tmp_path_factory.mktemp("converted")
    converted_tokenizer(pieces, generation, end=2, pad=0).save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "glm"}')
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def sentencepiece(pieces):
    return SentencePieceProcessor(model_file=str(pieces))


def plain(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False)


@pytest.mark.parametrize("text", TEXTS)
def test_ids_are_those_of_sentencepiece(tokenizer, sentencepiece, text):
    assert plain(tokenizer, text) == sentencepiece.encode(text)


def test_ids_are_those_of_sentencepiece_on_random_texts(tokenizer, sentencepiece):
    drawn = random.Random(0)
    texts = ["".join(drawn.choices(LETTERS, k=drawn.randint(0, 40))) for _ in range(1000)]
    assert tokenizer(texts, add_special_tokens=False)["input_ids"] == sentencepiece.encode(texts)


@pytest.mark.parametrize("prefix", [True, False])
@pytest.mark.parametrize("collapses", [True, False])
def test_how_a_model_treats_spaces_is_followed(tmp_path, prefix, collapses):
    SentencePieceTrainer.train(
        sentence_iterator=iter(["fresh and clean", "这本书很好看", "two words"] * 20),
        model_prefix=str(tmp_path / "m"),
        model_type="bpe",
        vocab_size=310,
        byte_fallback=True,
        normalization_rule_name="identity",
        add_dummy_prefix=prefix,
        remove_extra_whitespaces=collapses,
        num_threads=1,
        minloglevel=2,
    )
    made = converted_tokenizer(tmp_path / "m.model", Generation.three, 2, 0)
    theirs = SentencePieceProcessor(model_file=str(tmp_path / "m.model"))
    drawn = random.Random(1)
    texts = ["".join(drawn.choices(LETTERS, k=drawn.randint(0, 40))) for _ in range(300)]
    assert made(texts, add_special_tokens=False)["input_ids"] == theirs.encode(texts)


def test_special_tokens_follow_the_vocabulary_in_their_order(tokenizer, generation):
    names = MASKS + (ROLES if generation == 3 else ())
    assert tokenizer.convert_tokens_to_ids(list(names)) == list(range(400, 400 + len(names)))
    assert len(tokenizer) == 400 + len(names)


def test_special_tokens_in_a_text_are_single_ids(tokenizer):
    assert plain(tokenizer, "[gMASK]<sop>") == [401, 403]
    assert plain(tokenizer, "[MASK][sMASK]<eop></s>") == [400, 402, 404, 2]


def test_words_that_hold_sop_or_eop_are_words(tokenizer):
    assert not set(plain(tokenizer, "people sophistry philosophy sop eop")) & set(range(400, 409))


def test_every_text_begins_with_gmask_and_sop(tokenizer, sentencepiece):
    assert tokenizer.encode("你好") == [401, 403, *sentencepiece.encode("你好")]
    both = tokenizer("你好", "Hello")["input_ids"]
    assert both == [401, 403, *sentencepiece.encode("你好"), *sentencepiece.encode("Hello")]


def test_padding_is_unknown_to_the_left_and_the_end_is_the_end_of_text(tokenizer):
    assert (tokenizer.pad_token, tokenizer.pad_token_id, tokenizer.padding_side) == ("<unk>", 0, "left")
    assert (tokenizer.eos_token, tokenizer.eos_token_id) == ("</s>", 2)


@pytest.mark.parametrize("text", ["I love  this\n\n书 😀 é", "12 people", " leading"])
def test_decoding_gives_the_text_back(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text), skip_special_tokens=True) == text


@pytest.mark.parametrize("generation", [Generation.two], ids=["two"], indirect=True)
def test_generation_two_numbers_its_rounds_and_has_no_system(tokenizer):
    text = tokenizer.apply_chat_template(TURNS, tokenize=False, add_generation_prompt=True)
    assert text == ("[gMASK]<sop>[Round 1]\n\n问：你好\n\n答：Hello\n\n[Round 2]\n\n问：再见\n\n答：")
    closed = tokenizer.apply_chat_template(TURNS[:2], tokenize=False)
    assert closed == "[gMASK]<sop>[Round 1]\n\n问：你好\n\n答：Hello"
    with pytest.raises(Exception, match="ChatGLM2 has no role system"):
        tokenizer.apply_chat_template([{"role": "system", "content": "x"}, *TURNS], tokenize=False)


@pytest.mark.parametrize("generation", [Generation.two], ids=["two"], indirect=True)
def test_what_a_system_says_goes_to_the_head_of_round_one(tokenizer, tiny):
    messages = [Message("system", (Part(None, "Be brief."),)), Message("user", (Part(None, "你好"),))]
    text = Renderer(tokenizer, tiny(weights=Weights.pretrained)).render(messages)
    assert text == "[gMASK]<sop>[Round 1]\n\n问：Be brief.\n\n你好\n\n答："


@pytest.mark.parametrize("generation", [Generation.three], ids=["three"], indirect=True)
def test_generation_three_marks_each_turn_by_its_role(tokenizer):
    turns = [{"role": "system", "content": "Be brief."}, *TURNS]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert text == (
        "[gMASK]<sop><|system|>\n Be brief.<|user|>\n 你好<|assistant|>\n Hello<|user|>\n 再见<|assistant|>"
    )
    with pytest.raises(Exception, match="ChatGLM3 has no role tool"):
        tokenizer.apply_chat_template([{"role": "tool", "content": "x"}], tokenize=False)


@pytest.mark.parametrize("generation", [Generation.three], ids=["three"], indirect=True)
@pytest.mark.parametrize("content", ["你好", "Hello  there\n", " before", "书\n\n 12"])
def test_a_turn_has_the_ids_of_line_break_and_words_encoded_apart(tokenizer, sentencepiece, content):
    turns = [{"role": "user", "content": content}]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    apart = [401, 403, 406, *sentencepiece.encode("\n"), *sentencepiece.encode(content), 407]
    assert plain(tokenizer, text) == apart


@pytest.mark.parametrize("generation", [Generation.two], ids=["two"], indirect=True)
def test_the_rounds_have_the_ids_of_their_text_encoded_whole(tokenizer, sentencepiece):
    text = tokenizer.apply_chat_template(TURNS, tokenize=False, add_generation_prompt=True)
    assert plain(tokenizer, text) == [401, 403, *sentencepiece.encode(text.removeprefix("[gMASK]<sop>"))]


def test_a_vocabulary_that_is_not_sentencepiece_is_refused_with_the_way_to_glm_4(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(b"IQ== 0\nIg== 1\n")
    with pytest.raises(BackendError, match=r"is no sentencepiece model; .*-hf, as model=chatglm does$"):
        read_pieces(tmp_path / "tokenizer.model")


def test_a_missing_vocabulary_is_refused_by_name(tmp_path):
    with pytest.raises(BackendError, match=r"lacks tokenizer\.model"):
        read_pieces(tmp_path / "tokenizer.model")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "unigram", "vocab_size": 290}, "is not of type BPE"),
        ({"normalization_rule_name": "nfkc"}, "rewrites letters"),
        ({"user_defined_symbols": ["<n>"]}, "has user-defined or unused pieces"),
        ({"treat_whitespace_as_suffix": True}, "marks spaces behind words"),
    ],
)
def test_a_vocabulary_of_another_kind_is_refused(tmp_path, changes, words):
    common = {
        "normalization_rule_name": "identity",
        "model_type": "bpe",
        "vocab_size": 300,
        "byte_fallback": True,
        "num_threads": 1,
    }
    SentencePieceTrainer.train(
        sentence_iterator=iter(["fresh and clean", "two words"] * 20),
        model_prefix=str(tmp_path / "m"),
        minloglevel=2,
        hard_vocab_limit=False,
        **(common | changes),
    )
    with pytest.raises(BackendError, match=words):
        read_pieces(tmp_path / "m.model")
