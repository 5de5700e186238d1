"""Samples as JSON: what is in them, what is cut, and that nothing in them is markup."""

import json
import shutil

import msgspec
import pytest
from reported import HOSTILE, answering, enlarged, finished

from llmrec.artifacts import ITEMS, pretty
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
    texts = json.loads(text)["details"]["texts"]
    assert HOSTILE[0] in texts
    assert HOSTILE[1] in texts


def test_control_characters_are_shown_as_pictures(hostile):
    [shown] = [text for text in collect(groups([hostile]), FILE).details.texts if "control" in text]
    assert "\u2400\u2407\u241b[31m control" in shown
    assert "\x00" not in shown


def test_a_long_text_is_cut_and_its_length_told(hostile):
    details = collect(groups([hostile]), FILE).details
    [(number, length)] = details.lengths.items()
    assert length == 50_000
    assert details.texts[number] == ("long " * 10_000)[:LONGEST]


def test_a_sample_says_what_was_asked_answered_read_and_scored(ranked):
    [group] = groups([ranked])
    samples = collect([group], FILE)
    details = samples.details
    titles = group.entries[0].run.titles
    assert len(samples.samples) == 24
    for number, sample in enumerate(samples.samples):
        row, asked, answered = samples.rows[sample.row], details.rows[sample.row], details.samples[number]
        [example] = [one for one in group.examples if one.id == row.id]
        at = group.examples.index(example)
        answer = group.entries[0].predictions[at].answer
        for items, ids in (
            (asked.candidates, example.question.candidates),
            (asked.right.items, example.reference.items),
            (answered.read.items, answer.items[:10]),
        ):
            assert [details.items[item] for item in items] == [(id, titles[id]) for id in ids]
        assert sample.score == group.by_row[0, at]  # a hit at 5
        assert bool(sample.score) == (1 <= answered.place <= 5)
        assert answered.prompt is None
        assert answered.ranked == len(answer.items)


def test_a_rating_is_words_about_an_item(to):
    details = collect(groups([finished(to, "mean", "task=rating limit=4 model=train_mean")]), FILE).details
    for asked in details.rows.values():
        assert asked.right.words in {"1", "2", "3", "4", "5"}
        assert details.items[asked.item][1]
    assert all(answered.read.words for answered in details.samples.values())


def test_only_titles_of_items_that_are_shown_stand_there_once(ranked):
    details = collect(groups([ranked]), FILE._replace(shared=3, changed=0, of_a_kind=0)).details
    named = {item for asked in details.rows.values() for item in (*asked.candidates, *asked.right.items)}
    named |= {item for answered in details.samples.values() for item in answered.read.items}
    assert named == set(range(len(details.items)))
    assert len(set(details.items)) == len(details.items)
    kept = msgspec.json.decode((ranked / ITEMS).read_bytes())
    assert len(details.items) < len(kept)


def test_a_folder_without_titles_shows_ids(ranked, tmp_path):
    folder = shutil.copytree(ranked, tmp_path / "before")
    (folder / ITEMS).unlink()
    items = collect(groups([folder]), FILE).details.items
    assert items
    assert {title for _, title in items} == {""}


def test_a_hostile_title_is_cut_and_has_no_control_characters(ranked, tmp_path):
    folder = shutil.copytree(ranked, tmp_path / "hostile")
    kept = msgspec.json.decode((folder / ITEMS).read_bytes())
    bad = ["<script>alert(1)</script>", "a\x00\x1b[31m", "long " * 100]
    shown = {bad[0], "a\u2400\u241b[31m", bad[2][:199] + "\u2026"}
    (folder / ITEMS).write_bytes(pretty({id: bad[at % 3] for at, id in enumerate(kept)}))
    made = collect(groups([folder]), FILE)
    assert {title for _, title in made.details.items} == shown
    assert "<" not in embedded(made)


def test_prompts_and_texts_that_runs_share_stand_there_once(to, hostile):
    other = answering(to, "other", LINE, ["another answer"])
    samples = collect(groups([hostile, other]), FILE)
    assert len(samples.samples) == 48
    assert len(samples.details.prompts) == 24
    assert len(samples.details.texts) == len(set(samples.details.texts))


def test_modules_of_a_prompt_are_told(hostile):
    details = collect(groups([hostile]), FILE).details
    modules = {module for turns in details.prompts for turn in turns for module, _ in turn.parts}
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
