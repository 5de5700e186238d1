"""A checkpoint's config: described by YAML, changed by YAML, and shrunk to what a laptop runs at once."""

import copy
from collections.abc import Mapping
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

from llmrec.errors import BackendError, did_you_mean, one_line
from llmrec.model.local.settings import LocalSettings

HEADS = 4
HEAD_DIM = 8
# Sizes by the names that transformers gives them; a config's attribute_map knows still others.
SIZES: dict[str, int] = {
    "hidden_size": HEADS * HEAD_DIM,
    "word_embed_proj_dim": HEADS * HEAD_DIM,
    "num_attention_heads": HEADS,
    "encoder_attention_heads": HEADS,
    "decoder_attention_heads": HEADS,
    "intermediate_size": 64,
    "d_ff": 64,
    "ffn_dim": 64,
    "ffn_hidden_size": 64,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "moe_intermediate_size": 32,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    # Shorter than any prompt, so that what it cuts off shows; the context as a whole stays long.
    "sliding_window": 16,
    "max_position_embeddings": 32768,
}
# Far above the usual 0.02 (for T5's factor: 1), so that what is generated depends on the prompt.
SPREADS = {"initializer_range": 0.3, "init_std": 0.3, "initializer_factor": 5.0}
LAYERS = ("num_hidden_layers", "num_decoder_layers", "encoder_layers", "decoder_layers")
KEY_VALUE_HEADS = ("num_key_value_heads", "num_kv_heads")
ENDS = ("eos_token_id", "forced_eos_token_id")
PADS = ("pad_token_id", "decoder_start_token_id")


def auto_class(config: Any) -> Any:
    """Return transformers' loader of models that write text, by what the config is of."""
    return AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM


def described(architecture: str, shape: Mapping[str, Any]) -> Any:
    """Return transformers' config of a model type with some of its settings changed.

    Raises BackendError when there is no such type or setting.
    """
    if architecture not in CONFIG_MAPPING:
        near = did_you_mean(architecture, CONFIG_MAPPING)
        raise BackendError(f"model.architecture: '{architecture}' is no model type of transformers{near}")
    overridden(AutoConfig.for_model(architecture), shape, "model.shape")
    try:
        # Built anew, for some classes derive further settings from those given.
        return AutoConfig.for_model(architecture, **shape)
    except (StrictDataclassError, ValueError, TypeError) as error:
        raise BackendError(
            f"model.shape: fits no architecture={architecture} ({one_line(error)}); give the checkpoint's own"
        ) from error


def overridden(config: Any, given: Mapping[str, Any], place: str) -> Any:
    """Return the config after the settings that were given are set in it.

    Raises BackendError, naming `place`, when it has no such setting or the value does not fit.
    """
    for name, value in given.items():
        holder = config if hasattr(config, name) else config.get_text_config()
        if not hasattr(holder, name):
            near = did_you_mean(name, map(str, holder.to_dict()))
            raise BackendError(f"{place}.{name}: no such setting of a {config.model_type} checkpoint{near}")
        try:
            setattr(holder, name, value)
        except (StrictDataclassError, ValueError, TypeError) as error:
            raise BackendError(
                f"{place}.{name}: {value!r} does not fit ({one_line(error)}); give what config.json may hold"
            ) from error
    return config


def refuse_kernels(config: Any, settings: LocalSettings) -> None:
    """Raise BackendError where a checkpoint asks for code of the hub to compute its attention, and the user
    did not."""
    kernel = str(getattr(config, "_attn_implementation", None) or "")
    if "/" in kernel and not settings.trust_remote_code:
        raise BackendError(
            f"model.attention: the checkpoint's config.json wants '{kernel}', code from the hub; set "
            "model.attention=sdpa, or, if you have read that code, model.trust_remote_code=true"
        )


def shrunk(config: Any, tokenizer: Any, spreads: Mapping[str, float]) -> Any:
    """Return a copy of the config for a model of the same class with few, narrow layers over the
    tokenizer's vocabulary, and weights as wide as `spreads` says of its initializer. What makes the class
    special stays: grouped heads, kinds of layers, windows, rotary and tied weights."""
    small = copy.deepcopy(config)
    for name in small.sub_configs:
        if getattr(small, name, None) is not None:
            setattr(small, name, shrunk(getattr(small, name), tokenizer, spreads))
    _narrow(small)
    for name, spread in spreads.items():
        if hasattr(small, name):
            setattr(small, name, spread)
    _few_layers(small)
    _speak(small, tokenizer)
    # The name of the checkpoint that it was read from is not the name of what is made of it.
    small.name_or_path = ""
    return small


def _narrow(config: Any) -> None:
    heads = _number(config, "num_attention_heads")
    groups = {name: HEADS * _number(config, name) // heads for name in KEY_VALUE_HEADS if heads}
    # Heads that are wider together than the hidden states stay so.
    wide = heads * _number(config, "head_dim") > _number(config, "hidden_size")
    head_dim = HEAD_DIM * (1 + wide)
    sizes = SIZES | {"head_dim": head_dim} | {name: max(1, n) for name, n in groups.items()}
    for name, size in sizes.items():
        value = getattr(config, name, None)
        derived = isinstance(getattr(type(config), name, None), property)
        if value is not None and not derived:
            setattr(config, name, [size] * len(value) if isinstance(value, list) else size)
    _turn_less(config, head_dim)


def _turn_less(config: Any, head_dim: int) -> None:
    """Keep as many factors of rotary positions as there are pairs of dimensions that turn."""
    rope = getattr(config, "rope_parameters", None) or {}
    pairs = int(head_dim * rope.get("partial_rotary_factor", 1.0)) // 2
    for name, value in rope.items():
        if isinstance(value, list):
            rope[name] = value[:pairs]


def _few_layers(config: Any) -> None:
    """Keep two layers, and the first one of each further kind."""
    kinds = getattr(config, "layer_types", None) or []
    kept = sorted({0, 1} | {kinds.index(kind) for kind in kinds})
    layers = _number(config, "num_hidden_layers")
    for name, value in list(vars(config).items()):
        if isinstance(value, list) and len(value) == layers:
            setattr(config, name, [value[place] for place in kept])
    for name in LAYERS:
        if _number(config, name):
            setattr(config, name, len(kept))


def _speak(config: Any, tokenizer: Any) -> None:
    """Point the config at the tokenizer's tokens."""
    if hasattr(config, "vocab_size"):
        config.vocab_size = len(tokenizer)
    tokens: dict[str, int | None] = {"bos_token_id": tokenizer.bos_token_id, "forced_bos_token_id": None}
    tokens |= dict.fromkeys(ENDS, tokenizer.eos_token_id) | dict.fromkeys(PADS, tokenizer.pad_token_id)
    for name, token in tokens.items():
        if hasattr(config, name) or (name == "decoder_start_token_id" and config.is_encoder_decoder):
            setattr(config, name, token)


def _number(config: Any, name: str) -> int:
    value = getattr(config, name, None)
    return value if isinstance(value, int) else 0
