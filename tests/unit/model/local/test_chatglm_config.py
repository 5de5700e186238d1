import json

import pytest

CONFIG_FAULTS = {
    "linear-bias": ({"add_bias_linear": True}, "add_bias_linear=True"),
    "layer-norm": ({"rmsnorm": False}, "rmsnorm=False"),
    "late-residual": ({"apply_residual_connection_post_layernorm": True}, "post_layernorm=True"),
    "no-last-norm": ({"post_layer_norm": False}, "post_layer_norm=False"),
    "quantised": ({"quantization_bit": 4}, "quantization_bit=4"),
    "tuned-prefix": ({"pre_seq_len": 128}, "pre_seq_len=128"),
    "not-known": ({"rope_theta": 5}, "rope_theta=5, which the conversion does not know"),
    "no-size": ({"hidden_size": "24"}, "hidden_size='24', which is no size"),
    "no-number": ({"rope_ratio": None}, "rope_ratio=None, which is no number above 0"),
    "no-flag": ({"add_qkv_bias": 1.5}, r"add_qkv_bias=1\.5, which is neither"),
    "many-ends": ({"eos_token_id": [2, 3]}, r"eos_token_id=\[2, 3\], which is no single token"),
    "end-not-there": ({"eos_token_id": 405}, "eos_token_id=405, but tokenizer.model only 400 pieces"),
    "odd-groups": ({"multi_query_group_num": 3}, "multi_query_group_num=3, which does not divide"),
    "odd-heads": ({"kv_channels": 6}, "kv_channels=6, which has no half of pairs"),
    "few-tokens": ({"padded_vocab_size": 404}, "409 tokens with the special ones"),
}


@pytest.mark.parametrize(("changes", "words"), CONFIG_FAULTS.values(), ids=CONFIG_FAULTS)
def test_a_config_that_the_native_class_would_not_follow_is_refused_by_its_key(
    original, pieces, tmp_path, refused, changes, words
):
    source = original(3).write(tmp_path / "source", pieces)
    config = json.loads((source / "config.json").read_text()) | changes
    (source / "config.json").write_text(json.dumps(config))
    refused(source, words)


@pytest.mark.parametrize("key", ["num_layers", "rmsnorm", "multi_query_group_num", "layernorm_epsilon"])
def test_a_config_that_lacks_a_key_is_refused_by_its_name(original, pieces, tmp_path, refused, key):
    source = original(3).write(tmp_path / "source", pieces)
    config = json.loads((source / "config.json").read_text())
    del config[key]
    (source / "config.json").write_text(json.dumps(config))
    refused(source, f"config.json lacks {key}")
