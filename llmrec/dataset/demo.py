"""A data set made by code: an invented shop whose customers have tastes, in Amazon's 2014 format.

Each user favours two kinds of product and two brands and weighs prices; each item has an appeal, a
quality, a strength and a weakness. Purchases, stars and words all follow from these, so that an
item's popularity says something about the next purchase, and the user's history says more.
"""

import gzip
import html
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import NamedTuple

from llmrec.dataset.amazon import read_amazon
from llmrec.dataset.assemble import Reading
from llmrec.dataset.cache import fingerprint
from llmrec.dataset.demo_words import (
    BLAME,
    BRANDS,
    CLOSERS,
    KINDS,
    OPENERS,
    PRAISE,
    SUMMARIES,
    TRAITS,
    Kind,
)
from llmrec.dataset.files import FileDataset
from llmrec.errors import ConfigError
from llmrec.files import write_atomic
from llmrec.progress import Progress
from llmrec.seeded import hash64, rng

LEAST = 5  # interactions of every user and item, as in a 5-core
DAY = 86_400
FIRST_DAY = 15_340  # 2012-01-01, in days since 1970
REVIEWS = "reviews_Demo.json.gz"
METADATA = "meta_Demo.json.gz"


class Product(NamedTuple):
    """An item as the shop knows it; `appeal` is its share of attention, `dearness` ln(price / usual)."""

    id: str
    title: str
    brand: str
    kind: Kind
    appeal: float
    quality: float
    dearness: float
    strength: str
    weakness: str


class Shopper(NamedTuple):
    """A user's taste: favoured kinds (the second one grows on them) and brands, thrift, leniency."""

    id: str
    kinds: tuple[Kind, Kind]
    brands: tuple[str, str]
    thrift: float
    leniency: float


@dataclass(frozen=True, kw_only=True)
class Demo(FileDataset):
    """The shop of a seed, of a size."""

    users: int
    catalogue: int
    seed: int

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("users", "catalogue"):
            if getattr(self, field) < 2 * LEAST:
                raise ConfigError(f"{field}: {getattr(self, field)} is too few; use {2 * LEAST} or more")

    def fetch(self, folder: Path, cache_dir: Path, progress: Progress) -> list[Path]:
        made = cache_dir / "raw" / f"demo-{fingerprint([self.users, self.catalogue, self.seed], [])}"
        paths = [made / REVIEWS, made / METADATA]
        if not all(path.is_file() for path in paths):
            products = stock(self.catalogue, self.seed)
            for path, lines in zip(
                paths, (reviews(products, self.users, self.seed), metadata(products)), strict=True
            ):
                text = "".join(f"{line}\n" for line in lines)
                write_atomic(path, gzip.compress(text.encode(), mtime=0))
        return paths

    def read(self, paths: Sequence[Path], progress: Progress) -> Reading:
        return read_amazon(paths, progress)


def stock(size: int, seed: int) -> list[Product]:
    """Return the catalogue; ids and order are hashes, so neither tells of the other properties."""
    chance = rng("demo", seed, "stock")
    ranks = chance.sample(range(1, size + 1), size)
    names = [(kind, brand, trait) for kind in KINDS for brand in BRANDS for trait in TRAITS]
    chosen = [names[i % len(names)] for i in chance.sample(range(max(size, len(names))), size)]
    return [_product(seed, n, rank, name) for n, (rank, name) in enumerate(zip(ranks, chosen, strict=True))]


def _product(seed: int, number: int, rank: int, name: tuple[Kind, str, str]) -> Product:
    kind, brand, trait = name
    chance = rng("demo", seed, "product", number)
    strength, weakness = chance.sample(kind.features, 2)
    return Product(
        id=f"B0{hash64('demo', seed, 'asin', number):016X}"[:10],
        title=f"{brand} {trait} {kind.noun}, {chance.choice(kind.sizes)}",
        brand=brand,
        kind=kind,
        appeal=rank**-0.6,
        quality=chance.gauss(0, 0.45),
        dearness=chance.gauss(0, 0.35),
        strength=strength,
        weakness=weakness,
    )


def _shopper(seed: int, number: int) -> Shopper:
    chance = rng("demo", seed, "shopper", number)
    first, second = chance.sample(KINDS, 2)
    brand, other = chance.sample(BRANDS, 2)
    return Shopper(
        id=f"A{hash64('demo', seed, 'user', number):016X}"[:14],
        kinds=(first, second),
        brands=(brand, other),
        thrift=chance.uniform(0, 1),
        leniency=chance.gauss(0, 0.35),
    )


def _liking(shopper: Shopper, product: Product) -> float:
    """Return how much likelier than by its appeal alone the user buys the item."""
    kind = {shopper.kinds[0]: 25.0, shopper.kinds[1]: 20.0}.get(product.kind, 1.0)
    brand = 3.0 if product.brand in shopper.brands else 1.0
    return kind * brand * math.exp(-shopper.thrift * product.dearness)


def _baskets(shoppers: Sequence[Shopper], products: Sequence[Product], chance: Random) -> list[list[Product]]:
    """Draw what each user buys, weighted by appeal and liking, without repeats; then let those who
    like it best buy what fewer than `LEAST` have bought."""
    baskets = []
    for shopper in shoppers:
        size = min(LEAST + int(chance.expovariate(0.25)), 20, len(products))
        # The smallest of exponential draws with these rates are a weighted sample without repeats.
        draws = [chance.expovariate(p.appeal * _liking(shopper, p)) for p in products]
        order = sorted(range(len(products)), key=draws.__getitem__)
        baskets.append([products[i] for i in order[:size]])
    for product in products:
        buyers = sum(product in basket for basket in baskets)
        others = [n for n, basket in enumerate(baskets) if product not in basket]
        others.sort(key=lambda n: (-_liking(shoppers[n], product), n))
        for n in others[: max(LEAST - buyers, 0)]:
            baskets[n].append(product)
    return baskets


def reviews(products: Sequence[Product], users: int, seed: int) -> list[str]:
    """Return the lines of the reviews file, sorted by item as in the published files."""
    shoppers = [_shopper(seed, number) for number in range(users)]
    baskets = _baskets(shoppers, products, rng("demo", seed, "baskets"))
    rows = []
    for shopper, basket in zip(shoppers, baskets, strict=True):
        chance = rng("demo", seed, "reviews", shopper.id)
        # The second favourite comes later, so what was bought last says most about what is next.
        later = {product.id: chance.random() + (product.kind == shopper.kinds[1]) for product in basket}
        day = FIRST_DAY + chance.randrange(700)
        for product in sorted(basket, key=lambda p: later[p.id]):
            day += 0 if chance.random() < 0.2 else 1 + int(chance.expovariate(1 / 30))
            rows.append(_review(shopper, product, day, chance))
    return [json.dumps(row) for row in sorted(rows, key=lambda row: (row["asin"], row["unixReviewTime"]))]


def _review(shopper: Shopper, product: Product, day: int, chance: Random) -> dict[str, object]:
    fond = 0.25 if product.kind in shopper.kinds else -0.15
    opinion = 5.1 + shopper.leniency + product.quality + fond - chance.expovariate(1.1)
    stars = min(max(round(opinion), 1), 5)
    return {
        "reviewerID": shopper.id,
        "asin": product.id,
        "reviewerName": f"Customer {shopper.id[1:5]}",
        "helpful": [0, 0],
        "reviewText": _text(product, stars, chance),
        "overall": float(stars),
        "summary": _summary(product, stars, chance),
        "unixReviewTime": day * DAY,
        "reviewTime": f"{datetime.fromtimestamp(day * DAY, UTC):%m %d, %Y}",
    }


def _text(product: Product, stars: int, chance: Random) -> str:
    """Write two to five sentences: praise of the strength, blame of the weakness, as the stars have it."""
    mood = {1: "sorry", 2: "sorry", 3: "so-so"}.get(stars, "glad")
    points = [(PRAISE, product.strength)] if stars > 2 else [(BLAME, product.weakness)]
    if (stars in (2, 4) and chance.random() < 0.7) or stars == 3:
        points.append((BLAME, product.weakness) if stars > 2 else (PRAISE, product.strength))
    elif chance.random() < 0.4:
        other = chance.choice(
            [f for f in product.kind.features if f not in (product.strength, product.weakness)]
        )
        points.append((PRAISE if stars > 3 else BLAME, other))
    sentences = [chance.choice(OPENERS[mood])]
    sentences += [chance.choice(wordings).replace("{feature}", feature) for wordings, feature in points]
    sentences += chance.sample(CLOSERS[mood], chance.choice((0, 1, 1, 2)))
    return _filled(" ".join(sentences), product, product.strength)


def _summary(product: Product, stars: int, chance: Random) -> str:
    feature = product.strength if stars > 4 else product.weakness
    return _filled(chance.choice(SUMMARIES[stars]), product, feature)


def _filled(wording: str, product: Product, feature: str) -> str:
    return wording.format(
        noun=product.kind.noun.lower(), brand=product.brand, feature=feature, Feature=feature.capitalize()
    )


def metadata(products: Sequence[Product]) -> list[str]:
    """Return the lines of the metadata file: Python literals, with HTML entities, as in 2014."""
    return [
        repr(
            {
                "asin": product.id,
                "title": html.escape(product.title, quote=False),
                "price": round(product.kind.price * math.exp(product.dearness), 2),
                "brand": html.escape(product.brand, quote=False),
                "categories": [["Demo Shop", *product.kind.path]],
            }
        )
        for product in sorted(products, key=lambda product: product.id)
    ]
