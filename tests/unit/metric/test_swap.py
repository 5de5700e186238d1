"""The swap test, by hand."""

import pytest
from builders import question

from llmrec.errors import ConfigError
from llmrec.metric.base import Context, Row
from llmrec.metric.score import score
from llmrec.metric.swap import SwapTest, alike
from llmrec.records import Text

NOTHING = Context(training=[])
# Who is held against whom of eight rows, as the hash of their names has it.
NEXT = [4, 2, 3, 0, 5, 7, 1, 6]


def rows_of(*texts: tuple[str, str | None]) -> list[Row]:
    return [
        Row(question=question(id=f"q{n}"), reference=Text(own), answer=None if said is None else Text(said))
        for n, (own, said) in enumerate(texts)
    ]


def of(others: int, *texts: tuple[str, str | None]) -> float | None:
    metric = SwapTest(others=others)
    assert metric.statistics(rows_of(*texts), NOTHING).shape == (len(texts), 1)
    [strict, _] = score([metric], rows_of(*texts), NOTHING, seed=0, resamples=20)
    assert strict.id == f"swap/others={others}"
    return strict.value


def test_a_text_that_suits_its_own_row_alone_passes_the_swap_test():
    assert of(2, ("red soap", "Red soap"), ("blue comb", "a blue comb"), ("green brush", "green")) == 1.0
    general = of(2, ("red soap", "nice"), ("blue comb", "nice"), ("green brush", None))
    assert general == pytest.approx((0.5 + 0.5 + 0.0) / 3)
    assert of(1, ("red soap", "blue comb"), ("blue comb", "red soap")) == 0.0
    assert of(5, ("red soap", "red")) == 0.5


def test_rows_are_held_against_others_by_a_hash_of_their_names():
    words = [f"w{n}" for n in range(8)]
    # Whoever says what the next row's reference says loses to it, and ties with everyone else's.
    beaten = [
        [row[0] for row in SwapTest(others=1).statistics(rows_of(*[(own, said) for own in words]), NOTHING)]
        for said in words
    ]
    held_against = [next(at for at in range(8) if beaten[at][row] == 0.0) for row in range(8)]
    assert held_against == NEXT


def test_words_are_alike_by_their_f1():
    assert alike({"a", "b"}, {"b"}) == pytest.approx(2 / 3)
    assert alike({"a", "b"}, {"a", "b", "c", "d"}) == pytest.approx(2 / 3)
    assert alike({"a"}, set()) == alike(set(), {"a"}) == alike(set(), set()) == 0.0


def test_a_swap_with_nobody_is_refused():
    with pytest.raises(ConfigError, match=r"^others: 0 rows to swap with; use 1 or more$"):
        SwapTest(others=0)
