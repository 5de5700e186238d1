"""The published files have the published counts, and come back from the cache at once."""

import time
from collections import Counter

import pytest
from builders import real_data

from llmrec.commands.composing import composed
from llmrec.dataset.amazon import careful_review, review
from llmrec.dataset.raw import numbered_lines
from llmrec.plan import Plan, plan
from llmrec.progress import Silent
from llmrec.records import Corpus

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("real")


def planned(name: str, folder) -> Plan:
    return plan(composed([f"dataset={name}", f"data_dir={real_data(name)}", f"cache_dir={folder}"]))


def loaded(made: Plan) -> Corpus:
    return made.dataset.load(made.data_dir, made.cache_dir, Silent())


def load(name: str, folder) -> Corpus:
    return loaded(planned(name, folder))


def test_beauty_has_the_papers_counts_and_stars(folder):
    corpus = load("beauty", folder)
    counts = {key: corpus.counts[key] for key in ("users", "items", "interactions", "duplicates", "untitled")}
    assert counts == {"users": 22363, "items": 12101, "interactions": 198502, "duplicates": 0, "untitled": 7}
    stars = Counter(row.rating for row in corpus.interactions)
    assert [stars[n] for n in (1, 2, 3, 4, 5)] == [10526, 11456, 22248, 39741, 114531]
    titled = [item.title for item in corpus.items.values() if item.title != f"item {item.id}"]
    assert len(titled) == 12094
    assert not any("&amp;" in title for title in titled)
    assert corpus.notes == []


def test_cached_beauty_comes_back_in_under_a_third_of_a_second(folder):
    made = planned("beauty", folder)
    loaded(made)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        loaded(made)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.3


@pytest.mark.parametrize("name", ["beauty", "gift_cards", "musical_instruments"])
def test_every_line_read_at_once_is_what_careful_reading_makes_of_it(name):
    [path] = (real_data(name) / name).glob("[!m]*_5.json.gz")
    for number, line in numbered_lines(path, Silent()):
        assert review(line) == careful_review(line), number


def test_gift_cards_lose_their_seven_duplicates(folder):
    corpus = load("gift_cards", folder)
    counts = {key: corpus.counts[key] for key in ("users", "items", "rows", "duplicates", "untitled")}
    assert counts == {"users": 458, "items": 148, "rows": 2972, "duplicates": 7, "untitled": 0}
    assert corpus.notes == []


def test_musical_instruments_have_texts_and_no_titles(folder):
    corpus = load("musical_instruments", folder)
    counts = {
        key: corpus.counts[key] for key in ("users", "items", "interactions", "untitled", "without_review")
    }
    assert counts == {
        "users": 1429,
        "items": 900,
        "interactions": 10261,
        "untitled": 900,
        "without_review": 7,
    }
    assert corpus.notes == ["no metadata file: every item is shown as 'item <id>'"]
