"""Every leak check fires on its leak, and stays quiet on what only looks like one."""

from random import Random

import pytest
from builders import event, interaction, question

from llmrec.leak import CHECKS, IN_ORDER, LeakError, check, check_names, numbered_along, verdict
from llmrec.prompt.naming import Naming, named
from llmrec.records import Example, Item, Message, Module, Part, Prompt, Ranking, Rating, Text

ITEMS = {
    "a": Item("a", "Rose Water Toner", "", ()),
    "b": Item("b", "Clay Mask", "", ()),
    "twin": Item("twin", "Clay Mask", "", ()),
    "c": Item("c", "Clay Mask with Brush", "", ()),
}


WORDING = "Say one title a line.\n{history}"
EARLIER = (event("a"),)


def asked(text="", history=EARLIER, item="b", time=100, **given):
    example = Example(
        question(id="x", history=history, time=time, **given), interaction("u", item, time), Ranking((item,))
    )
    return example, prompt_of(text)


def prompt_of(text, demonstrations=()):
    return Prompt("x", 0, (Message("user", (Part(Module.BEHAVIOR, text),)),), 0, tuple(demonstrations))


def fired(example, prompt, demonstrations=None, training=()):
    found = check([example], [prompt], ITEMS, demonstrations or {}, training, WORDING)
    assert set(found) == set(CHECKS)
    return {name for name, ids in found.items() if ids}


def test_a_clean_question_fires_nothing():
    assert fired(*asked("Rose Water Toner")) == set()


def test_the_target_in_the_history_fires():
    assert "target_in_history" in fired(*asked("Rose Water Toner", history=(event("a"), event("b"))))


def test_a_later_event_in_the_history_fires():
    assert fired(*asked("Rose Water Toner", history=(event("a", time=101),))) == {"later_event"}


def test_an_event_of_the_same_second_is_not_later():
    assert fired(*asked("Rose Water Toner", history=(event("a", time=100),))) == set()


def test_the_targets_title_in_the_text_fires_however_it_is_written():
    assert fired(*asked("1. Rose Water Toner\n2. clay   MASK!")) == {"target_title_in_prompt"}


def test_the_title_of_another_item_of_that_name_is_explained():
    assert fired(*asked("Clay Mask", history=(event("twin"),))) == set()


def test_the_title_as_a_part_of_another_items_title_is_explained():
    assert fired(*asked("Clay Mask with Brush", history=(event("c"),))) == set()


def test_a_second_mention_beyond_what_the_history_explains_fires():
    assert fired(*asked("Clay Mask\nClay Mask", history=(event("twin"),))) == {"target_title_in_prompt"}


def test_a_candidate_may_be_named_once():
    example, _ = asked(candidates=("a", "b"))
    assert fired(example, prompt_of("- Rose Water Toner\n- Clay Mask\nRose Water Toner")) == set()
    assert fired(example, prompt_of("- Rose Water Toner\n- Clay Mask\nClay Mask")) == {
        "target_title_in_prompt"
    }


def test_a_title_that_is_a_word_of_the_prompt_itself_is_explained():
    items = {**ITEMS, "o": Item("o", "One", "", ())}
    example, _ = asked(item="o")
    for text, leaks in (("Say one title a line.", []), ("Say one title a line.\nOne", ["x"])):
        assert check([example], [prompt_of(text)], items, {}, (), WORDING)["target_title_in_prompt"] == leaks


def test_the_targets_id_in_the_prompt_fires_unless_it_is_offered():
    items = {**ITEMS, "B00TARGET": Item("B00TARGET", "Hidden Thing", "", ())}
    for candidates, leaks in (((), ["x"]), (("a", "B00TARGET"), [])):
        example, _ = asked(item="B00TARGET", candidates=candidates)
        found = check([example], [prompt_of("next: B00TARGET.")], items, {}, (), WORDING)
        assert found["target_id_in_prompt"] == leaks


REVIEW = "I bought it in May. It smells of summer and never dries my skin."


@pytest.mark.parametrize("given", [REVIEW, REVIEW[20:] + " And more", REVIEW.upper()])
def test_a_sentence_of_the_targets_review_fires_unless_the_task_shows_it(given):
    target = interaction("u", "b", 100, text=REVIEW)
    hidden = Example(question(id="x", item="b"), target, Rating(5.0))
    assert fired(hidden, prompt_of(f"Hint: {given}")) == {"target_text_in_prompt"}
    shown = Example(question(id="x", review=REVIEW), target, Text("It smells"))
    part = Part(Module.INPUT, given)
    assert fired(shown, Prompt("x", 0, (Message("user", (part,)),), 0, ())) == set()


def test_the_summary_that_is_asked_for_fires_among_the_earlier_ones_unless_the_user_repeats_it():
    words = "Smells of summer, never dries skin"
    target = interaction("u", "b", 100, text=REVIEW)
    for history, leaks in ((EARLIER, {"target_text_in_prompt"}), ((event("a", summary=words),), set())):
        example = Example(question(id="x", review=REVIEW, history=history), target, Text(words))
        assert fired(example, prompt_of(f"1. {words}")) == leaks


def test_words_that_anyone_writes_are_no_leak():
    target = interaction("u", "b", 100, text="It's a gift card. I love it.")
    assert (
        fired(Example(question(id="x", item="b"), target, Rating(5.0)), prompt_of("It's a gift card."))
        == set()
    )


def demonstration(time, history=()):
    return Example(
        question(id="d", user="v", time=time, history=history), interaction("v", "a", time), Rating(3.0)
    )


def test_a_demonstration_later_than_the_question_fires():
    example, _ = asked()
    late = demonstration(time=101)
    assert fired(example, prompt_of("", ["d"]), {"d": late}, [late.target]) == {"demonstration_later"}


def test_a_later_event_inside_a_demonstration_fires():
    example, _ = asked()
    odd = demonstration(time=50, history=(event("c", time=200),))
    assert fired(example, prompt_of("", ["d"]), {"d": odd}, [odd.target]) == {"demonstration_later"}


def test_a_demonstration_that_is_no_training_row_fires():
    example, _ = asked()
    held_out = demonstration(time=50)
    assert fired(example, prompt_of("", ["d"]), {"d": held_out}) == {"demonstration_not_training"}


def renumbered(count, step):
    items = {str(n): Item(str(n), f"No {n}", "", ()) for n in range(5000)}
    examples = [
        Example(
            question(id=f"x{n}", history=(event(str(10 * n)),)),
            interaction("u", str(10 * n + step(n)), 100),
            Ranking((str(10 * n + step(n)),)),
        )
        for n in range(count)
    ]
    prompts = [Prompt(example.id, 0, (), 0, ()) for example in examples]
    return check(examples, prompts, items, {}, (), "")["id_plus_one"]


def test_ids_numbered_along_the_sequences_fire():
    assert len(renumbered(200, lambda n: 1 if n % 10 == 0 else 5)) == 20


def test_a_few_hits_of_id_plus_one_by_chance_do_not_fire():
    assert renumbered(200, lambda n: 1 if n % 100 == 0 else 5) == []


def test_a_small_catalogue_is_not_taken_for_a_leak():
    chance = Random(0)
    pairs = [chance.sample(range(50), 2) for _ in range(2000)]
    examples = [
        Example(
            question(id=f"x{n}", history=(event(str(last)),)),
            interaction("u", str(target), 100),
            Ranking((str(target),)),
        )
        for n, (last, target) in enumerate(pairs)
    ]
    assert numbered_along(examples, {str(n): Item(str(n), "", "", ()) for n in range(50)}) == []


SHUFFLED = Random(1).sample(range(300), 300)
READ = [(f"u{n}", [f"a{item}" for item in SHUFFLED[10 * n : 10 * n + 10]]) for n in range(30)]
TITLED = {f"a{n}": Item(f"a{n}", f"Serum No {n}", "", ()) for n in range(300)}


def under(naming):
    """Return a question a user for the last item, and what the names of that kind have leaking."""
    names = named(naming, TITLED, READ, seed=0)
    examples = [
        Example(
            question(id=user, user=user, history=(event(items[-2]),)),
            interaction(user, items[-1], 100),
            Ranking((items[-1],)),
        )
        for user, items in READ
    ]
    return {
        "id_plus_one": len(numbered_along(examples, names.items)),
        IN_ORDER: len(check_names(examples[:4], names.items, READ)[IN_ORDER]),
    }


def test_names_numbered_along_the_sequences_fire_in_the_smallest_sample_too():
    assert under(Naming.sequential_id) == {"id_plus_one": 30, IN_ORDER: 4}


def test_random_names_and_titles_fire_nothing():
    assert under(Naming.random_id) == under(Naming.title) == {"id_plus_one": 0, IN_ORDER: 0}


def test_random_names_mend_a_data_set_whose_own_ids_are_numbered_along_the_sequences():
    read = [(f"u{n}", [f"a{10 * n + place}" for place in range(10)]) for n in range(30)]
    untitled = {f"a{n}": Item(f"a{n}", f"item a{n}", "", ()) for n in range(300)}
    for naming, leaks in ((Naming.title, 1), (Naming.random_id, 0)):
        items = named(naming, untitled, read, seed=0).items
        example, _ = asked()
        assert len(check_names([example], items, read)[IN_ORDER]) == leaks


def test_the_volumes_of_a_series_are_no_ids():
    series = {f"B{n}": Item(f"B{n}", f"Volume {n}", "", ()) for n in range(100)}
    example, _ = asked()
    assert check_names([example], series, [("u", list(series))])[IN_ORDER] == []


def test_another_items_number_does_not_explain_the_targets_name_in_the_prompt():
    items = {"a": Item("item_48", "item_48", "", ()), "b": Item("item_4821", "item_4821", "", ())}
    example, _ = asked(history=(event("a"),), item="b")
    for text, leaks in (("item_48", []), ("item_48\nitem_4821", ["x"])):
        assert check([example], [prompt_of(text)], items, {}, (), WORDING)["target_title_in_prompt"] == leaks


def test_a_leak_stops_the_run_with_what_where_and_the_way_out():
    found = {name: [] for name in CHECKS} | {"later_event": ["x", "y"]}
    with pytest.raises(LeakError, match=r"later_event in 2 \(first x\); .* on_leak=stamp"):
        verdict(found, stop=True)


def test_a_leak_stamps_the_result_when_told_to():
    leaks = verdict({name: [] for name in CHECKS} | {"later_event": ["x"]}, stop=False)
    assert (leaks.status, leaks.checks["later_event"]) == ("LEAK", 1)
    assert verdict({name: [] for name in CHECKS}, stop=True).status == "clean"
