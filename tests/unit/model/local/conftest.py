"""Tiny ChatGLM checkpoints in the layout of their makers, and a sentencepiece model to go with them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from sentencepiece import SentencePieceTrainer
from torch import Tensor
from transformers import GlmConfig, GlmForCausalLM

from llmrec.errors import BackendError
from llmrec.model.local.chatglm import converted
from llmrec.progress import Silent

CORPUS = [
    "I love this perfume, it smells fresh and clean.",
    "the people of philosophy read 12 books in 2024",
    "这本书很好看，我喜欢这个故事。",
    "[Round 1]\n\n问：你好\n\n答：你好",
    "hahaha aaaa ---- !!!!  two  spaces",
]
# Long enough for stretched contexts to matter.
IDS = torch.tensor([[401, 403, 7, 300, 21, 21, 395, 9] + [11, 250, 3] * 60])
VOCABULARY = 400
CONFIG: dict[str, Any] = {
    "model_type": "chatglm",
    "architectures": ["ChatGLMModel"],
    "auto_map": {"AutoModelForCausalLM": "modeling_chatglm.ChatGLMForConditionalGeneration"},
    "add_bias_linear": False,
    "add_qkv_bias": True,
    "apply_query_key_layer_scaling": True,
    "apply_residual_connection_post_layernorm": False,
    "attention_dropout": 0.0,
    "attention_softmax_in_fp32": True,
    "bias_dropout_fusion": True,
    "ffn_hidden_size": 48,
    "fp32_residual_connection": False,
    "hidden_dropout": 0.0,
    "hidden_size": 24,
    "kv_channels": 8,
    "layernorm_epsilon": 1e-05,
    "multi_query_attention": True,
    "multi_query_group_num": 2,
    "num_attention_heads": 4,
    "num_layers": 2,
    "original_rope": True,
    "padded_vocab_size": 416,
    "post_layer_norm": True,
    "rmsnorm": True,
    "seq_length": 512,
    "use_cache": True,
    "torch_dtype": "float32",
    "transformers_version": "4.30.2",
    "tie_word_embeddings": False,
    "eos_token_id": 2,
    "pad_token_id": 0,
}


@pytest.fixture(scope="session")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentencepiece model made as theirs: BPE over bytes, digits apart, nothing normalised."""
    prefix = tmp_path_factory.mktemp("pieces") / "tokenizer"
    SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 20),
        model_prefix=str(prefix),
        model_type="bpe",
        vocab_size=VOCABULARY,
        byte_fallback=True,
        split_digits=True,
        allow_whitespace_only_pieces=True,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
        num_threads=1,
        minloglevel=2,
    )
    return prefix.with_suffix(".model")


@dataclass
class Original:
    """A checkpoint to be written: its weights by the makers' names, and the native model they came from.

    `changes` are made to config.json.
    """

    generation: int
    changes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.config = CONFIG | {"_name_or_path": f"THUDM/chatglm{self.generation}-6b"} | self.changes
        ratio = self.config.get("rope_ratio", 1)
        linear = self.generation == 2 and ratio != 1
        rotary = {"rope_type": "default", "rope_theta": 10000.0 * ratio}
        if linear:
            rotary = {"rope_type": "linear", "factor": float(ratio), "rope_theta": 10000.0}
        native = GlmConfig(
            vocab_size=self.config["padded_vocab_size"],
            hidden_size=self.config["hidden_size"],
            intermediate_size=self.config["ffn_hidden_size"],
            num_hidden_layers=self.config["num_layers"],
            num_attention_heads=self.config["num_attention_heads"],
            num_key_value_heads=self.groups,
            head_dim=self.config["kv_channels"],
            max_position_embeddings=self.config["seq_length"],
            rms_norm_eps=self.config["layernorm_epsilon"],
            attention_bias=self.config["add_qkv_bias"],
            rope_parameters=rotary | {"partial_rotary_factor": 0.5},
            pad_token_id=0,
            eos_token_id=2,
        )
        self.origin = GlmForCausalLM(native).eval()
        drawn = torch.Generator().manual_seed(7)
        with torch.no_grad():
            for name, weight in self.origin.named_parameters():
                # Logits below 1, where 1e-6 is more than float32 rounds by.
                spread = 0.02 if "lm_head" in name else 0.2
                values = torch.empty_like(weight).normal_(0, spread, generator=drawn)
                weight.copy_(1 + values if "norm" in name else values)
        self.weights = self._fused(dict(self.origin.state_dict()))

    @property
    def groups(self) -> int:
        grouped = self.config["multi_query_attention"]
        return int(self.config["multi_query_group_num" if grouped else "num_attention_heads"])

    def _fused(self, native: dict[str, Tensor]) -> dict[str, Tensor]:
        half = self.config["kv_channels"] // 2
        weights = {
            "transformer.embedding.word_embeddings.weight": native["model.embed_tokens.weight"],
            "transformer.rotary_pos_emb.inv_freq": 1 / 10000 ** (torch.arange(0, half, 2) / half),
            "transformer.encoder.final_layernorm.weight": native["model.norm.weight"],
            "transformer.output_layer.weight": native["lm_head.weight"],
        }
        for layer in range(self.config["num_layers"]):
            old, new = f"transformer.encoder.layers.{layer}", f"model.layers.{layer}"
            for kind in ("weight", "bias") if self.config["add_qkv_bias"] else ("weight",):
                parts = [native[f"{new}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
                weights[f"{old}.self_attention.query_key_value.{kind}"] = torch.cat(parts)
            weights |= {
                f"{old}.input_layernorm.weight": native[f"{new}.input_layernorm.weight"],
                f"{old}.self_attention.dense.weight": native[f"{new}.self_attn.o_proj.weight"],
                f"{old}.post_attention_layernorm.weight": native[f"{new}.post_attention_layernorm.weight"],
                f"{old}.mlp.dense_h_to_4h.weight": native[f"{new}.mlp.gate_up_proj.weight"],
                f"{old}.mlp.dense_4h_to_h.weight": native[f"{new}.mlp.down_proj.weight"],
            }
        return {name: weight.clone() for name, weight in weights.items()}

    def write(self, folder: Path, pieces: Path, suffix: str = ".safetensors", shards: int = 2) -> Path:
        """Write every file that a download has, code excepted."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.config))
        (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "ChatGLMTokenizer"}))
        (folder / "tokenizer.model").write_bytes(pieces.read_bytes())
        stem = "model" if suffix == ".safetensors" else "pytorch_model"
        names = [f"{stem}-{shard + 1:05}-of-{shards:05}{suffix}" for shard in range(shards)]
        places = {name: names[number % shards] for number, name in enumerate(self.weights)}
        for file in names:
            part = {name: self.weights[name] for name, place in places.items() if place == file}
            if suffix == ".safetensors":
                save_file(part, folder / file, {"format": "pt"})
            else:
                torch.save(part, folder / file)
        (folder / f"{stem}{suffix}.index.json").write_text(json.dumps({"weight_map": places}))
        return folder


@pytest.fixture
def original() -> type[Original]:
    return Original


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[Path, str], None]:
    """Return a function that asserts that a source is refused in one line, and leaves nothing half made."""

    def check(source: Path, words: str) -> None:
        with pytest.raises(BackendError, match=rf"^model\.path: '[^\n]*{words}[^\n]*$"):
            converted(source, tmp_path / "cache", Silent())
        assert list((tmp_path / "cache").glob("models/*")) == []

    return check


def logits_of(model, ids=IDS):
    with torch.no_grad():
        return model(ids).logits[0]


def furthest(left, right):
    return float((left - right).abs().max())


@pytest.fixture
def logits_through(pretrained, open_session):
    """Return a function from a folder to the logits of the session that the runner would open."""
    return lambda folder: logits_of(open_session(pretrained(str(folder))).loaded.model)
