"""How many rows a difference takes, against the formula and against draws."""

import numpy as np
import pytest

from llmrec.commands import plan
from llmrec.errors import ConfigError
from llmrec.report.power import Price, cells, lasting, needs
from llmrec.results import Margin, Tokens, Verdict

from .made import floor, made


def pilot(spread, n=100, total=5_000):
    """Return a run whose difference from its floor has this standard deviation."""
    half = 1.959964 * spread / n**0.5
    margin = Margin("hr@5/full", 0.1, n, (0.1 - half, 0.1 + half), Verdict.yes)
    return made(
        n=n,
        n_total=total,
        floors=[floor("popularity", 0.0, margin)],
        tokens=Tokens(20_000, 1_000),
        seconds={"inference": 50.0},
    )


def test_rows_tokens_and_seconds_by_hand():
    [need] = needs(pilot(spread=0.2), detect=0.05, power=0.8)
    # ((1.960 + 0.8416) 0.2 / 0.05)^2 = 125.6
    assert (need.metric, need.against, need.rows) == ("hr@5", "popularity", 126)
    assert need.spread == pytest.approx(0.2, rel=1e-5)
    assert (need.prompt_tokens, need.completion_tokens) == (126 * 200, 126 * 10)
    assert need.seconds == pytest.approx(63.0)
    assert need.least == pytest.approx(2.80158 * 0.2 / 5_000**0.5, rel=1e-4)


def test_so_many_rows_show_the_difference_in_that_share_of_cases():
    [need] = needs(pilot(spread=0.2), detect=0.05, power=0.8)
    draws = np.random.default_rng(0).normal(0.05, 0.2, size=(4_000, need.rows))
    z = draws.mean(axis=1) / (draws.std(axis=1, ddof=1) / need.rows**0.5)
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.8, abs=0.02)


def test_more_rows_than_there_are_are_told_and_a_price_is_reckoned():
    [need] = needs(pilot(spread=0.2, total=100), detect=0.05, power=0.8)
    told = cells(need, Price(1.0, 10.0))
    assert told[3] == "126, more than the 100"
    assert told[-1] == f"{(126 * 200 * 1.0 + 126 * 10 * 10.0) / 1e6:.2f}"


def test_times_are_told_in_their_unit():
    assert [lasting(s) for s in (5, 119, 120, 7_199, 7_200, 200_000)] == [
        "5 s", "119 s", "2.0 min", "120.0 min", "2.0 h", "2.3 days",
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["detect=0", "power=1", "pilot=1", "price=1", "detect=much"])
def test_what_cannot_be_is_told(word):
    with pytest.raises(ConfigError, match=rf"{word.partition('=')[0]}: '.*' cannot be"):
        plan.main([word])
    with pytest.raises(ConfigError, match="say pilot=N"):
        plan.main(["limit=5"])
