"""Titles that carry instructions: which, and what is told of what they move."""

import pytest

from llmrec.commands.composing import composed
from llmrec.comparison.injection import compared, place
from llmrec.errors import ConfigError
from llmrec.metric.base import Row
from llmrec.plan import plan
from llmrec.prompt.naming import Names
from llmrec.records import Item, Question, Ranking, Rating

NAMES = Names({str(n): Item(str(n), f"title {n}", "", ()) for n in range(400)}, None)


def injected(*words: str):
    return plan(composed(["prompt=injected", "task=rating", "model=tiny", *words])).variant


def test_a_seeded_share_of_the_titles_ends_in_one_of_the_texts():
    variant = injected()
    shown = variant.shown(NAMES, "ranking", seed=0).items
    hit = [id for id in NAMES.items if variant.injects(id, 0)]
    assert 70 < len(hit) < 130
    assert {id for id in shown if shown[id] != NAMES.items[id]} == set(hit)
    added = {shown[id].title.removeprefix(f"title {id} ") for id in hit}
    assert added == set(variant.texts["ranking"])
    assert variant.shown(NAMES, "ranking", seed=0).items == shown
    assert {id for id in NAMES.items if variant.injects(id, 1)} != set(hit)


def test_all_items_can_carry_one_and_no_share_of_none():
    whole = injected("prompt.share=1.0")
    assert all(whole.injects(id, 0) for id in NAMES.items)
    with pytest.raises(ConfigError, match="share: 0"):
        injected("prompt.share=0.0")


def test_what_moves_is_told_by_kind_of_item():
    def row(answer, item=None, candidates=()):
        question = Question("a", "u", 0, (), item, None, None, tuple(candidates))
        return Row(question=question, reference=Rating(3.0), answer=answer)

    injects = {"x", "y"}.__contains__
    told = dict(compared(row(Rating(3.0), "x"), row(Rating(5.0), "x"), injects))
    assert told == {"stars of injected items": (3.0, 5.0)}
    assert dict(compared(row(None, "x"), row(Rating(5.0), "x"), injects)) == {}
    shown = "xabc"
    ranked = [row(Ranking(tuple(items)), candidates=shown) for items in ("abx", "xab")]
    assert dict(compared(*ranked, injects)) == {
        "an injected item is first": (0.0, 1.0),
        "mean place of injected items": (3.0, 1.0),
    }
    assert place(Ranking(("a",)), {"x", "a"}, 5) == 3.0
