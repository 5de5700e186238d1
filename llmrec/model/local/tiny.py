"""A model made on the spot: the true code path, in seconds and without a download."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmrec.model.local.checkpoint import Checkpoint, made_once
from llmrec.model.local.model import LocalModel
from llmrec.progress import Progress
from llmrec.seeded import hash64

SHAPE: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32768,
    # Far above the usual 0.02, so that what is generated depends on the prompt.
    "initializer_range": 0.3,
    "tie_word_embeddings": False,
}
SEED = 0
START, END = "<|start|>", "<|end|>"
CHAT = (
    "{% for message in messages %}"
    "{{ '<|start|>' + message.role + '\n' + message.content + '<|end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant\n' }}{% endif %}"
)


@dataclass(frozen=True, kw_only=True)
class TinyModel(LocalModel):
    """Two random Llama layers over bytes: 256 byte tokens, a start and an end token."""

    def checkpoint(self, cache_dir: Path, progress: Progress) -> Checkpoint:
        fingerprint = f"{hash64(SHAPE, SEED, CHAT):016x}"
        return Checkpoint.of(made_once(cache_dir / "models" / f"tiny-{fingerprint}", _write))


def byte_tokenizer() -> Any:
    """Return a transformers tokenizer with a token for every byte, and two special ones."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={byte: code for code, byte in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in (START, END)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=START, eos_token=END, pad_token=END, chat_template=CHAT
    )


def _write(folder: Path) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from llmrec.model.local.loading import quiet

    tokenizer = byte_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **SHAPE,
    )
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        LlamaForCausalLM(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
