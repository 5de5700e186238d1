import numpy as np
import pytest

from llmrec.model.recommender.network import batches
from llmrec.model.recommender.network.encoders import Recurrent, Transformer

CAUSAL = Recurrent(items=9, dim=2, layers=1, dropout=0.0)  # padding 9, mask 10
BOTH = Transformer(9, 2, layers=1, heads=1, length=4, dropout=0.0, bidirectional=True)
ROWS = [np.array([1, 2, 3]), np.array([4, 5])]
USERS = np.array([0, 1])


def test_rows_of_like_length_are_padded_together():
    parts = batches.alike([3, 1, 2, 1, 3], 2)
    assert [part.tolist() for part in parts] == [[1, 3], [2, 0], [4]]


def test_next_items_follow_each_position():
    batch = batches.next_items(ROWS, USERS, CAUSAL)
    assert batch.sequences.tolist() == [[1, 2], [4, 9]]
    assert batch.targets.tolist() == [[2, 3], [5, batches.NOTHING]]


def test_what_is_masked_is_wanted_and_nothing_else():
    rows = [np.arange(4)] * 200
    batch = batches.masked_items(rows, np.zeros(200, dtype=int), BOTH, 0.3, np.random.default_rng(0))
    hidden = batch.sequences == BOTH.mask
    assert hidden.any(dim=1).all()
    assert (batch.targets[~hidden] == batches.NOTHING).all()
    assert batch.targets[hidden].tolist() == np.tile(np.arange(4), (200, 1))[hidden.numpy()].tolist()
    assert hidden.float().mean() == pytest.approx(0.3 * 0.9 + 0.25 * 0.1 + 0.06, abs=0.05)


def test_a_question_is_read_at_its_last_item_or_at_a_mask_behind_it():
    sequences, at = batches.asked([[1, 2, 3, 4, 5], [6]], CAUSAL, 4)
    assert (sequences.tolist(), at.tolist()) == ([[2, 3, 4, 5], [6, 9, 9, 9]], [3, 0])
    sequences, at = batches.asked([[1, 2, 3, 4, 5], [6]], BOTH, 4)
    assert (sequences.tolist(), at.tolist()) == ([[3, 4, 5, 10], [6, 10, 9, 9]], [3, 1])
