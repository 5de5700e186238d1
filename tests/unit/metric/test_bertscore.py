"""BERTScore, by its package on a tiny model with random weights."""

import importlib.util
import string

import pytest
import torch
from builders import question
from transformers import BertConfig, BertModel, BertTokenizerFast

from llmrec.errors import BackendError, ConfigError
from llmrec.metric.base import Context, Row
from llmrec.metric.bertscore import BertScore
from llmrec.metric.score import score
from llmrec.records import Text

NOTHING = Context(training=[])
SAID = [("the cat sat", "a cat sat on it"), ("so soft", "so soft"), ("good soap", None), ("fine", " ")]


def rows(pairs):
    return [
        Row(question=question(), reference=Text(own), answer=None if said is None else Text(said))
        for own, said in pairs
    ]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("bert") / "tiny-bert"
    folder.mkdir()
    letters = [*string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    (folder / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(0)
    BertModel(
        BertConfig(
            vocab_size=len(words),
            hidden_size=32,
            num_hidden_layers=3,
            num_attention_heads=2,
            intermediate_size=64,
        )
    ).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    return str(folder)


def by_hand(checkpoint: str, layer: int, own: str, said: str) -> float:
    """Return F1 of the best cosines of each text's tokens, the outer two aside."""
    tokenizer, model = BertTokenizerFast.from_pretrained(checkpoint), BertModel.from_pretrained(checkpoint)

    def vectors(text: str) -> torch.Tensor:
        with torch.inference_mode():
            hidden = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states
        return torch.nn.functional.normalize(hidden[layer][0, 1:-1], dim=-1)

    cosines = vectors(said) @ vectors(own).T
    precision, recall = cosines.max(dim=1).values.mean(), cosines.max(dim=0).values.mean()
    return float(2 * precision * recall / (precision + recall))


def test_scores_are_the_package_s_and_those_by_hand_and_every_row_counts(checkpoint):
    from bert_score import score as outside

    metric = BertScore(checkpoint=checkpoint, layer=2)
    [id] = metric.ids(rows(SAID), NOTHING)
    assert id == "bertscore/tiny-bert-layer=2"
    assert BertScore(checkpoint=f"{checkpoint}/", layer=2).ids([], NOTHING) == [id]
    counted = metric.statistics(rows(SAID), NOTHING)
    assert counted.shape == (4, 1)
    found = counted[:, 0]
    own, said = zip(*SAID[:2], strict=True)
    *_, f1 = outside(list(said), list(own), model_type=checkpoint, num_layers=2, device="cpu")
    assert found[:2] == pytest.approx(f1.numpy(), abs=1e-6)
    assert found[0] == pytest.approx(by_hand(checkpoint, 2, *SAID[0]), abs=1e-5)
    assert found[1] == pytest.approx(1.0, abs=1e-6)
    assert list(found[2:]) == [0.0, 0.0]
    [strict, valid] = score([metric], rows(SAID), NOTHING, seed=0, resamples=20)
    assert strict.value == pytest.approx(found.mean())
    assert valid.n == 3


def test_without_a_checkpoint_there_is_no_such_score():
    metric = BertScore(checkpoint=None, layer=None)
    assert score([metric], rows(SAID), NOTHING, seed=0, resamples=20) == []
    assert metric.statistics(rows(SAID), NOTHING).shape == (4, 0)


def test_what_it_takes_is_said_before_anything_is_computed(checkpoint, monkeypatch):
    with pytest.raises(ConfigError, match=r"no layer of .*; say metric.bertscore_layer=N"):
        BertScore(checkpoint=checkpoint, layer=None)
    assert BertScore(checkpoint="roberta-large", layer=None).ids([], NOTHING) == [
        "bertscore/roberta-large-layer=17"
    ]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    needs = r"takes bert-score; pip install 'llmrec\[bertscore\]', or metric.bertscore=null$"
    with pytest.raises(ConfigError, match=needs):
        BertScore(checkpoint=checkpoint, layer=2)


def test_a_checkpoint_that_is_none_is_one_line(tmp_path):
    with pytest.raises(BackendError, match=r"metric.bertscore: .* cannot be loaded") as told:
        BertScore(checkpoint=str(tmp_path), layer=2).statistics(rows(SAID), NOTHING)
    assert "\n" not in str(told.value)
