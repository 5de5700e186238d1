"""Adapters of peft on a model in memory, with proof that they fit and that they do something."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from llmrec.errors import BackendError
from llmrec.model.local.library import LIBRARY_ERRORS
from llmrec.model.local.loaded import Loaded

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
# peft makes weights by the numbers of a config, before it looks at those that are there. By these it does
# not, and small ones are not worth a word.
SIZELESS = re.compile(
    r"\w*(alpha|seed|prng_key|lambda|warmup|interval|token_ids|token_indices|invocation_tokens)|alpha_pattern"
    r"|total_step|tinit|tfinal|deltaT"
)
SMALL = 1024
PADDABLE = ("PREFIX_TUNING", "CARTRIDGE")
PROBE = "Which one will be next, and why?"


def holds_adapter(folder: Path) -> bool:
    """Say whether a folder holds an adapter rather than whole weights."""
    return (folder / CONFIG).is_file()


def put_on(loaded: Loaded, folder: Path) -> Loaded:
    """Return the model with the adapter of a folder.

    Raises BackendError when the adapter is damaged, was made for other layers or shapes, or leaves the
    model's logits as they were.
    """
    # Importing peft takes seconds.
    import peft
    from peft.utils.save_and_load import load_peft_weights, set_peft_model_state_dict

    if not (folder / WEIGHTS).is_file():  # peft would look for a pickle, and then on the hub
        raise BackendError(f"adapter {folder}: no {WEIGHTS} in it, the one format that is read; save it so")
    with fitting(loaded, folder):
        config = peft.PeftConfig.from_pretrained(str(folder))
        if getattr(config, "megatron_config", None):
            raise ValueError("its megatron_config names a module to import")
        config.inference_mode = True
        weights = load_peft_weights(str(folder), device="cpu")
        check_sizes(config.to_dict(), max((max(one.shape, default=0) for one in weights.values()), default=0))
        model = peft.get_peft_model(loaded.model, config)
        found: Any = set_peft_model_state_dict(model, weights)
    missing = [name for name in found.missing_keys if _is_adapters(name, model)]
    stray = missing + list(found.unexpected_keys if not config.is_prompt_learning else [])
    if stray:
        raise BackendError(
            f"adapter {folder}: {len(stray)} of its weights have no place in {loaded.name}, or are not there "
            f"(first: {stray[0]}); give one that was trained on this base"
        )
    with fitting(loaded, folder):
        tuned = with_adapter(loaded, model.eval())
        does_something = changes_logits(tuned)
    if not does_something:
        raise BackendError(
            f"adapter {folder}: changes no logit of {loaded.name}, so nothing was learned or loaded; give "
            "another one, or remove the folder to train anew"
        )
    return tuned


@contextmanager
def fitting(loaded: Loaded, folder: Path) -> Iterator[None]:
    """Turn what peft raises about an adapter into a BackendError of one line."""
    try:
        yield
    except LIBRARY_ERRORS as error:
        raise BackendError(
            f"adapter {folder}: does not go on {loaded.name} ({reason(error)}); give one that was trained "
            "on this base, or remove the folder to train anew"
        ) from error


def check_sizes(config: dict[str, Any], most: int) -> None:
    """Raise ValueError for a config with a number above any side of the weights beside it, `most`, where it
    may be the size of something."""
    for name, value in config.items():
        if not SIZELESS.fullmatch(name) and (found := largest(value)) > max(most, SMALL):
            raise ValueError(f"{name}={found}, and no side of its weights is longer than {most}")


def largest(value: object) -> int:
    """Return the largest whole number within, 0 where there is none above."""
    if isinstance(value, dict):
        return max(map(largest, value.values()), default=0)
    if isinstance(value, list | tuple | set):
        return max(map(largest, value), default=0)
    return value if isinstance(value, int) else 0


def reason(error: Exception) -> str:
    """Return what an error says first: torch lists all weights that do not fit, each on a line."""
    first, *rest = str(error).splitlines() or [""]
    return " ".join((rest[0] if rest and "state_dict" in first else first or repr(error)).split())


def with_adapter(loaded: Loaded, model: Any) -> Loaded:
    """Return the loaded checkpoint with peft's model in place of the bare one."""
    config = model.active_peft_config
    # These put learned tokens before the padding of a row, at the wrong distance from its prompt; a
    # prefix of keys and values has its distance right.
    return replace(loaded, model=model, may_pad=not config.is_prompt_learning or config.peft_type in PADDABLE)


def _is_adapters(name: str, model: Any) -> bool:
    """Say whether a weight is the adapter's rather than the base's."""
    own = str(getattr(model.base_model, "prefix", "") or "")
    return bool(own) and any(part.startswith(own) for part in name.split("."))


@torch.inference_mode()
def changes_logits(tuned: Loaded) -> bool:
    """Say whether the adapter moves any logit after a fixed probe."""
    ids = torch.tensor([tuned.tokenizer(PROBE)["input_ids"]], device=tuned.device)
    inputs = {"input_ids": ids}
    if tuned.encoder_decoder:
        inputs["decoder_input_ids"] = ids[:, :1]
    with_it = tuned.model(**inputs).logits
    with tuned.model.disable_adapter():
        without = tuned.model(**inputs).logits
    return not torch.equal(with_it, without)
