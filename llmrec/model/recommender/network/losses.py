"""What item scores are trained by."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_CELLS_CPU = 2_000_000  # scores held at a time: 8 MB, what a core's cache holds
_CELLS_GPU = 100_000_000


class _SoftmaxOverAll(torch.autograd.Function):
    """Cross-entropy against every item, with the gradient made in the same pass over the scores, which are
    never held whole: on a CPU three times as fast as autograd's, and in constant memory."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, table: Tensor, targets: Tensor) -> Tensor:
        count, cells = len(targets), _CELLS_CPU if states.device.type == "cpu" else _CELLS_GPU
        step = max(cells // len(table), 1)
        to_states, to_table = torch.empty_like(states), torch.zeros_like(table)
        loss = states.new_zeros(())
        for start in range(0, count, step):
            some, wanted = states[start : start + step], targets[start : start + step, None]
            scores = some @ table.t()
            right = scores.gather(1, wanted)
            most = scores.amax(1, keepdim=True)
            total = scores.sub_(most).exp_().sum(1, keepdim=True)
            loss += (total.log() + most - right).sum()
            scores.div_(total)
            scores.scatter_add_(1, wanted, torch.full_like(right, -1.0))
            torch.mm(scores, table, out=to_states[start : start + step])
            to_table.addmm_(scores.t(), some)
        ctx.save_for_backward(to_states / count, to_table / count)
        return loss / count

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor, Tensor, None]:
        to_states, to_table = ctx.saved_tensors
        return to_states * grad[0], to_table * grad[0], None


def cross_entropy(states: Tensor, table: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy (nats) of the target items among all items.

    `states` [n, d] score the items by `table` [items, d]; `targets` [n] are numbers of items.
    """
    loss: Tensor = _SoftmaxOverAll.apply(states, table, targets)  # type: ignore[no-untyped-call]
    return loss


def binary_cross_entropy(states: Tensor, table: Tensor, targets: Tensor, negatives: int) -> Tensor:
    """Return the mean binary cross-entropy of each target against so many items drawn at random.

    Source: Kang and McAuley, "Self-attentive sequential recommendation", 2018, eq. 4, there with one.
    """
    drawn = torch.randint(len(table), (len(targets), negatives), device=states.device)
    right = (states * table[targets]).sum(-1)
    wrong = torch.einsum("nd,nkd->nk", states, table[drawn])
    return (functional.softplus(-right) + functional.softplus(wrong).sum(-1)).mean()


def cosine_contrastive(
    users: Tensor, targets: Tensor, negatives: Tensor, margin: float, weight: float
) -> Tensor:
    """Return the mean of 1 - cos(user, target) + weight * mean(max(0, cos(user, negative) - margin)).

    `users` and `targets` are [n, d], `negatives` [k, d], shared by all; every vector of length 1. Source:
    Mao et al., "SimpleX: a simple and strong baseline for collaborative filtering", 2021, eq. 5.
    """
    right = (users * targets).sum(-1)
    wrong = functional.relu(users @ negatives.t() - margin).mean(-1)
    return (1.0 - right + weight * wrong).mean()
