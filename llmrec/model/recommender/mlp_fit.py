"""How the perceptron on embeddings learns, in torch, and what it predicts, in numpy."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from llmrec.model.recommender.index import Numbers
from llmrec.model.recommender.learner import Lesson
from llmrec.model.recommender.ratings import Array, Course, Rated, Weights, best_epoch, rmse

if TYPE_CHECKING:
    from llmrec.model.recommender.mlp import MLP

# Spread of the embeddings at the start, as the paper draws all of its parameters.
SPREAD = 0.01


class Network(nn.Module):
    """Stars above the mean of all, from numbers of users and items."""

    def __init__(self, model: "MLP", users: int, items: int) -> None:
        super().__init__()
        self.user = nn.Embedding(users, model.embedding)
        self.item = nn.Embedding(items, model.embedding)
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=SPREAD)
        sizes = [2 * model.embedding, *model.hidden, 1]
        self.layers = nn.ModuleList(nn.Linear(wide, next_wide) for wide, next_wide in pairwise(sizes))
        self.dropout = nn.Dropout(model.dropout)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Take [rows] and [rows], return [rows]."""
        state = torch.cat([self.user(users), self.item(items)], dim=1)
        for layer in self.layers[:-1]:
            state = torch.relu(layer(self.dropout(state)))
        return self.layers[-1](state).squeeze(1)  # type: ignore[no-any-return]


def fit(model: "MLP", rows: Rated, held_out: Rated, lesson: Lesson) -> Course:
    """Return the best epoch."""
    mean = np.mean(rows.stars, keepdims=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(lesson.seed)
        network = Network(model, len(lesson.numbers.users), len(lesson.numbers.items))
        optimizer = torch.optim.Adam(
            network.parameters(), lr=model.learning_rate, weight_decay=model.weight_decay
        )
        users, items = torch.from_numpy(rows.users), torch.from_numpy(rows.items)
        above = torch.from_numpy(rows.stars - mean)

        def epoch() -> float:
            network.train()
            total = 0.0
            for batch in torch.split(torch.randperm(len(above)), model.batch_size):
                loss = nn.functional.mse_loss(network(users[batch], items[batch]), above[batch])
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                total += loss.item() * len(batch)
            return total / len(above)

        with lesson.progress.bar(f"fitting {model.name}", None, "epochs") as advance:

            def score(weights: Weights) -> float:
                found = rmse(predict(weights, held_out.users, held_out.items), held_out.stars)
                advance(1, f"rmse {found:.4f}")
                return found

            return best_epoch(
                epoch=epoch,
                weights=lambda: arrays(network, rows, mean),
                score=score,
                max_epochs=model.max_epochs,
                patience=model.patience,
            )


def arrays(network: Network, rows: Rated, mean: Array) -> dict[str, Array]:
    """Return a copy of what was learned; embeddings have a row more, for what is unknown."""
    found = {"mean": mean}
    for name, table, numbers in (("user", network.user, rows.users), ("item", network.item, rows.items)):
        learned = table.weight.detach().numpy()
        known = np.unique(numbers)
        whole = np.tile(learned[known].mean(axis=0), (len(learned) + 1, 1))
        whole[known] = learned[known]
        found[name] = whole
    for name, parameter in network.layers.named_parameters():
        found[name] = parameter.detach().numpy().copy()
    return found


def predict(weights: Weights, users: Numbers, items: Numbers) -> Array:
    """Return [rows] stars, not yet within the scale; number -1 finds the embedding of the unknown."""
    state = np.concatenate([weights["user"][users], weights["item"][items]], axis=1)
    last = sum(name.endswith(".bias") for name in weights) - 1
    for number in range(last):
        state = np.maximum(state @ weights[f"{number}.weight"].T + weights[f"{number}.bias"], 0.0)
    return weights["mean"] + (state @ weights[f"{last}.weight"].T + weights[f"{last}.bias"])[:, 0]
