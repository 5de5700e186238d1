"""The titles that a run keeps of the items that it names."""

import msgspec
import pytest
from reported import answering, finished

from llmrec.artifacts import EXAMPLES, ITEMS, METRICS, PREDICTIONS, PROMPTS, from_lines
from llmrec.commands.composing import composed
from llmrec.errors import DataError
from llmrec.finished import Finished
from llmrec.pipeline import titles
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Example, Prediction
from llmrec.rows import draw

DIRECT = "task=direct limit=6 task.num_negatives=9"


def data_of(folder):
    return draw(plan(composed(["dataset=demo", f"cache_dir={folder.parent}/cache"])), Silent()).corpus.items


def test_every_item_that_rows_and_answers_name_has_its_title(tmp_path):
    folder = finished(tmp_path, "popular", "task=sequential limit=6 model=popularity")
    rows, answers = from_lines(folder / EXAMPLES, Example), from_lines(folder / PREDICTIONS, Prediction)
    named = {item for answer in answers for item in answer.answer.items}
    for row in rows:
        named |= {row.target.item, *(event.item for event in row.question.history)}
    items = data_of(folder)
    assert Finished.at(folder).titles == {item: items[item].title for item in named}


def test_titles_are_those_of_the_data_whatever_prompts_call_them(tmp_path):
    by_number = answering(tmp_path, "numbers", f"{DIRECT} prompt=random_id", ["1. item_4"])
    kept = Finished.at(by_number).titles
    for row in from_lines(by_number / EXAMPLES, Example):
        assert set(row.question.candidates) <= kept.keys()
    assert b"item_" in (by_number / PROMPTS).read_bytes()
    assert not any("item_" in title for title in kept.values())


def test_a_run_made_before_has_none_and_scoring_it_again_writes_them(tmp_path):
    folder = finished(tmp_path, "popular", f"{DIRECT} model=popularity")
    kept, scored = (folder / ITEMS).read_bytes(), (folder / METRICS).read_bytes()
    (folder / ITEMS).unlink()
    assert Finished.at(folder).titles == {}
    finished(tmp_path, "popular", f"{DIRECT} model=popularity")
    assert (folder / ITEMS).read_bytes() == kept
    one, other = (msgspec.json.decode(content) for content in (scored, (folder / METRICS).read_bytes()))
    assert one | {"seconds": 0} == other | {"seconds": 0}
    (folder / ITEMS).write_text("[]")
    with pytest.raises(DataError, match=r"items.json: no titles of items .*; remove it, llmrec score"):
        assert Finished.at(folder).titles


def test_an_item_without_a_title_is_left_out(tmp_path, monkeypatch):
    words = ["dataset=demo", f"cache_dir={tmp_path}/cache", *DIRECT.split(), "model=random"]
    rows = draw(plan(composed(words)), Silent())
    untitled = rows.examples[0].target.item
    item = rows.corpus.items[untitled]
    monkeypatch.setitem(rows.corpus.items, untitled, msgspec.structs.replace(item, title=""))
    assert untitled not in titles(rows, [])
    assert len(titles(rows, [])) > 1
