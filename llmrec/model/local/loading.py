"""Weights and tokenizer into memory, on the device and in the dtype asked for; kept for a next run."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers

from llmrec.errors import BackendError, did_you_mean
from llmrec.model.local.adapter import holds_adapter, put_on
from llmrec.model.local.architecture import auto_class, overridden, refuse_kernels
from llmrec.model.local.checkpoint import Checkpoint
from llmrec.model.local.device import free, pick_device, pick_dtype
from llmrec.model.local.library import explained, quiet
from llmrec.model.local.loaded import Loaded
from llmrec.model.local.settings import Attention, LocalSettings, Quantize, Side, Tuned

GENERATION = "generation_config.json"
SPECIAL_TOKENS = (
    "bos_token_id",
    "pad_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
)
# Settings of a model that shape what lies in memory, beside its device and dtype.
SHAPING = (
    "device_map",
    "attention",
    "trust_remote_code",
    "config",
    "pad_token",
    "end_tokens",
    "padding_side",
)


class Form(NamedTuple):
    """Where weights lie, and in which number format."""

    device: torch.device
    dtype: torch.dtype
    quantize: Quantize | None

    def quantized(self) -> dict[str, Any]:
        if self.quantize is None:
            return {}
        # As in QLoRA (Dettmers et al., NeurIPS 2023): 4-bit NormalFloat, the scales quantised once more.
        four_bit = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=str(self.quantize),
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=self.dtype,
        )
        return {"quantization_config": four_bit}


# The weights loaded last, so that the runs of a sweep load them once.
_kept: dict[tuple[object, ...], Loaded] = {}


def load(settings: LocalSettings, checkpoint: Checkpoint, tuned: Tuned | None = None) -> Loaded:
    """Return the checkpoint in memory, with what fine-tuning left: the one already there if no setting
    of loading differs.

    Raises BackendError when it cannot be had, needs code of its own, lacks weights, or does not go
    with the device or dtype; or when an adapter does not go with it.
    """
    device = pick_device(settings.device)
    dtype = pick_dtype(settings.dtype, device)
    key = (checkpoint, tuned, device, dtype, *(str(getattr(settings, name)) for name in SHAPING))
    if key not in _kept:
        forget(device)
        if tuned is not None and not holds_adapter(tuned.folder):
            checkpoint, tuned = Checkpoint.of(tuned.folder), None
        with quiet(), explained(checkpoint.path):
            loaded = _load(settings, checkpoint, Form(device, dtype, tuned.quantize if tuned else None))
        if tuned is not None:
            with quiet():
                loaded = put_on(loaded, tuned.folder)
        _kept[key] = loaded
    return _kept[key]


def load_to_learn(
    settings: LocalSettings, checkpoint: Checkpoint, quantize: Quantize | None, whole: bool
) -> Loaded:
    """Return the checkpoint in memory for training, kept for no next run. Where the `whole` of it is
    learned its weights are float32, for steps are lost in fewer bits."""
    device = pick_device(settings.device)
    dtype = torch.float32 if whole else pick_dtype(settings.dtype, device)
    forget(device)
    with quiet(), explained(checkpoint.path):
        loaded = _load(settings, checkpoint, Form(device, dtype, quantize))
    for module in loaded.model.modules():
        # On some CPUs bitsandbytes repacks weights when they are first read without learning, and then
        # learns from what it takes for the old form.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return loaded


def forget(device: torch.device) -> None:
    """Let go of the weights loaded last."""
    _kept.clear()
    free(device)


def _load(settings: LocalSettings, checkpoint: Checkpoint, form: Form) -> Loaded:
    # cuDNN plans its attention once more for every shape, and hardly two batches of prompts have the same.
    torch.backends.cuda.enable_cudnn_sdp(False)
    source = {"revision": checkpoint.revision, "trust_remote_code": settings.trust_remote_code}
    found = transformers.AutoConfig.from_pretrained(checkpoint.path, **source)
    refuse_kernels(found, settings)
    config = overridden(found, settings.config, "model.config")
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint.path, **source)
    model, report = auto_class(config).from_pretrained(
        checkpoint.path,
        **source,
        config=config,
        dtype=form.dtype,
        attn_implementation=None if settings.attention is Attention.auto else str(settings.attention),
        device_map=str(settings.device_map) if settings.device_map else form.device,
        **form.quantized(),
        use_safetensors=not checkpoint.pickled,
        ignore_mismatched_sizes=True,  # refused below, by name
        output_loading_info=True,
    )
    _refuse_other_shapes(checkpoint, report["mismatched_keys"])
    missing = sorted(report["missing_keys"])
    if missing:
        raise BackendError(
            f"model.path: '{checkpoint.path}' lacks {len(missing)} weights (first: {missing[0]}), which "
            "would be random; give a complete checkpoint"
        )
    if (Path(checkpoint.path) / GENERATION).is_file():  # transformers goes on without one that it cannot read
        model.generation_config = transformers.GenerationConfig.from_pretrained(checkpoint.path)
    ends = _end_tokens(model, tokenizer, settings)
    pad = _pad_token(tokenizer, ends, settings)
    _drop_drawing_defaults(model, ends, pad)
    return Loaded(
        model=model.eval(),
        tokenizer=tokenizer,
        device=model.device,
        context=getattr(config.get_text_config(), "max_position_embeddings", None),
        end_tokens=ends,
        pad_token=pad,
        padding_side=_padding_side(config.is_encoder_decoder, settings),
    )


def _refuse_other_shapes(checkpoint: Checkpoint, mismatched: Iterable[tuple[str, Any, Any]]) -> None:
    found = sorted(mismatched)
    if found:
        name, stored, wanted = found[0]
        raise BackendError(
            f"model.path: '{checkpoint.path}' has {len(found)} weights of other shapes than its config.json "
            f"says (first: {name} is {list(stored)}, not {list(wanted)}); give files of one checkpoint"
        )


def _end_tokens(model: Any, tokenizer: Any, settings: LocalSettings) -> frozenset[int]:
    """A chat model may end a turn by another token than its base model ended a text."""
    named = model.generation_config.eos_token_id
    ends = set(named if isinstance(named, list) else [named]) | {tokenizer.eos_token_id}
    further = {_token(tokenizer, token, "model.end_tokens") for token in settings.end_tokens}
    return frozenset(ends - {None} | further)


def _pad_token(tokenizer: Any, ends: frozenset[int], settings: LocalSettings) -> int:
    """The mask hides it, so that any will do where the tokenizer has none."""
    if settings.pad_token is not None:
        return _token(tokenizer, settings.pad_token, "model.pad_token")
    return min(ends, default=0) if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)


def _token(tokenizer: Any, token: str, place: str) -> int:
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    if token not in vocabulary:
        near = did_you_mean(token, tokenizer.all_special_tokens) or "; give one of its vocabulary"
        raise BackendError(f"{place}: '{token}' is no one token of the tokenizer{near}")
    return vocabulary[token]


def _padding_side(encoder_decoder: bool, settings: LocalSettings) -> Side:
    side = settings.padding_side or (Side.right if encoder_decoder else Side.left)
    if side is Side.right and not encoder_decoder:
        raise BackendError(
            "model.padding_side: 'right' puts padding between a decoder's prompt and its answer; use null"
        )
    return side


def _drop_drawing_defaults(model: Any, ends: frozenset[int], pad: int) -> None:
    """Keep the checkpoint's special tokens only: how a text is drawn (temperature, penalties, beams) is
    the decoding's to say, the same for every model."""
    named = {token: getattr(model.generation_config, token) for token in SPECIAL_TOKENS}
    named |= {"eos_token_id": sorted(ends) or None, "pad_token_id": pad}
    model.generation_config = transformers.GenerationConfig(**named)
