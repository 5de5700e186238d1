"""A model made on the spot, of the class that the checkpoint would have: the true code path, in seconds
and without a download."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, PreTrainedTokenizerFast

from llmrec.errors import BackendError, one_line
from llmrec.files import made_once
from llmrec.model.local.architecture import SPREADS, auto_class, described, shrunk
from llmrec.model.local.checkpoint import find
from llmrec.model.local.library import LIBRARY_ERRORS, explained, quiet
from llmrec.model.local.settings import LocalSettings, Template
from llmrec.seeded import hash64

SEED = 0
START, END = "<|start|>", "<|end|>"
CHAT = (
    "{% for message in messages %}"
    "{{ '<|start|>' + message.role + '\n' + message.content + '<|end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant\n' }}{% endif %}"
)


def random_tiny(settings: LocalSettings, cache_dir: Path) -> Path:
    """Return a folder with random weights in the settings' architecture, shrunk, and a tokenizer of bytes.

    The folder lies in `cache_dir/models`, named by all that shaped it; the same settings give the same
    weights. Raises BackendError when the architecture is not known or cannot be shrunk.
    """
    named = [*settings.end_tokens, *([settings.pad_token] if settings.pad_token else [])]
    tokenizer = byte_tokenizer(chat=settings.template is not Template.plain, further=named)
    config = _config(settings)
    with quiet(), _refused(config.model_type):
        spreads = {name: settings.shape.get(name, spread) for name, spread in SPREADS.items()}
        small = shrunk(config, tokenizer, spreads)
    shaping = (
        small.to_json_string(use_diff=False),
        tokenizer.backend_tokenizer.to_str(),
        tokenizer.chat_template,
    )
    name = f"random_tiny-{small.model_type}-{hash64(SEED, *shaping):016x}"

    def write(folder: Path) -> None:
        with quiet(), _refused(small.model_type), torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            auto_class(small).from_config(small).save_pretrained(folder)
            tokenizer.save_pretrained(folder)

    return made_once(cache_dir / "models" / name, write)


def byte_tokenizer(chat: bool = True, further: Iterable[str] = ()) -> Any:
    """Return a transformers tokenizer with a token for every byte, a start and an end token, and the
    further special ones that are named."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={byte: code for code, byte in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in (START, END, *further)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        pad_token=END,
        chat_template=CHAT if chat else None,
    )


def _config(settings: LocalSettings) -> Any:
    """Return the config that the settings describe, or else that lies at `model.path`."""
    if settings.architecture is not None:
        with quiet():
            return described(settings.architecture, settings.shape)
    checkpoint = find(settings.path, settings.revision)
    with quiet(), explained(checkpoint.path):
        return AutoConfig.from_pretrained(
            checkpoint.path, revision=checkpoint.revision, trust_remote_code=settings.trust_remote_code
        )


@contextmanager
def _refused(architecture: str) -> Iterator[None]:
    """Turn what the libraries raise about a shape that they cannot build into one line."""
    try:
        yield
    except LIBRARY_ERRORS as error:
        raise BackendError(
            f"model.weights: no random_tiny can be made of architecture={architecture} "
            f"({one_line(error)}); use weights=pretrained, or another architecture"
        ) from error
