"""The rows of a run, read and split once for all runs of a sweep that ask about the same."""

import pytest

from llmrec.commands.composing import composed
from llmrec.dataset.demo import Demo
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.rows import draw


@pytest.fixture
def loads(monkeypatch):
    """Return a list that grows by one whenever a corpus is loaded."""
    done, load = [], Demo.load

    def counted(self, *words):
        done.append(self)
        return load(self, *words)

    monkeypatch.setattr(Demo, "load", counted)
    return done


def test_runs_that_differ_in_prompt_decoding_or_model_share_their_rows(loads, tmp_path):
    def drawn(*words):
        made = plan(composed(["dataset=demo", "task=direct", "limit=5", f"cache_dir={tmp_path}", *words]))
        return draw(made, Silent())

    first = drawn("prompt=zero_shot", "model=tiny")
    for words in (["prompt=few_shot"], ["decoding=candidates"], ["prompt=random_id"], ["model=popularity"]):
        again = drawn("model=tiny", *words)
        assert (again.ledger, again.examples) == (first.ledger, first.examples)
    assert len(loads) == 1
    assert drawn("model=tiny", "prompt=few_shot").pool
    assert not first.pool
    for words in (["seed=1"], ["limit=6"], ["subset=valid"], ["split=global_time"], ["task.num_negatives=9"]):
        before = len(loads)
        drawn("model=tiny", *words)
        assert len(loads) == before + 1, words
