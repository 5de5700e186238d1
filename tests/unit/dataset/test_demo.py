"""The demo's shop behaves as one: tastes show, popularity helps, and nothing depends on chance."""

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import EVERYTHING

from llmrec.dataset.assemble import Expected
from llmrec.dataset.demo import METADATA, REVIEWS, Demo
from llmrec.errors import ConfigError
from llmrec.progress import Silent
from llmrec.records import Corpus
from llmrec.seeded import hash64

SEEDS = (0, 1, 2)


def shop(seed: int, users: int = 400, catalogue: int = 300) -> Demo:
    unknown = Expected(users=None, items=None, interactions=None)
    sizes = {"users": users, "catalogue": catalogue, "seed": seed}
    return Demo(name="demo", sample=EVERYTHING, k_core=0, max_bad_lines=0, expected=unknown, **sizes)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory) -> dict[int, Corpus]:
    folder = tmp_path_factory.mktemp("demo")
    return {seed: shop(seed).load(folder, folder / "cache", Silent()) for seed in SEEDS}


def hit_rate(corpus: Corpus, scorer: Callable[[list[str], Counter[str], Corpus, str], float]) -> float:
    """HR@10 over the whole catalogue without the user's own items, last interaction held out."""
    sequences = defaultdict(list)
    for row in sorted(corpus.interactions, key=lambda r: (r.timestamp, hash64(r.user, r.item))):
        sequences[row.user].append(row.item)
    counts = Counter(item for items in sequences.values() for item in items[:-1])
    hits = 0
    for *history, target in sequences.values():
        others = [item for item in sorted(corpus.items) if item not in history]
        ranked = sorted(others, key=lambda item: -scorer(history, counts, corpus, item))
        hits += target in ranked[:10]
    return hits / len(sequences)


def popularity(history: list[str], counts: Counter[str], corpus: Corpus, item: str) -> float:
    return counts[item]


def taste(history: list[str], counts: Counter[str], corpus: Corpus, item: str) -> float:
    known = [corpus.items[i] for i in history]
    kinds = sum(k.categories == corpus.items[item].categories for k in known)
    brands = sum(k.brand == corpus.items[item].brand for k in known)
    return kinds * (1 + brands) * counts[item]


@pytest.mark.parametrize("seed", SEEDS)
def test_popularity_beats_random_and_history_beats_popularity(corpora, seed):
    at_random = 10 / len(corpora[seed].items)
    by_popularity = hit_rate(corpora[seed], popularity)
    assert by_popularity > 2 * at_random
    assert hit_rate(corpora[seed], taste) > by_popularity + 0.05


@pytest.mark.parametrize("seed", SEEDS)
def test_every_user_and_item_has_five_interactions_or_more(corpora, seed):
    rows = corpora[seed].interactions
    users, items = Counter(r.user for r in rows), Counter(r.item for r in rows)
    assert (len(users), len(items)) == (400, 300)
    assert min(users.values()) >= 5
    assert min(items.values()) >= 5


def test_nothing_is_bad_doubled_or_untitled(corpora):
    dropped = ("bad_lines", "duplicates", "untitled", "without_review", "without_summary")
    assert all(corpora[0].counts[name] == 0 for name in dropped)


def test_stars_are_skewed_to_five_and_all_occur(corpora):
    stars = Counter(r.rating for r in corpora[0].interactions)
    assert set(stars) == {1.0, 2.0, 3.0, 4.0, 5.0}
    assert stars.most_common(1)[0][0] == 5.0


def test_times_are_whole_days_and_some_tie(corpora):
    assert all(r.timestamp % 86400 == 0 for r in corpora[0].interactions)
    assert 0.1 < corpora[0].counts["tied"] / corpora[0].counts["interactions"] < 0.6


def test_reviews_have_two_to_five_sentences(corpora):
    assert {r.review.count(".") for r in corpora[0].interactions} <= {2, 3, 4, 5}


def test_summaries_have_one_to_six_words_and_repeat(corpora):
    summaries = [r.summary for r in corpora[0].interactions]
    assert all(1 <= len(summary.split()) <= 6 for summary in summaries)
    assert 50 < len(set(summaries)) < len(summaries) / 2


def test_summaries_follow_the_stars(corpora):
    stars = [r.rating for r in corpora[0].interactions if r.summary == "Love it"]
    assert set(stars) == {5.0}


def test_no_wording_is_left_unfilled(corpora):
    assert not any("{" in r.review + r.summary for r in corpora[0].interactions)


def test_titles_are_distinct(corpora):
    assert len({item.title for item in corpora[0].items.values()}) == 300


def test_the_raw_files_are_the_same_bytes_each_time(tmp_path):
    def made(folder: Path) -> list[bytes]:
        paths = shop(3, users=20, catalogue=15).fetch(folder, folder, Silent())
        assert [path.name for path in paths] == [REVIEWS, METADATA]
        return [path.read_bytes() for path in paths]

    assert made(tmp_path / "a") == made(tmp_path / "b")


def test_raw_files_that_exist_are_not_made_again(tmp_path):
    reviews, _ = shop(3, users=20, catalogue=15).fetch(tmp_path, tmp_path, Silent())
    before = reviews.stat().st_mtime_ns
    shop(3, users=20, catalogue=15).fetch(tmp_path, tmp_path, Silent())
    assert reviews.stat().st_mtime_ns == before


def test_a_shop_too_small_is_refused():
    with pytest.raises(ConfigError, match=r"^catalogue: 3 is too few; use 10 or more$"):
        shop(0, catalogue=3)
