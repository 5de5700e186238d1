import pytest
import torch
from torch.nn import functional

from llmrec.model.recommender.network import losses


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64).requires_grad_()


def test_the_softmax_over_all_items_and_its_gradients_are_autograds(monkeypatch):
    monkeypatch.setattr(losses, "_CELLS_CPU", 20)  # three rows of six items at a time, the last chunk shorter
    torch.manual_seed(0)
    states, table, targets = drawn(7, 4), drawn(6, 4), torch.tensor([0, 5, 2, 2, 1, 3, 4])
    ours = losses.cross_entropy(states, table, targets)
    theirs = functional.cross_entropy(states @ table.t(), targets)
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-12)
    for mine, right in zip(
        torch.autograd.grad(2 * ours, (states, table)),
        torch.autograd.grad(2 * theirs, (states, table)),
        strict=True,
    ):
        torch.testing.assert_close(mine, right)


def test_binary_cross_entropy_is_that_of_the_target_and_the_drawn():
    # One item alone is drawn and is the target: -log sigmoid(s) - log(1 - sigmoid(s)) at s = 2.
    states, table = torch.tensor([[2.0]]), torch.tensor([[1.0]])
    loss = losses.binary_cross_entropy(states, table, torch.tensor([0]), negatives=1)
    assert loss.item() == pytest.approx(0.126928 + 2.126928, abs=1e-5)


def test_the_contrastive_loss_pushes_what_is_beyond_the_margin():
    # cos to the target .6; to the drawn 1 and 0, of which the first is .5 beyond the margin.
    users, targets = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]])
    negatives = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    loss = losses.cosine_contrastive(users, targets, negatives, margin=0.5, weight=2.0)
    assert loss.item() == pytest.approx(0.4 + 2.0 * 0.25)
