"""ChatGLM's weight files, renamed and split for the native class, one file at a time."""

import json
import pickle
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import GlmConfig, GlmForCausalLM

from llmrec.errors import BackendError
from llmrec.progress import Advance

# Safetensors first: where a checkpoint has both, they hold the same.
LAYOUTS = (
    ("model.safetensors.index.json", "*.safetensors"),
    ("pytorch_model.bin.index.json", "pytorch_model*.bin"),
)
OUTSIDE = {
    "transformer.embedding.word_embeddings.weight": "model.embed_tokens.weight",
    "transformer.encoder.final_layernorm.weight": "model.norm.weight",
    "transformer.output_layer.weight": "lm_head.weight",
}
# Both keep gate over up in the rows of the one matrix, so that it stays whole.
IN_LAYER = {
    "input_layernorm.weight": "input_layernorm.weight",
    "self_attention.dense.weight": "self_attn.o_proj.weight",
    "post_attention_layernorm.weight": "post_attention_layernorm.weight",
    "mlp.dense_h_to_4h.weight": "mlp.gate_up_proj.weight",
    "mlp.dense_4h_to_h.weight": "mlp.down_proj.weight",
}
FUSED = re.compile(r"self_attention\.query_key_value\.(weight|bias)")
NATIVE_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)")
LAYER = re.compile(r"transformer\.encoder\.layers\.(\d+)\.(.+)")
# A table of numbers that follow from the config.
COMPUTED = "transformer.rotary_pos_emb.inv_freq"


def weight_files(folder: Path) -> list[Path]:
    """Return the files that hold the weights: those an index names, else all of one format.

    Raises BackendError when there are none, or one that the index names is not there.
    """
    for index, pattern in LAYOUTS:
        if (folder / index).is_file():
            try:
                named = sorted(set(json.loads((folder / index).read_text("utf-8"))["weight_map"].values()))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise BackendError(
                    f"model.path: '{folder}', {index} is no index of weights; fetch it again"
                ) from error
            for name in named:
                if not (folder / name).is_file():
                    raise BackendError(
                        f"model.path: '{folder}' lacks {name}, which {index} names; fetch it again"
                    )
            return [folder / name for name in named]
        if found := sorted(folder.glob(pattern)):
            return found
    raise BackendError(
        f"model.path: '{folder}' has no weights, *.safetensors or pytorch_model*.bin; fetch them"
    )


def convert_weights(files: Sequence[Path], config: GlmConfig, folder: Path, advance: Advance) -> torch.dtype:
    """Write `files` into `folder` under the native names, as many files as there were; return the dtype.

    No more than one file is in memory. Raises BackendError when a weight is missing, not known, of
    another shape than the config says, or not readable.
    """
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in GlmForCausalLM(config).state_dict().items()}
    places: dict[str, str] = {}
    dtypes: set[torch.dtype] = set()
    size = 0
    for number, file in enumerate(files, 1):
        target = f"model-{number:05}-of-{len(files):05}.safetensors"
        part = dict(_renamed(file, shapes))
        save_file(part, folder / target, {"format": "pt"})
        places |= dict.fromkeys(part, target)
        dtypes |= {tensor.dtype for tensor in part.values()}
        size += sum(tensor.nbytes for tensor in part.values())
        advance(1)
    _check_whole(files[0].parent, shapes.keys() - places.keys(), dtypes)
    index = {"metadata": {"total_size": size}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    return dtypes.pop()


def _renamed(file: Path, shapes: dict[str, torch.Size]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in _tensors(file):
        if name == COMPUTED:
            continue
        for new, piece in _pieces(name, tensor, shapes):
            if new not in shapes:
                raise BackendError(
                    f"model.path: '{file}' has the weight {name}, which ChatGLM2 and 3 have not by its "
                    "config.json; give the original checkpoint"
                )
            if piece.shape != shapes[new]:
                raise BackendError(
                    f"model.path: '{file}', {name} gives {new} the shape {tuple(piece.shape)}, and its "
                    f"config.json {tuple(shapes[new])}; give files of one checkpoint"
                )
            yield new, piece


def _pieces(name: str, tensor: Tensor, shapes: dict[str, torch.Size]) -> list[tuple[str, Tensor]]:
    """Return the native weights in an original one; a name not known stays as it is."""
    layer = LAYER.fullmatch(name)
    if layer is None:
        return [(OUTSIDE.get(name, name), tensor)]
    place = f"model.layers.{layer[1]}"
    fused = FUSED.fullmatch(layer[2])
    if fused is None:
        return [(f"{place}.{IN_LAYER[layer[2]]}" if layer[2] in IN_LAYER else name, tensor)]
    queries, keys = (shapes[f"model.layers.0.self_attn.{new}_proj.weight"][0] for new in "qk")
    # Without a copy the three would share one memory, which safetensors does not store.
    split = [piece.clone() for piece in torch.tensor_split(tensor, (queries, queries + keys))]
    news = [f"{place}.self_attn.{new}_proj.{fused[1]}" for new in "qkv"]
    return list(zip(news, split, strict=True))


def _tensors(file: Path) -> Iterator[tuple[str, Tensor]]:
    if file.suffix == ".safetensors":
        with safe_open(file, framework="pt") as stored:
            for name in stored.keys():  # noqa: SIM118 - it is no dict and cannot be iterated over
                yield name, stored.get_tensor(name)
        return
    try:
        loaded: Any = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except (pickle.UnpicklingError, EOFError) as error:
        # Of torch's advice the first line is enough, and what it advises is to run foreign code.
        raise BackendError(f"model.path: '{file}' is no file of weights alone; fetch it again") from error
    for name, tensor in loaded.items():
        yield name, tensor.contiguous()


def _check_whole(folder: Path, missing: set[str], dtypes: set[torch.dtype]) -> None:
    if missing:
        names = sorted(set(map(_original, missing)))
        raise BackendError(
            f"model.path: '{folder}' lacks {len(names)} weights (first: {names[0]}); give a complete "
            "checkpoint"
        )
    if len(dtypes) != 1 or not next(iter(dtypes)).is_floating_point:
        found = ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in dtypes))
        raise BackendError(f"model.path: '{folder}' has weights in {found}; give them in one dtype of floats")


def _original(native: str) -> str:
    """Return the original weight that a native one comes from."""
    layer = NATIVE_LAYER.fullmatch(native)
    if layer is None:
        return next(old for old, new in OUTSIDE.items() if new == native)
    part = re.sub(r"self_attn\.[qkv]_proj", "self_attention.query_key_value", layer[2])
    old = next((old for old, new in IN_LAYER.items() if new == part), part)
    return f"transformer.encoder.layers.{layer[1]}.{old}"
