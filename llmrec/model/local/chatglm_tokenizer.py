"""ChatGLM2's and 3's sentencepiece model as a tokenizer that transformers loads without their code."""

from enum import IntEnum
from pathlib import Path
from typing import Any

from llmrec.errors import BackendError

SPACE = "▁"


class Generation(IntEnum):
    """Which ChatGLM: the weights lie alike, but roles, chat words and long contexts differ."""

    two = 2
    three = 3


class Kind(IntEnum):
    """What a piece of a sentencepiece vocabulary is, as its file numbers it."""

    normal = 1
    unknown = 2
    control = 3
    byte = 6


# Appended to the vocabulary, in this order. The originals call the third and fourth `sop` and `eop`, and
# never look for them in a text; here they are looked for, and "people" and "philosophy" contain them, so
# that they are spelt as GLM-4 spells them. The ids are the same.
MASKS = ("[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>")
ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>")
START = ("[gMASK]", "<sop>")
# An answer ends, beside the end of text, where another would speak.
OTHER_SPEAKERS = ("<|user|>", "<|observation|>")

CHAT = {
    Generation.two: (
        "{{ '[gMASK]<sop>' }}{% set seen = namespace(rounds=0) %}{% for message in messages %}"
        "{% if message.role == 'user' %}{% set seen.rounds = seen.rounds + 1 %}"
        "{{ ('' if loop.first else '\n\n') + '[Round ' + seen.rounds|string + ']' }}"
        "{{ '\n\n问：' + message.content }}"
        "{% elif message.role == 'assistant' %}{{ '\n\n答：' + message.content }}"
        "{% else %}{{ raise_exception('ChatGLM2 has no role ' + message.role) }}{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}{{ '\n\n答：' }}{% endif %}"
    ),
    Generation.three: (
        "{{ '[gMASK]<sop>' }}{% for message in messages %}"
        "{% if message.role not in ('system', 'user', 'assistant', 'observation') %}"
        "{{ raise_exception('ChatGLM3 has no role ' + message.role) }}{% endif %}"
        "{{ '<|' + message.role + '|>\n ' + message.content }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
    ),
}
# Texts on which a converted tokenizer must give sentencepiece's own ids: what the two have been known to
# take differently is spaces in a row or at an end, line breaks, runs of one letter, and unknown signs.
PROBES = (
    "The quick brown fox, 3.50 stars out of 5!",
    "philosophy for people: a sop, an eop",
    " one space before",
    "  two before, two  between, two after  ",
    "line\nline\r\n\n\n\tindented \n",
    "[Round 1]\n\n问：这本书怎么样？\n\n答：",
    "我喜欢这个香水，味道很清新。价格１２３元，繁體字也有",
    "emoji 😀👍🏽👩‍👩‍👧 and rare 𠜎 𝔘 ᚠ \u00e9 e\u0301",
    "aaaaaaa hahahaha ------ !!!!!! 0000000 2024-05-17",
    "Überraschung, naïve café; Привет мир; こんにちは 안녕 שלום",
    "def f(x):\n    return x * 10**-3  # <tag> & \"quoted\" 'it''s'",
)


def special_tokens(generation: Generation) -> tuple[str, ...]:
    """Return what follows the vocabulary, in the order of the ids."""
    return MASKS if generation is Generation.two else MASKS + ROLES


def read_pieces(file: Path) -> Any:
    """Return the sentencepiece model as its parsed message, of which `pieces` is the vocabulary by id.

    Raises BackendError when it is none, or has what no tokenizer of transformers would do alike.
    """
    if not file.is_file():
        raise BackendError(f"model.path: '{file.parent}' lacks tokenizer.model; give a complete checkpoint")
    from sentencepiece import SentencePieceProcessor, sentencepiece_model_pb2

    # Generated code, whose classes are made as it is imported.
    messages: Any = sentencepiece_model_pb2
    content = file.read_bytes()
    try:
        SentencePieceProcessor(model_proto=content)
    except RuntimeError as error:
        raise BackendError(
            f"model.path: '{file}' is no sentencepiece model; give ChatGLM2's or 3's, and for GLM-4 the "
            "checkpoint whose name ends in -hf, as model=chatglm does"
        ) from error
    proto = messages.ModelProto.FromString(content)
    spec = proto.normalizer_spec
    reasons = {
        "is not of type BPE": proto.trainer_spec.model_type != proto.trainer_spec.BPE,
        "marks spaces behind words": proto.trainer_spec.treat_whitespace_as_suffix,
        # transformers' own reading of such a table differs on combining marks and on "\r\n".
        "rewrites letters before it encodes": bool(spec.precompiled_charsmap),
        "keeps spaces unmarked": not spec.escape_whitespaces,
        "has user-defined or unused pieces": any(piece.type not in list(Kind) for piece in proto.pieces),
    }
    for reason, holds in reasons.items():
        if holds:
            raise BackendError(
                f"model.path: '{file}' {reason}, which is not converted; give ChatGLM2's or 3's own, or set "
                "model.trust_remote_code=true with an older transformers"
            )
    return proto


def converted_tokenizer(file: Path, generation: Generation, end: int, pad: int) -> Any:
    """Return a transformers tokenizer with the ids of sentencepiece, then the special tokens.

    Every text begins with `[gMASK] <sop>`, unless special tokens are not to be added; a chat template
    writes them itself. Raises BackendError when a probe is not encoded as sentencepiece does.
    """
    from transformers import PreTrainedTokenizerFast

    proto = read_pieces(file)
    names = special_tokens(generation)
    for key, number in (("eos_token_id", end), ("pad_token_id", pad)):
        if number >= len(proto.pieces):
            raise BackendError(
                f"model.path: '{file.parent}', config.json has {key}={number}, but tokenizer.model only "
                f"{len(proto.pieces)} pieces; give files of one checkpoint"
            )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_backend(proto, names),
        unk_token=proto.trainer_spec.unk_piece,
        eos_token=proto.pieces[end].piece,
        pad_token=proto.pieces[pad].piece,
        additional_special_tokens=list(names),
        chat_template=CHAT[generation],
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    _verify(tokenizer, file)
    return tokenizer


def _backend(proto: Any, names: tuple[str, ...]) -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models, processors

    vocabulary = {piece.piece: number for number, piece in enumerate(proto.pieces)}
    backend = Tokenizer(
        models.BPE(
            vocab=vocabulary,
            merges=_merges(proto.pieces),
            unk_token=proto.trainer_spec.unk_piece,
            fuse_unk=True,
            byte_fallback=proto.trainer_spec.byte_fallback,
        )
    )
    backend.normalizer = _normalizer(proto.normalizer_spec)
    stripped = [decoders.Strip(" ", left=1)] if proto.normalizer_spec.add_dummy_prefix else []
    backend.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *stripped]
    )
    backend.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    starts = " ".join(f"{name}:0" for name in START)
    backend.post_processor = processors.TemplateProcessing(
        single=f"{starts} $A:0",
        pair=f"{starts} $A:0 $B:0",
        special_tokens=[(name, backend.token_to_id(name)) for name in START],
    )
    return backend


def _merges(pieces: Any) -> list[tuple[str, str]]:
    """Return each way to put a piece together from two others, the best piece first.

    sentencepiece joins the neighbours whose joint piece scores best; transformers wants that order spelt
    out. Ways to the same piece keep the order of where they cut it.
    """
    joinable = {piece.piece: piece.score for piece in pieces if piece.type == Kind.normal}
    best_first = sorted(joinable, key=lambda piece: -joinable[piece])
    return [
        (piece[:cut], piece[cut:])
        for piece in best_first
        for cut in range(1, len(piece))
        if piece[:cut] in joinable and piece[cut:] in joinable
    ]


def _normalizer(spec: Any) -> Any:
    from tokenizers import Regex, normalizers

    steps: list[Any] = []
    if spec.remove_extra_whitespaces:
        steps += [normalizers.Replace(Regex(r"\A +| +\z"), ""), normalizers.Replace(Regex(" {2,}"), " ")]
    steps.append(normalizers.Replace(" ", SPACE))
    if spec.add_dummy_prefix:
        # Unlike a Metaspace, which leaves the prefix out where a space stands already.
        steps.append(normalizers.Prepend(SPACE))
    return normalizers.Sequence(steps)


def _verify(tokenizer: Any, file: Path) -> None:
    from sentencepiece import SentencePieceProcessor

    original = SentencePieceProcessor(model_file=str(file))
    for text in PROBES:
        if tokenizer.encode(text, add_special_tokens=False) != original.encode(text):
            raise BackendError(
                f"model.path: '{file}' encodes {text!r} otherwise than its conversion; give ChatGLM2's or "
                "3's own, or set model.trust_remote_code=true with an older transformers"
            )
