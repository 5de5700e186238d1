"""The arrangement of modules, cut to a budget, with demonstrations that are allowed."""

from dataclasses import replace

import pytest
from builders import event, interaction, question

from llmrec.errors import ConfigError
from llmrec.prompt.demonstrations import Select
from llmrec.prompt.naming import Names, Naming
from llmrec.prompt.variant import Behavior, Variant
from llmrec.prompt.wording import Wording
from llmrec.records import Example, Item, Module, Ranking, Rating
from llmrec.text import tokens

ITEMS = {f"i{n}": Item(f"i{n}", f"Thing number {n}", "", ("Shop",)) for n in range(200)}
WORDING = Wording(
    task="Rate it.",
    input="Product: {title}",
    behavior="Before:\n{history}",
    no_history="Nothing before.",
    format="One number.",
    brief="{user_id} on {item_id}?",
    event="{i}. {title}: {stars}",
    candidate="- {title}",
    needs_behavior=False,
    ordered=True,
)
PLAIN = Variant(
    name="plain",
    system="",
    task="{words}",
    behavior="{words}",
    format="{words}",
    inject=Behavior.always,
    brief=False,
    candidate="",
    names=Naming.title,
    reasoning_tokens=0,
    history_tokens=512,
    review_tokens=512,
    demonstrations=0,
    select=Select.seed,
    pool=10,
    demonstration_tokens=64,
    demonstration_candidates=3,
)


def parts(variant, asked, pool=(), wording=WORDING):
    prompt = variant.open(wording, Names(ITEMS, None), pool, seed=0).write(asked)
    return prompt, {part.module: part.text for part in prompt.messages[-1].parts}


def demonstration(id, user="other", time=5, item="i7", history=()):
    target = interaction(user, item, time, rating=2.0)
    return Example(question(id=id, user=user, time=time, item=item, history=history), target, Rating(2.0))


def test_modules_stand_in_order_with_their_places_filled():
    prompt, text = parts(
        PLAIN, question(item="i1", history=(event("i2", rating=4.0), event("i3", rating=4.5)))
    )
    assert [part.module for part in prompt.messages[0].parts] == list(Module)
    assert text == {
        Module.TASK: "Rate it.",
        Module.INPUT: "Product: Thing number 1",
        Module.BEHAVIOR: "Before:\n1. Thing number 2: 4\n2. Thing number 3: 4.5",
        Module.FORMAT: "One number.",
    }


@pytest.mark.parametrize("module", [Module.TASK, Module.BEHAVIOR, Module.FORMAT])
def test_an_empty_frame_switches_one_module_off_and_leaves_the_others(module):
    asked = question(item="i1", history=(event("i2"),))
    _, whole = parts(PLAIN, asked)
    _, ablated = parts(replace(PLAIN, **{module.value: ""}), asked)
    assert ablated == {name: text for name, text in whole.items() if name != module}


def test_behavior_is_told_where_needed_only():
    asked = question(item="i1", history=(event("i2"),))
    needed = replace(PLAIN, inject=Behavior.needed)
    assert Module.BEHAVIOR not in parts(needed, asked)[1]
    assert Module.BEHAVIOR in parts(needed, asked, wording=replace(WORDING, needs_behavior=True))[1]
    assert Module.BEHAVIOR not in parts(replace(PLAIN, inject=Behavior.never), asked)[1]


def test_an_empty_history_says_so():
    assert parts(PLAIN, question(item="i1"))[1][Module.BEHAVIOR] == "Nothing before."


def test_a_long_history_is_cut_from_its_oldest_end_and_counted():
    history = tuple(event(f"i{n}", time=n) for n in range(100))
    prompt, text = parts(replace(PLAIN, history_tokens=60), question(item="i1", history=history))
    lines = text[Module.BEHAVIOR].splitlines()[1:]
    assert lines[-1].endswith("Thing number 99: 4")
    assert lines[0].startswith("1. ")
    assert prompt.cut == 100 - len(lines) > 50
    assert sum(tokens(line) for line in lines) <= 60


def test_a_review_of_100_000_characters_is_cut_to_its_budget_and_counted():
    wording = replace(WORDING, input="Review: {review}")
    prompt, text = parts(
        replace(PLAIN, review_tokens=100), question(review="word " * 20_000), wording=wording
    )
    assert tokens(text[Module.INPUT]) <= 105
    assert text[Module.INPUT].endswith("...")
    assert prompt.cut == 1


def test_right_to_left_and_emoji_text_is_cut_between_characters():
    for text in ("שלום עולם " * 500, "🙂👍" * 2000):
        shown = parts(
            replace(PLAIN, review_tokens=50),
            question(review=text),
            wording=replace(WORDING, input="{review}"),
        )[1][Module.INPUT]
        assert shown.removesuffix("...").strip() in text


def test_braces_quotes_and_brackets_of_a_title_reach_the_prompt_as_they_are():
    items = {"x": Item("x", 'A {title} "set" [3] {0} $5', "", ())}
    prompt = PLAIN.open(WORDING, Names(items, None), (), 0).write(question(item="x"))
    assert 'Product: A {title} "set" [3] {0} $5' in prompt.messages[0].content


def test_an_unordered_history_is_shuffled_the_same_way_every_time():
    history = tuple(event(f"i{n}", time=n) for n in range(30))
    wording = replace(WORDING, ordered=False, event="{title}")
    one, two = (parts(PLAIN, question(id="x", history=history), wording=wording)[1] for _ in range(2))
    shown = one[Module.BEHAVIOR].splitlines()[1:]
    assert one == two
    assert shown != [f"Thing number {n}" for n in range(30)]
    assert sorted(shown) == sorted(f"Thing number {n}" for n in range(30))


def test_the_brief_form_is_one_line_of_the_task_with_ids():
    _, text = parts(replace(PLAIN, brief=True), question(user="u9", item="i1"))
    assert text == {Module.TASK: "u9 on i1?"}


def test_demonstrations_are_earlier_turns_with_their_answers():
    few = replace(PLAIN, demonstrations=2)
    prompt, _ = parts(few, question(item="i1"), [demonstration("a"), demonstration("b")])
    assert [message.role for message in prompt.messages] == ["user", "assistant", "user", "assistant", "user"]
    assert prompt.messages[1].content == "2"
    assert set(prompt.demonstrations) == {"a", "b"}


def test_no_demonstration_is_later_than_the_question_or_the_users_own():
    pool = [demonstration("late", time=100), demonstration("own", user="u"), demonstration("good", time=99)]
    prompt, _ = parts(replace(PLAIN, demonstrations=3), question(item="i1", time=100), pool)
    assert prompt.demonstrations == ("good",)


def test_similar_demonstrations_share_items_with_the_question():
    pool = [demonstration(f"d{n}", item=f"i{n}", history=(event(f"i{n + 100}"),)) for n in range(50)]
    few = replace(PLAIN, demonstrations=1, select=Select.similar, pool=50)
    prompt, _ = parts(few, question(item="i199", history=(event("i142"),)), pool)
    assert prompt.demonstrations == ("d42",)


def test_a_demonstrations_candidates_are_fewer_and_hold_the_right_one():
    shown = tuple(f"i{n}" for n in range(20))
    example = Example(
        question(id="d", user="other", time=1, candidates=shown),
        interaction("other", "i15", 1),
        Ranking(("i15",)),
    )
    wording = replace(WORDING, input="{candidates}")
    prompt, _ = parts(replace(PLAIN, demonstrations=1), question(candidates=shown), [example], wording)
    assert prompt.messages[0].parts[1].text == "- Thing number 0\n- Thing number 1\n- Thing number 15"
    assert prompt.messages[1].content == "Thing number 15"


def test_a_system_message_comes_first():
    prompt, _ = parts(replace(PLAIN, system="You know shops."), question(item="i1"))
    assert (prompt.messages[0].role, prompt.messages[0].content) == ("system", "You know shops.")


def test_a_place_that_nothing_fills_is_named_with_the_nearest_one():
    with pytest.raises(
        ConfigError, match=r"input: \{titel\} is no place that can be filled; did you mean 'title'"
    ):
        replace(WORDING, input="{titel}")
