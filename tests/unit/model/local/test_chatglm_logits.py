"""A converted ChatGLM computes what the architecture is documented to compute."""

import math

import pytest
import torch

from .conftest import IDS, furthest, logits_of

FIRST = "transformer.encoder.layers.0."


def documented_logits(weights, config, generation, ids):
    """Return the float64 logits of a text as the architecture is documented, from the makers' names.

    Every head rotates the first half of its dimensions, in neighbouring pairs (x, y), by position times
    10000^(-2i/dim); `rope_ratio` multiplies the 10000 in generation three, and divides the positions in
    two. The heads are dealt out evenly, in order, to the groups of keys and values.
    """
    weights = {name: weight.double() for name, weight in weights.items()}
    size, heads = config["kv_channels"], config["num_attention_heads"]
    groups = config["multi_query_group_num"] if config["multi_query_attention"] else heads
    ratio, count = config.get("rope_ratio", 1), ids.shape[1]

    def normed(x, name):
        scale = torch.sqrt((x * x).mean(-1, keepdim=True) + config["layernorm_epsilon"])
        return x / scale * weights[name]

    base, stretch = (10000 * ratio, 1) if generation == 3 else (10000, ratio)
    pairs = size // 4
    speeds = torch.tensor([base ** (-2 * pair / (size / 2)) for pair in range(pairs)], dtype=torch.float64)
    angles = (torch.arange(count) / stretch)[:, None] * speeds

    def rotated(x):
        out = x.clone()
        for pair in range(pairs):
            cos, sin = torch.cos(angles[:, pair, None]), torch.sin(angles[:, pair, None])
            left, right = x[..., 2 * pair], x[..., 2 * pair + 1]
            out[..., 2 * pair] = left * cos - right * sin
            out[..., 2 * pair + 1] = right * cos + left * sin
        return out

    x = weights["transformer.embedding.word_embeddings.weight"][ids[0]]
    for layer in range(config["num_layers"]):
        name = f"transformer.encoder.layers.{layer}"
        fused = normed(x, f"{name}.input_layernorm.weight")
        fused = fused @ weights[f"{name}.self_attention.query_key_value.weight"].T
        fused = fused + weights.get(f"{name}.self_attention.query_key_value.bias", 0)
        cuts = [heads * size, groups * size, groups * size]
        query, key, value = (part.view(count, -1, size) for part in fused.split(cuts, -1))
        query, key = rotated(query), rotated(key)
        seen = torch.ones(count, count).tril().bool()
        answers = []
        for head in range(heads):
            group = head // (heads // groups)
            scores = query[:, head] @ key[:, group].T / math.sqrt(size)
            answers.append(scores.masked_fill(~seen, -math.inf).softmax(-1) @ value[:, group])
        x = x + torch.cat(answers, -1) @ weights[f"{name}.self_attention.dense.weight"].T
        inner = normed(x, f"{name}.post_attention_layernorm.weight")
        gate, up = (inner @ weights[f"{name}.mlp.dense_h_to_4h.weight"].T).chunk(2, -1)
        x = x + (gate * torch.sigmoid(gate) * up) @ weights[f"{name}.mlp.dense_4h_to_h.weight"].T
    x = normed(x, "transformer.encoder.final_layernorm.weight")
    return x @ weights["transformer.output_layer.weight"].T


SHAPES = {
    "grouped": (3, {}, ".safetensors", 1),
    "base-stretched": (3, {"rope_ratio": 50, "kv_channels": 4}, ".bin", 3),
    "positions-stretched": (2, {"rope_ratio": 16}, ".bin", 2),
    "ungrouped": (2, {"multi_query_attention": False, "add_qkv_bias": False}, ".safetensors", 3),
    "one-group": (3, {"multi_query_group_num": 1, "num_layers": 3, "hidden_size": 32}, ".bin", 1),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_logits_are_those_of_the_documented_architecture_and_of_the_origin(
    original, pieces, tmp_path, logits_through, shape
):
    generation, changes, suffix, shards = shape
    made = original(generation, changes)
    source = made.write(tmp_path / "source", pieces, suffix, shards)
    logits = logits_through(source / "pytorch_model.bin.index.json" if suffix == ".bin" else source)
    documented = documented_logits(made.weights, made.config, generation, IDS)
    assert furthest(logits, logits_of(made.origin)) <= 1e-6
    assert furthest(logits, documented) <= 1e-6


def swapped_rows(weights, name, at, count):
    """Swap the `count` rows from `at` on with as many behind them."""
    rows = weights[name].clone()
    rows[at : at + 2 * count] = rows[at : at + 2 * count].roll(count, 0)
    return {name: rows}


SWAPS = {
    "keys-values": lambda w: swapped_rows(w, FIRST + "self_attention.query_key_value.weight", 32, 16),
    "gate-up": lambda w: swapped_rows(w, FIRST + "mlp.dense_h_to_4h.weight", 0, 48),
    "layernorms": lambda w: {
        FIRST + "input_layernorm.weight": w[FIRST + "post_attention_layernorm.weight"],
        FIRST + "post_attention_layernorm.weight": w[FIRST + "input_layernorm.weight"],
    },
    "embedding-output": lambda w: {
        "transformer.embedding.word_embeddings.weight": w["transformer.output_layer.weight"],
        "transformer.output_layer.weight": w["transformer.embedding.word_embeddings.weight"],
    },
}


@pytest.mark.parametrize("swap", SWAPS.values(), ids=SWAPS)
def test_swapped_weights_are_seen_by_the_comparison(original, pieces, tmp_path, logits_through, swap):
    made = original(3)
    documented = documented_logits(made.weights, made.config, 3, IDS)
    made.weights |= swap(made.weights)
    assert furthest(logits_through(made.write(tmp_path / "source", pieces)), documented) > 0.01


def test_stretching_matters_and_differs_between_the_generations(original):
    made = original(3, {"rope_ratio": 16})
    two, three = (documented_logits(made.weights, made.config, number, IDS) for number in (2, 3))
    plain = documented_logits(made.weights, made.config | {"rope_ratio": 1}, 3, IDS)
    assert min(furthest(two, three), furthest(two, plain), furthest(three, plain)) > 0.01
