"""The files and servers that bad inputs are about, prepared in a folder as a case asks."""

import gzip
import os
import pickle
import shlex
import shutil
import ssl
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hostile import Act, refused, said, serving

from llmrec.artifacts import RunDir
from llmrec.commands.composing import composed
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent

SMALL = ["dataset=demo", "limit=4", "resamples=2"]
RUNS = {
    "run": ["model=random"],
    "other": ["model=popularity"],
    "texts": ["task=summarization", "model=lead_words"],
    "others": ["task=summarization", "model=frequent_text"],
}
TOUCHED = "touched"
# What stands for several words in the lines of the catalogue.
SHORT = ["limit=2", "resamples=2"]
ELSEWHERE = ["data_dir=.", "model=random", *SHORT]
ALIASES = {
    "elsewhere": ELSEWHERE,
    "data": ["dataset=custom", "dataset.interactions=interactions.csv", *ELSEWHERE],
    "reviews": [
        "dataset=gift_cards", "dataset.reviews.address=http://127.0.0.1:9/x", "dataset.metadata=null",
        *ELSEWHERE,
    ],
    "floor": ["dataset=demo", "model=random", *SHORT],
    "replay": ["dataset=demo", "model=replay", "resamples=2"],
    "served": [
        "dataset=demo", "task=rating", "model=served", "model.name=m", "model.patience=0.2",
        "model.timeout=0.5", *SHORT,
    ],
    "local": ["dataset=demo", "task=rating", "model=hf", "task.answer_tokens=2", *SHORT],
    "lora": ["finetune=lora", "finetune.validation_rows=0", "training_limit=32"],
}  # fmt: skip


class Canary:
    """What, unpickled, makes a folder in the working one."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (TOUCHED,)


def runs(folder: Path) -> None:
    """Finish a run of each kind below a folder."""
    for name, words in RUNS.items():
        made = plan(composed([*SMALL, *words, f"cache_dir={folder}/cache"]))
        run(made, RunDir(folder / name), Silent())


def checkpoint(folder: Path) -> None:
    """Write a tiny checkpoint, and an adapter for it, below a folder."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    from llmrec.model.local.tiny import random_tiny

    made = plan(composed(["model=tiny", "task=rating", f"cache_dir={folder}/cache"]))
    shutil.copytree(random_tiny(made.model, folder / "cache"), folder / "checkpoint")  # type: ignore[arg-type]
    model = AutoModelForCausalLM.from_pretrained(folder / "checkpoint")
    config = peft.LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    torch.manual_seed(0)
    peft.get_peft_model(model, config).save_pretrained(str(folder / "adapter"))


def pickled(home: Path) -> None:
    """Keep the checkpoint's weights as a pickle alone."""
    import torch
    from safetensors.torch import load_file

    file = home / "checkpoint" / "model.safetensors"
    torch.save(load_file(file), file.with_name("pytorch_model.bin"))
    file.unlink()


def canary(home: Path) -> None:
    """Put a payload in the place of the checkpoint's weights."""
    (home / "checkpoint" / "model.safetensors").unlink()
    (home / "checkpoint" / "pytorch_model.bin").write_bytes(pickle.dumps(Canary()))


def widened(home: Path) -> None:
    """Make the adapter one of a base of twice the width."""
    from safetensors.torch import load_file, save_file

    file = home / "adapter" / "adapter_model.safetensors"
    save_file({name: weight.repeat(2, 2) for name, weight in load_file(file).items()}, file)


MAKERS: dict[str, Callable[[Path], None]] = {"pickled": pickled, "canary": canary, "widened": widened}


def lay(home: Path, case: dict[str, Any], made: Callable[[str], Path]) -> None:
    """Prepare a folder by what a case says, in this order; `made` finds what is made once for all cases."""
    for name in case.get("made", ()):
        if name in MAKERS:
            MAKERS[name](home)
        else:
            shutil.copytree(made(name), home / name)
    for name in case.get("folders", ()):
        (home / name).mkdir(parents=True)
    for kind, do in CHANGES.items():
        for name, given in case.get(kind, {}).items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            do(home / name, given)
    for name in case.get("gone", ()):
        (home / name).unlink()


def written(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def zipped(path: Path, members: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in members.items():
            archive.writestr(member, text)


def replaced(path: Path, words: tuple[str, str]) -> None:
    old, new = words
    text = path.read_text()
    assert old in text, f"{path.name} has no {old}"
    path.write_text(text.replace(old, new, 1))


CHANGES: dict[str, Callable[[Path, Any], None]] = {
    "files": written,
    "packed": lambda path, text: written(path, gzip.compress(text.encode(), mtime=0)),
    "zipped": zipped,
    "links": lambda path, target: path.symlink_to(target),
    "replaced": replaced,
    "cut": lambda path, size: os.truncate(path, size),
}


def act(answers: int | str) -> Act:
    """Return what a server does to each request."""
    if isinstance(answers, int):
        return refused(answers, "no", location="http://elsewhere.invalid/v1")
    return {
        "no JSON": Act(b"<html>"),
        "no choice": said("1", count=0),
        "stall": Act(b"", stalls=2.0),
        "well": said("3"),
    }[answers]


def certificate(home: Path) -> Path:
    """Make a key and a certificate that nobody vouches for, in one file."""
    file = home / "own.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=own.invalid"]
    command = ["openssl", "req", "-x509", *kind, "-keyout", file, "-out", f"{file}.cert"]
    subprocess.run(command, check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + Path(f"{file}.cert").read_bytes())
    return file


@contextmanager
def answering(answers: int | str, home: Path) -> Iterator[str]:
    """Yield the address of a server that answers as it is told; "certificate": well, by TLS, with one that it
    made itself."""
    context = None
    if answers == "certificate":
        context, answers = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "well"
        context.load_cert_chain(certificate(home))
    reply = act(answers)
    with serving(lambda number, body: reply, context, lambda *asked: reply) as server:
        yield server.address


def words(line: str, **told: str) -> list[str]:
    """Return the words of a line, those that stand for others in full."""
    for name, meant in (told | {name: shlex.join(many) for name, many in ALIASES.items()}).items():
        line = line.replace(f"{{{name}}}", meant)
    return shlex.split(line)
