"""Networks that read a sequence of items and say, at each position, what is wanted there.

Each takes items [batch, length] and users [batch] and gives states [batch, length, dim], to be scored
against its own item table. Numbers from the catalogue's size on are the padding and the mask.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

SPECIAL = 2  # padding and mask, behind the items


class Encoder(nn.Module, ABC):
    """An item table, and the network over it. `bidirectional` says that a position sees later ones."""

    bidirectional = False

    def __init__(self, items: int, dim: int) -> None:
        super().__init__()
        self.items = items
        self.table = nn.Embedding(items + SPECIAL, dim, padding_idx=items)
        nn.init.normal_(self.table.weight, std=0.02)
        with torch.no_grad():
            self.table.weight[items] = 0.0

    @property
    def padding(self) -> int:
        return self.items

    @property
    def mask(self) -> int:
        return self.items + 1

    def shown(self, sequences: Tensor) -> Tensor:
        """Return the items' vectors, scaled to the length that layers start well from."""
        vectors: Tensor = self.table(sequences) * self.table.embedding_dim**0.5
        return vectors

    def catalogue(self) -> Tensor:
        """Return the table of the items alone, [items, dim]."""
        return self.table.weight[: self.items]

    @abstractmethod
    def forward(self, sequences: Tensor, users: Tensor) -> Tensor: ...


class Transformer(Encoder):
    """Self-attention over the sequence: SASRec where it is causal, BERT4Rec where it sees both sides.

    Sources: Kang and McAuley, "Self-attentive sequential recommendation", 2018, whose layers both have here;
    Sun et al., "BERT4Rec", 2019. Places are counted from the end of what is read, so that the last item has
    the same one in every sequence.
    """

    def __init__(
        self, items: int, dim: int, layers: int, heads: int, length: int, dropout: float, bidirectional: bool
    ) -> None:
        super().__init__(items, dim)
        self.bidirectional = bidirectional
        self.places = nn.Embedding(length, dim)
        nn.init.normal_(self.places.weight, std=0.02)
        self.layers = nn.ModuleList(Attention(dim, heads, dropout) for _ in range(layers))
        self.norm, self.dropout = nn.LayerNorm(dim), nn.Dropout(dropout)

    def forward(self, sequences: Tensor, users: Tensor) -> Tensor:
        there = sequences != self.padding
        to_end = there.sum(1, keepdim=True) - 1 - torch.arange(sequences.shape[1], device=sequences.device)
        states: Tensor = self.dropout(self.shown(sequences) + self.places(to_end.clamp(min=0)))
        # Behind the end of a sequence is padding: a causal position never sees it, another must not.
        seen = there[:, None, None, :] if self.bidirectional else None
        for layer in self.layers:
            states = layer(states, seen)
        normed: Tensor = self.norm(states)
        return normed


class Attention(nn.Module):
    """One layer: attention from the normalised states over the states as they are, added to the former; then
    a feed-forward network, added to its normalised input."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.rate, self.dropout = heads, dropout, nn.Dropout(dropout)
        self.query, self.key_value, self.mixed = (
            nn.Linear(dim, dim),
            nn.Linear(dim, 2 * dim),
            nn.Linear(dim, dim),
        )
        self.feed, self.out = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.norm_query, self.norm_feed = nn.LayerNorm(dim), nn.LayerNorm(dim)
        for linear in (self.query, self.key_value, self.mixed, self.feed, self.out):
            nn.init.normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)

    def forward(self, states: Tensor, seen: Tensor | None) -> Tensor:
        asking = self.norm_query(states)
        shown = torch.cat([self.query(asking), self.key_value(states)], dim=-1)
        split = shown.view(*shown.shape[:2], 3, self.heads, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=seen, is_causal=seen is None, dropout_p=self.rate * self.training
        )
        states = self.norm_feed(asking + self.mixed(found.transpose(1, 2).flatten(2)))
        fed: Tensor = self.dropout(self.out(self.dropout(functional.relu(self.feed(states)))))
        return states + fed


class Recurrent(Encoder):
    """A gated recurrent network. Source: Hidasi et al., "Session-based recommendations with recurrent neural
    networks", 2016 (GRU4Rec)."""

    def __init__(self, items: int, dim: int, layers: int, dropout: float) -> None:
        super().__init__(items, dim)
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(dim, dim, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.out = nn.Linear(dim, dim)

    def forward(self, sequences: Tensor, users: Tensor) -> Tensor:
        states, _ = self.gru(self.dropout(self.shown(sequences)))
        out: Tensor = self.out(self.dropout(states))
        return out


class Gated(Encoder):
    """Gates over the features and the items of a window of the last ones, for a user's lasting taste and
    item to item, added up. Source: Ma et al., "Hierarchical gating networks for sequential
    recommendation", 2019 (HGN), eqs. 2-7, with one item table for both ends."""

    def __init__(self, items: int, users: int, dim: int, window: int, dropout: float) -> None:
        super().__init__(items, dim)
        self.window, self.dropout = window, nn.Dropout(dropout)
        self.users = nn.Embedding(users + 1, dim, padding_idx=users)  # the last one is of unknown users
        nn.init.normal_(self.users.weight, std=0.02)
        with torch.no_grad():
            self.users.weight[users] = 0.0
        self.feature = nn.Linear(dim, dim)
        self.feature_of_user = nn.Linear(dim, dim, bias=False)
        self.instance = nn.Linear(dim, 1, bias=False)
        self.instance_of_user = nn.Linear(dim, window, bias=False)

    def forward(self, sequences: Tensor, users: Tensor) -> Tensor:
        user = self.dropout(self.users(torch.where(users < 0, self.users.padding_idx or 0, users)))[:, None]
        early = sequences.new_full((len(sequences), self.window - 1), self.padding)
        windows = torch.cat([early, sequences], dim=1).unfold(1, self.window, 1)
        there = (windows != self.padding).unsqueeze(-1)
        shown = self.dropout(self.table(windows))  # [batch, length, window, dim]
        gate = self.feature(shown) + self.feature_of_user(user)[:, :, None]
        gated = shown * torch.sigmoid(gate)
        weight = self.instance(gated) + self.instance_of_user(user)[..., None]
        gated = gated * torch.sigmoid(weight) * there
        pooled = gated.sum(2) / there.sum(2).clamp(min=1)
        states: Tensor = user + pooled + (shown * there).sum(2)
        return states
