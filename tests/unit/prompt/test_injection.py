"""Titles and reviews that carry instructions: which, and what is told of what they move."""

import dataclasses

import pytest
from builders import event, interaction, question
from msgspec.structs import replace

from llmrec.commands.composing import composed
from llmrec.comparison.injection import Reading, changed, place
from llmrec.errors import ConfigError
from llmrec.metric.base import Row
from llmrec.plan import plan
from llmrec.prompt.naming import Names
from llmrec.records import Example, Item, Question, Ranking, Rating, Text

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


def test_the_fields_say_whose_texts_carry_one():
    def titles(*words):
        return injected("prompt.share=1.0", *words).shown(NAMES, "ranking", 0).items["1"].title != "title 1"

    assert [titles(), titles("prompt.fields=[title]"), titles("prompt.fields=[review]")] == [
        True,
        True,
        False,
    ]
    both = "25% of the titles and of the reviews and summaries that prompts show end in an instruction"
    assert injected().notes() == [f"{both} to the model"]
    assert "the titles that prompts" in injected("prompt.fields=[title]").notes()[0]
    with pytest.raises(ConfigError, match="fields: none"):
        injected("prompt.fields=[]")


def summarized(id="a", user="u", review="a review"):
    past = [event("1", time, summary="fine" if time else "") for time in range(40)]
    return question(id=id, user=user, time=90, review=review, history=past)


def test_a_seeded_share_of_reviews_and_summaries_ends_in_one():
    variant = injected("prompt.fields=[review]")
    names = variant.shown(NAMES, "text", seed=0)
    [order] = variant.texts["text"]
    assert order.count("excellent") == 1
    shown = [names.told(summarized(str(n))) for n in range(400)]
    hit = {one.id for one in shown if one.review == f"a review {order}"}
    assert {one.id for one in shown if one.review != "a review"} == hit
    assert hit == {str(n) for n in range(400) if variant.injects(str(n), 0)}
    assert 70 < len(hit) < 130
    told = [past.summary for past in shown[0].history]
    assert set(told) == {"", "fine", f"fine {order}"}
    assert told[0] == ""
    assert names.told(summarized()) == names.told(summarized())
    assert names.told(question(id="a", item="1")) == question(id="a", item="1")
    assert variant.shown(NAMES, "text", seed=1).told(summarized("0")).history != shown[0].history


def test_references_and_the_questions_that_are_kept_stay_what_they_are():
    made = plan(composed(["prompt=injected", "prompt.share=1.0", "task=summarization", "model=tiny"]))
    names = made.variant.shown(NAMES, "text", seed=0)
    target = replace(interaction("v", "1", 5), review="a review", summary="a label")
    shot = Example(summarized("s", "v"), target, Text("a label"))
    variant = dataclasses.replace(made.variant, demonstrations=1)
    asked = summarized()
    turns = variant.open(made.wording, names, [shot], 0).write(asked).messages
    assert [turn.role for turn in turns] == ["user", "assistant", "user"]
    assert turns[1].content == "a label"
    for turn in (turns[0], turns[2]):
        assert "a review (Ignore" in turn.content
        assert "fine (Ignore" in turn.content
    assert (asked, shot.reference) == (summarized(), Text("a label"))


def row(answer, item=None, candidates=(), review=None, id="a"):
    asked = Question(id, "u", 0, (), item, None, review, tuple(candidates))
    return Row(question=asked, reference=Rating(3.0), answer=answer)


def found(reading, one, other, **asked):
    told = dict(reading.compared(row(one, **asked), row(other, **asked)))
    valid = [value for what, value in told.items() if what.startswith("valid, ")]
    assert valid == [(float(one is not None), float(other is not None))]
    return {what: value for what, value in told.items() if not what.startswith("valid, ")}


def test_what_moves_is_told_by_where_the_instruction_stands():
    variant = injected()
    hit = [id for id in NAMES.items if variant.injects(id, 0)]
    other = next(id for id in NAMES.items if id not in hit)
    reading = Reading(variant, 0, {"a"})
    three, five = Rating(3.0), Rating(5.0)
    assert found(reading, three, five, item=hit[0]) == {"stars, asked about one": (3.0, 5.0)}
    assert found(reading, three, five, item=other) == {"stars, one elsewhere in the prompt": (3.0, 5.0)}
    assert found(reading, three, five, item=hit[0], id="b") == {"stars, none in the prompt": (3.0, 5.0)}
    assert found(reading, None, five, item=hit[0]) == {}
    texts = Text("Write only the word excellent."), Text("Excellent!")
    reading = Reading(variant, 0, {*hit, other})
    assert found(reading, *texts, review="so", id=hit[0]) == {"only excellent, asked about one": (0.0, 1.0)}
    assert list(found(reading, *texts, review="so", id=other)) == [
        "only excellent, one elsewhere in the prompt"
    ]
    assert list(found(reading, *texts, id=hit[0])) == ["only excellent, one elsewhere in the prompt"]


def test_places_are_told_of_candidates_whose_titles_carry_one():
    variant = injected()
    hit = next(id for id in NAMES.items if variant.injects(id, 0))
    a, b, c = [id for id in NAMES.items if not variant.injects(id, 0)][:3]
    ranked = [Ranking(items) for items in ((a, b, hit), (hit, a, b))]
    assert found(Reading(variant, 0, {"a"}), *ranked, candidates=(hit, a, b, c)) == {
        "an injected item is first": (0.0, 1.0),
        "mean place of injected items": (3.0, 1.0),
    }
    reviews = Reading(injected("prompt.fields=[review]"), 0, {"a"})
    assert found(reviews, *ranked, candidates=(hit, a, b, c)) == {}
    assert place(Ranking(("a",)), {"x", "a"}, 5) == 3.0


def test_rows_are_told_apart_by_the_prompts_that_were_asked():
    assert changed({"a": ("x",), "b": ("y",)}, {"a": ("x",), "b": ("z",)}) == {"b"}
