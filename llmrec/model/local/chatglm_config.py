"""ChatGLM's config.json, read into what the native class of transformers wants."""

from collections.abc import Mapping
from typing import Any

from llmrec.errors import BackendError
from llmrec.model.local.chatglm_tokenizer import Generation

# The first generation's architecture is another one; either kind of sign tells it.
FIRST_ONLY = frozenset({"position_encoding_2d", "inner_hidden_size", "gmask_token_id", "max_sequence_length"})
LATER_ONLY = frozenset({"padded_vocab_size", "multi_query_group_num", "kv_channels", "ffn_hidden_size"})
# Names in the native class, by the names of the original.
SIZES = {
    "num_layers": "num_hidden_layers",
    "padded_vocab_size": "vocab_size",
    "hidden_size": "hidden_size",
    "ffn_hidden_size": "intermediate_size",
    "num_attention_heads": "num_attention_heads",
    "kv_channels": "head_dim",
    "seq_length": "max_position_embeddings",
}
# What the native class does, so that any other value would compute something else. Keys in the second
# table may be left out.
REQUIRED_FLAGS: dict[str, tuple[Any, ...]] = {
    "add_bias_linear": (False,),
    "rmsnorm": (True,),
    "apply_residual_connection_post_layernorm": (False,),
    "post_layer_norm": (True,),
}
OPTIONAL_FLAGS: dict[str, tuple[Any, ...]] = {
    "original_rope": (True,),
    "interleaved_qkv": (False,),
    "fp32_residual_connection": (False,),
    "quantization_bit": (0, None),
    "pre_seq_len": (0, None),
    "prefix_projection": (False,),
    "tie_word_embeddings": (False,),
}
OTHER_KEYS = frozenset(
    {"layernorm_epsilon", "multi_query_attention", "multi_query_group_num", "add_qkv_bias"}
    | {"rope_ratio", "eos_token_id", "pad_token_id"}
)
# Names, kinds of number, training, and the order of exact operations: nothing that changes what is computed.
WITHOUT_EFFECT = frozenset(
    {"model_type", "architectures", "auto_map", "torch_dtype", "dtype", "transformers_version", "use_cache"}
    | {"hidden_dropout", "attention_dropout", "classifier_dropout", "bias_dropout_fusion"}
    | {"apply_query_key_layer_scaling", "attention_softmax_in_fp32", "name_or_path"}
)
KNOWN = OTHER_KEYS | WITHOUT_EFFECT | set(SIZES) | set(REQUIRED_FLAGS) | set(OPTIONAL_FLAGS)
ROTARY_BASE = 10000.0


def is_first_generation(config: Mapping[str, Any]) -> bool:
    """Say whether this is chatglm-6b, by keys that only it has or that all others have."""
    return bool(FIRST_ONLY & config.keys()) or not LATER_ONLY & config.keys()


def native_settings(name: str, config: Mapping[str, Any], generation: Generation) -> dict[str, Any]:
    """Return the arguments of `GlmConfig` for the config.json of checkpoint `name`.

    Raises BackendError, which names the key, for one that is missing, not known, or not supported.
    """
    _check_keys(name, config)
    config = {"rope_ratio": 1, "eos_token_id": 2, "pad_token_id": 0, **config}
    settings: dict[str, Any] = {new: _size(name, config, old) for old, new in SIZES.items()}
    groups = (
        "multi_query_group_num" if _flag(name, config, "multi_query_attention") else "num_attention_heads"
    )
    settings["num_key_value_heads"] = _size(name, config, groups)
    heads = settings["num_attention_heads"]
    if heads % settings["num_key_value_heads"]:
        raise _wrong(name, groups, config[groups], f"does not divide the {heads} heads")
    if settings["head_dim"] % 4:
        raise _wrong(name, "kv_channels", settings["head_dim"], "has no half of pairs to rotate")
    return settings | {
        "rms_norm_eps": _number(name, config, "layernorm_epsilon"),
        "attention_bias": _flag(name, config, "add_qkv_bias"),
        "rope_parameters": _rotary(_number(name, config, "rope_ratio"), generation),
        "eos_token_id": _token(name, config, "eos_token_id"),
        "pad_token_id": _token(name, config, "pad_token_id"),
        "bos_token_id": None,
        "tie_word_embeddings": False,
        "hidden_act": "silu",
        "attention_dropout": 0.0,
    }


def _rotary(ratio: float, generation: Generation) -> dict[str, Any]:
    """Return half of each head's dimensions rotated, in the way that its generation stretches contexts.

    ChatGLM3-32k multiplies the base by `rope_ratio`; ChatGLM2-32k divides the positions by it (linear
    interpolation), as the two modeling files of theirs have it.
    """
    if generation is Generation.two and ratio != 1:
        kind = {"rope_type": "linear", "factor": ratio, "rope_theta": ROTARY_BASE}
    else:
        kind = {"rope_type": "default", "rope_theta": ROTARY_BASE * ratio}
    return kind | {"partial_rotary_factor": 0.5}


def _check_keys(name: str, config: Mapping[str, Any]) -> None:
    unknown = sorted(key for key in config if key not in KNOWN and not key.startswith("_"))
    if unknown:
        raise BackendError(
            f"model.path: '{name}', config.json has the key {unknown[0]}={config[unknown[0]]!r}, which the "
            "conversion does not know; take it out if it changes no result"
        )
    for key, allowed in (REQUIRED_FLAGS | OPTIONAL_FLAGS).items():
        if key in REQUIRED_FLAGS and key not in config:
            raise _missing(name, key)
        if config.get(key, allowed[0]) not in allowed:
            raise _wrong(name, key, config[key], f"is not what the native class does ({allowed[0]})")


def _missing(name: str, key: str) -> BackendError:
    return BackendError(f"model.path: '{name}', config.json lacks {key}; give the original config.json")


def _wrong(name: str, key: str, value: object, rule: str) -> BackendError:
    return BackendError(
        f"model.path: '{name}', config.json has {key}={value!r}, which {rule}; give the unchanged "
        "half-precision checkpoint, or set model.trust_remote_code=true with an older transformers"
    )


def _value(name: str, config: Mapping[str, Any], key: str) -> Any:
    if key not in config:
        raise _missing(name, key)
    return config[key]


def _flag(name: str, config: Mapping[str, Any], key: str) -> bool:
    value = _value(name, config, key)
    if not isinstance(value, bool):
        raise _wrong(name, key, value, "is neither true nor false")
    return value


def _size(name: str, config: Mapping[str, Any], key: str) -> int:
    value = _value(name, config, key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _wrong(name, key, value, "is no size")
    return value


def _number(name: str, config: Mapping[str, Any], key: str) -> float:
    value = _value(name, config, key)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value <= 0:
        raise _wrong(name, key, value, "is no number above 0")
    return float(value)


def _token(name: str, config: Mapping[str, Any], key: str) -> int:
    value = _value(name, config, key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _wrong(name, key, value, "is no single token")
    return value
