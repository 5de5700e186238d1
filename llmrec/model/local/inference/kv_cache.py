"""Keys and values of tokens that were read: the memory that attention looks into."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

KeysValues = tuple[Tensor, Tensor]


class KVLayer(CacheLayerMixin):
    """One layer's keys and values [rows, heads, columns, size of a head], of which the first `filled`
    columns are in use. New tokens go into the next ones, in place; nothing grows or moves."""

    is_sliding = False
    keys: Tensor
    values: Tensor

    def __init__(self, keys: Tensor, values: Tensor, filled: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.keys, self.values, self.filled = keys, values, filled
        self.is_initialized = True

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        raise NotImplementedError("its columns are there from the start")

    def update(self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object) -> KeysValues:
        begin, self.filled = self.filled, self.filled + key_states.shape[-2]
        self.keys[:, :, begin : self.filled] = key_states
        self.values[:, :, begin : self.filled] = value_states
        return self.keys[:, :, : self.filled], self.values[:, :, : self.filled]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.filled + query_length, 0

    def get_seq_length(self) -> int:
        return self.filled

    def get_max_length(self) -> int:
        return int(self.keys.shape[-2])


class KVCache:
    """The keys and values of all layers, for several rows of tokens side by side."""

    def __init__(self, layers: Sequence[KVLayer]) -> None:
        self.layers = list(layers)
        self.cache = Cache(layers=[*layers])

    @property
    def filled(self) -> int:
        return self.layers[0].filled

    @property
    def room(self) -> int:
        """The columns that there are, in use or not."""
        return self.layers[0].get_max_length()

    def spread(self, rows: int, room: int) -> "KVCache":
        """Return `rows` copies of the memory of one row, with room for so many tokens more."""
        return KVCache(
            [_roomy(layer, torch.zeros(rows, dtype=torch.long), None, room) for layer in self.layers]
        )

    def gathered(self, rows: Tensor, columns: Tensor, room: int) -> "KVCache":
        """Return a memory whose rows are made of the columns [new rows, n] of the rows given [new rows]."""
        return KVCache([_roomy(layer, rows, columns, room) for layer in self.layers])

    def kept(self, rows: Tensor, room: int) -> "KVCache":
        """Return the memory of these rows alone."""
        return KVCache([_roomy(layer, rows, None, room) for layer in self.layers])

    @classmethod
    def joined(cls, parts: Sequence["KVCache"], order: Sequence[int], room: int) -> "KVCache":
        """Return the rows of all parts in one memory, those of the first part at the first places of `order`;
        what a row lacks to the longest part is zeros behind it."""
        return cls(
            [_joined(layers, order, room) for layers in zip(*(part.layers for part in parts), strict=True)]
        )

    def shortened(self, columns: int) -> "KVCache":
        """Return the memory of the first columns; what stands behind them is not copied."""
        return KVCache([KVLayer(layer.keys, layer.values, columns) for layer in self.layers])


def _roomy(layer: KVLayer, rows: Tensor, columns: Tensor | None, room: int) -> KVLayer:
    taken = [
        _taken(part[:, :, : layer.filled], rows.to(part.device), columns)
        for part in (layer.keys, layer.values)
    ]
    filled = taken[0].shape[-2]
    roomy = [part.new_empty(*part.shape[:2], filled + room, part.shape[-1]) for part in taken]
    for whole, part in zip(roomy, taken, strict=True):
        whole[:, :, :filled] = part
        whole[:, :, filled:] = 0  # attention weighs what it must not see by zero, and zero times NaN is NaN
    return KVLayer(roomy[0], roomy[1], filled)


def _joined(layers: Sequence[KVLayer], order: Sequence[int], room: int) -> KVLayer:
    filled = max(layer.filled for layer in layers)
    _, heads, _, size = layers[0].keys.shape
    keys, values = (layers[0].keys.new_zeros(len(order), heads, filled + room, size) for _ in range(2))
    begin = 0
    for layer in layers:
        rows = list(order[begin : begin + len(layer.keys)])
        begin += len(rows)
        keys[rows, :, : layer.filled] = layer.keys[:, :, : layer.filled]
        values[rows, :, : layer.filled] = layer.values[:, :, : layer.filled]
    return KVLayer(keys, values, filled)


def _taken(part: Tensor, rows: Tensor, columns: Tensor | None) -> Tensor:
    if columns is None:
        return part[rows]
    return part[rows[:, None], :, columns.to(part.device)].transpose(1, 2)
