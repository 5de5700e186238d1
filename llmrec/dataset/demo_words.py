"""What the demo's invented shop sells and how its invented customers write."""

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of product: its path of categories, its noun, its usual price, and what people notice."""

    path: tuple[str, str]
    noun: str
    price: float
    features: tuple[str, ...]
    sizes: tuple[str, ...]


_CARE = ("75 ml", "150 ml", "250 ml")
_SOLID = ("80 g", "120 g", "Set of 3")
_TOOL = ("Small", "Large", "Travel Size")

KINDS = (
    Kind(
        ("Skin", "Hand Creams"), "Hand Cream", 9, ("the scent", "the texture", "the tube", "the price"), _CARE
    ),
    Kind(
        ("Skin", "Face Masks"), "Clay Mask", 14, ("the scent", "the texture", "the jar", "the price"), _CARE
    ),
    Kind(
        ("Skin", "Lip Balms"), "Lip Balm", 5, ("the taste", "the texture", "the stick", "the price"), _SOLID
    ),
    Kind(
        ("Hair", "Shampoo Bars"),
        "Shampoo Bar",
        11,
        ("the scent", "the lather", "the wrapping", "the price"),
        _SOLID,
    ),
    Kind(("Hair", "Hair Oils"), "Hair Oil", 18, ("the scent", "the shine", "the bottle", "the price"), _CARE),
    Kind(
        ("Hair", "Brushes"),
        "Paddle Brush",
        16,
        ("the handle", "the bristles", "the weight", "the price"),
        _TOOL,
    ),
    Kind(
        ("Bath", "Bath Soaks"), "Bath Soak", 12, ("the scent", "the colour", "the jar", "the price"), _SOLID
    ),
    Kind(("Bath", "Soaps"), "Olive Soap", 6, ("the scent", "the lather", "the shape", "the price"), _SOLID),
    Kind(
        ("Bath", "Towels"), "Waffle Towel", 24, ("the fabric", "the colour", "the size", "the price"), _TOOL
    ),
    Kind(("Home", "Candles"), "Soy Candle", 20, ("the scent", "the wick", "the glass", "the price"), _TOOL),
    Kind(
        ("Home", "Diffusers"),
        "Reed Diffuser",
        28,
        ("the scent", "the bottle", "the size", "the price"),
        _TOOL,
    ),
    Kind(
        ("Home", "Room Sprays"),
        "Linen Spray",
        13,
        ("the scent", "the nozzle", "the bottle", "the price"),
        _CARE,
    ),
)

BRANDS = (
    "Alderwick & Sons", "Brindle Bay", "Corvane", "Dapplemoor", "Ember & Rue", "Fennimore",
    "Greywater", "Hollin Lane", "Isolde & Fig", "Juniper Row", "Kestrel Tide", "Larkhaven",
)  # fmt: skip

TRAITS = (
    "Almond", "Bergamot", "Cedar", "Chamomile", "Fig Leaf", "Ginger", "Honey", "Lavender", "Lemon Thyme",
    "Nettle", "Oat Milk", "Orange Blossom", "Pine", "Rosemary", "Sea Salt", "Vanilla", "Violet", "Wild Mint",
)  # fmt: skip

OPENERS = {
    "glad": (
        "My third {noun} of this sort and I still look forward to it.",
        "I bought this {noun} on a whim and ended up using it every day.",
        "Ordered it for my sister, then kept it for myself.",
        "It arrived on a grey Monday and made the week better.",
        "{brand} has not let me down yet.",
        "After years of trying others, this is where I stop searching.",
    ),
    "so-so": (
        "I had read so much about it that I may have hoped for too much.",
        "There are better days and worse days with this {noun}.",
        "It does its job, no more than that.",
        "A decent {noun}, though I would not cross town for it.",
        "{brand} can do better, and has.",
    ),
    "sorry": (
        "I wanted to like this {noun} and gave it a fair month.",
        "Nothing about it matched what I saw in the picture.",
        "This went to the back of the cupboard within a week.",
        "I am usually easy to please, but not this time.",
        "{brand} used to be a safe choice for me.",
    ),
}

PRAISE = (
    "I love {feature}, which is just as described.",
    "What won me over is {feature}.",
    "Above all {feature} is better than I expected.",
    "Everyone who tried it asked me about {feature}.",
    "For me {feature} alone is worth the order.",
    "It is rare to find one where {feature} is this good.",
)

BLAME = (
    "Sadly {feature} spoils it for me.",
    "I could not get used to {feature}.",
    "The weak point is {feature}.",
    "They should really think again about {feature}.",
    "Whoever signed off on {feature} has never used one.",
    "Compared with my last {noun}, {feature} is a step back.",
)

CLOSERS = {
    "glad": (
        "I have already put another one in the basket.",
        "A small thing that I would miss.",
        "You will not regret it.",
        "It makes a fine present, too.",
    ),
    "so-so": (
        "I may finish it, I may not.",
        "Wait for a sale if you are curious.",
        "Fine for guests.",
        "Perhaps the larger one is different.",
    ),
    "sorry": (
        "It is on its way back.",
        "I would keep my money next time.",
        "Not for me, and not for anyone I like.",
        "Lesson learned.",
    ),
}

SUMMARIES = {
    5: (
        "Five stars",
        "Love it",
        "Love {feature}",
        "My new favourite {noun}",
        "Would buy it again",
        "{Feature} is lovely",
    ),
    4: (
        "Four stars",
        "Very good",
        "Good, mind {feature}",
        "A good {noun}",
        "Nearly perfect",
        "Happy with {feature}",
    ),
    3: (
        "It is okay",
        "Just average",
        "Mixed feelings about {feature}",
        "So-so {noun}",
        "Neither good nor bad",
    ),
    2: ("Not impressed", "Expected more", "Let down by {feature}", "A rather poor {noun}"),
    1: ("Do not buy", "Waste of money", "{Feature} is awful", "Worst {noun} so far", "Sent it back"),
}
