"""Samples as JSON: what is in them, what is cut, and that nothing in them is markup."""

import json

import pytest
from reported import HOSTILE, answering, enlarged, finished

from llmrec.onefile import embedded
from llmrec.pages.browser import LONGEST
from llmrec.pages.collector import collect
from llmrec.pages.groups import groups
from llmrec.pages.samples import FILE

LINE = "task=direct limit=24 task.num_negatives=9"


@pytest.fixture(scope="module")
def to(tmp_path_factory):
    return tmp_path_factory.mktemp("collected")


@pytest.fixture(scope="module")
def hostile(to):
    return answering(to, "hostile", LINE, HOSTILE)


@pytest.fixture(scope="module")
def ranked(to):
    return finished(to, "popular", f"{LINE} model=popularity")


def test_nothing_in_the_json_begins_or_ends_an_element(hostile):
    text = embedded(collect(groups([hostile]), FILE))
    assert not set("<>&\u2028\u2029") & set(text)
    texts = json.loads(text)["texts"]
    assert HOSTILE[0] in texts
    assert HOSTILE[1] in texts


def test_control_characters_are_shown_as_pictures(hostile):
    [shown] = [text for text in collect(groups([hostile]), FILE).texts if "control" in text]
    assert "\u2400\u2407\u241b[31m control" in shown
    assert "\x00" not in shown


def test_a_long_text_is_cut_and_its_length_told(hostile):
    samples = collect(groups([hostile]), FILE)
    [(number, length)] = samples.lengths.items()
    assert length == 50_000
    assert samples.texts[number] == ("long " * 10_000)[:LONGEST]


def test_a_sample_says_what_was_asked_answered_read_and_scored(ranked):
    [group] = groups([ranked])
    samples = collect([group], FILE)
    assert len(samples.samples) == 24
    for sample in samples.samples:
        row = samples.rows[sample.row]
        [example] = [one for one in group.examples if one.id == row.id]
        at = group.examples.index(example)
        answer = group.entries[0].predictions[at].answer
        assert row.candidates == list(example.question.candidates)
        assert sample.parsed == list(answer.items[:10])
        assert sample.score == group.by_row[0, at]  # a hit at 5
        assert bool(sample.score) == (1 <= sample.place <= 5)
        assert sample.prompt is None


def test_prompts_and_texts_that_runs_share_stand_there_once(to, hostile):
    other = answering(to, "other", LINE, ["another answer"])
    samples = collect(groups([hostile, other]), FILE)
    assert len(samples.samples) == 48
    assert len(samples.prompts) == 24
    assert len(samples.texts) == len(set(samples.texts))


def test_modules_of_a_prompt_are_told(hostile):
    samples = collect(groups([hostile]), FILE)
    modules = {module for turns in samples.prompts for turn in turns for module, _ in turn.parts}
    assert modules == {"task", "input", "behavior", "format"}


def test_what_would_be_too_much_is_left_out_and_counted(to):
    """20 runs of 60 rows, whose texts are longer than what is kept of them."""
    like = finished(to, "like", "task=direct limit=8 model=popularity")
    folders = [enlarged(to / "long", f"m{at}", like, rows=60, words=3_000) for at in range(20)]
    samples = collect(groups(folders), FILE)
    assert samples.left > 0
    assert len(samples.samples) + samples.left == 20 * 60
    assert 0.9 * FILE.bytes < len(embedded(samples).encode()) < 1.03 * FILE.bytes
    assert {sample.run for sample in samples.samples} == set(range(20))
