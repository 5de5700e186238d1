"""Which rows are rated, and in which order their texts are shown to whom."""

from collections.abc import Sequence

from llmrec.seeded import hash64, rng

Order = tuple[int, ...]


def drawn(ids: Sequence[str], count: int, seed: int) -> list[str]:
    """Return the `count` ids of lowest hash, so that a larger draw contains a smaller one."""
    return sorted(ids, key=lambda id: (hash64("rated", seed, id), id))[:count]


def squares(size: int) -> list[list[Order]]:
    """Return Latin squares of 0 .. size - 1: each stands once in every row and once in every column.

    One square where `size` is even, two where it is odd; taken together, each stands equally often directly
    after each other (Williams, "Experimental designs balanced for the estimation of residual effects of
    treatments", 1949).
    """
    zigzag = [(place + 1) // 2 if place % 2 else -place // 2 for place in range(size)]
    bases = [zigzag, zigzag[::-1]] if size % 2 and size > 1 else [zigzag]
    return [[tuple((value + row) % size for value in base) for row in range(size)] for base in bases]


def orders(count: int, size: int, rater: int, seed: int, again: bool) -> list[Order]:
    """Return for each of `count` items the order of its `size` texts as a rater, numbered from 0, sees them;
    the second time by the next row of the square, which is another order wherever size > 1.

    Over any whole number of squares every text stands equally often in every place, and at most one time
    more often over the rest. An item's texts move on by one row of its square from rater to rater, so that
    places are balanced over each item's raters too.
    """
    names = list(range(size))
    rng("texts", seed).shuffle(names)
    found: list[Order] = []
    block = 0
    while len(found) < count:
        square = squares(size)[block % len(squares(size))]
        rows = list(range(size))
        rng("rows", seed, block, rater // size).shuffle(rows)
        found += [tuple(names[text] for text in square[(row + rater + again) % size]) for row in rows]
        block += 1
    return found[:count]


def sequence(count: int, repeat: int, rater: int, seed: int) -> tuple[list[int], list[int]]:
    """Return the items 0 .. count - 1 in the order of a rater's page, and the `repeat` of them that are
    shown again after the last one.

    Those are of the page's first half where it has so many, so that much lies between the two times.
    """
    chance = rng("page", seed, rater)
    first = list(range(count))
    chance.shuffle(first)
    return first, chance.sample(first[: max(repeat, (count + 1) // 2)], repeat)
