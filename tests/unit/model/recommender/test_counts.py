import pytest

from llmrec.errors import ConfigError
from llmrec.model.recommender.counts import LastItem, RecentPopularity

from .conftest import asked, taught

RECENT = RecentPopularity(name="recent_popularity", size=2, days=2)
LAST = LastItem(name="last_item", size=2, reach=2)


def test_recent_popularity_counts_the_days_before_the_question_alone(answers):
    # Day 0: a a a, day 1: b c, day 2: b.
    rows = taught({"u": "abb", "v": "ac", "w": "a"})
    [ranking] = answers(RECENT, rows, [asked("x", day=2.5)])
    assert ranking.items == ("b", "c")
    [early] = answers(RECENT, rows, [asked("x", day=0.5)])
    assert early.items[0] == "a"


def test_recent_popularity_breaks_ties_by_all_time_counts(answers):
    rows = taught({"u": "ab", "v": "ac", "w": "c"})  # c twice in all, b once; once each on day 1
    [ranking] = answers(RECENT, rows, [asked("x", history="a", day=1.5)])
    assert ranking.items == ("c", "b")


def test_last_item_counts_neighbours_by_one_over_their_distance(answers):
    # Around a: b at one step twice (2), c at two steps once (1/2), d at one step once (1).
    rows = taught({"u": "abc", "v": "ba", "w": "da"})
    [ranking] = answers(LAST, rows, [asked("x", history="ea")])
    assert ranking.items == ("b", "d")
    assert ranking.scores[0] - ranking.scores[1] == pytest.approx(1.0, abs=0.2)  # popularity adds below 1/2


def test_last_item_reaches_so_far_and_no_farther(answers):
    rows = taught({"u": "abcd", "v": "ee"})  # d is three steps from a
    [ranking] = answers(LAST, rows, [asked("x", history="a", candidates="de")])
    assert ranking.items == ("e", "d")  # by popularity alone


def test_without_a_history_popularity_answers(answers):
    rows = taught({"u": "abb", "v": "b"})
    [ranking] = answers(LAST, rows, [asked("x")])
    assert ranking.items == ("b", "a")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: RecentPopularity(name="r", size=1, days=0), "days: 0"),
        (lambda: LastItem(name="l", size=1, reach=0), "reach: 0"),
        (lambda: LastItem(name="l", size=0, reach=1), "size: 0"),
    ],
)
def test_impossible_settings_are_refused(wrong, told):
    with pytest.raises(ConfigError, match=told):
        wrong()
