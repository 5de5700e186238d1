"""`llmrec doctor`: is everything there that a run needs?"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.text import Text

from llmrec.commands.composing import composed
from llmrec.commands.console import Terminal, progress
from llmrec.commands.listing import options
from llmrec.environment import versions
from llmrec.errors import LlmrecError
from llmrec.plan import plan

HELP = """usage: llmrec doctor [KEY=VALUE ...]

Versions, device, every config, the data sets that are on this machine, free disk. Status 1 if something
would keep a run from working."""

LEAST_FREE_GIB = 2
GROUPS = ("dataset", "split", "task", "prompt", "model", "decoding", "finetune", "experiment")
NEEDS_AN_EXTRA = (("finetune", "qlora"),)
# The usual one, and one for each other kind of question.
TASKS = ("", "task=direct", "task=rating", "task=summarization")
NEEDS_A_VALUE = {
    "model": {
        "hf": ["model.path=."],
        "replay": ["model.path=."],
        "served": ["model.base_url=http://localhost/v1"],
    },
    "decoding": {"candidates_label": ["prompt=labelled"], "guided": ["model=chatgpt"]},
}

Finding = tuple[bool, str]


def main(argv: list[str]) -> int:
    if "--help" in argv or "-h" in argv:
        print(HELP)
        return 0
    plan(composed(argv))  # words that no run takes are told once, and at once
    console = Terminal(highlight=False, soft_wrap=True)
    sound = True
    for title, look in CHECKS.items():
        console.print(Text(title, style="bold"))
        for well, told in look(argv):
            sound = sound and well
            console.print(
                Text("  ok    " if well else "  fault ", style="green" if well else "red") + Text(told)
            )
    return 0 if sound else 1


def packages(argv: list[str]) -> Iterator[Finding]:
    yield True, ", ".join(f"{name} {version}" for name, version in versions().items())


def device(argv: list[str]) -> Iterator[Finding]:
    import torch

    from llmrec.model.local.device import pick_dtype
    from llmrec.model.local.settings import Dtype

    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            found = torch.cuda.get_device_properties(number)
            yield True, f"cuda:{number} {found.name}, {found.total_memory / 2**30:.0f} GiB"
    elif torch.backends.mps.is_available():
        yield True, "mps"
    else:
        dtype = str(pick_dtype(Dtype.auto, torch.device("cpu"))).removeprefix("torch.")
        yield True, f"cpu only, {torch.get_num_threads()} threads; device=auto runs there in {dtype}"


def configs(argv: list[str]) -> Iterator[Finding]:
    """Compose and build every option of every group that shapes a run."""
    choices = [(group, option.name) for group in GROUPS for option in options(group)]
    refused: list[Finding] = []
    with progress().bar("composing", len(choices), "configs") as advance:
        for group, name in choices:
            given = NEEDS_A_VALUE.get(group, {}).get(name, [])
            tasks = TASKS if group in ("model", "prompt", "decoding") else TASKS[:1]
            try:
                fits_somewhere([*argv, f"{group}={name}", *given], tasks)
            except LlmrecError as error:
                refused.append(((group, name) in NEEDS_AN_EXTRA, f"{group}={name}: {error}"))
            advance(1)
    yield from refused
    yield True, f"{len(choices) - len(refused)} configs compose"


def fits_somewhere(words: list[str], tasks: Sequence[str]) -> None:
    """Compose and build a choice with the first of the tasks that it goes with, "" for the usual one.

    Raises ConfigError, the first, where there is none.
    """
    refused: list[LlmrecError] = []
    for task in tasks:
        try:
            plan(composed([*words, *([task] if task else [])]))
            return
        except LlmrecError as error:
            refused.append(error)
    raise refused[0]


def datasets(argv: list[str]) -> Iterator[Finding]:
    """Load every data set whose files are on this machine."""
    made = plan(composed(argv))
    for option in options("dataset"):
        if option.name == "demo" or any((made.data_dir / option.name).glob("*")):
            try:
                other = plan(composed([*argv, f"dataset={option.name}"]))
                corpus = other.dataset.load(made.data_dir, made.cache_dir, progress())
                users = len({interaction.user for interaction in corpus.interactions})
                told = (
                    f"{len(corpus.interactions):,} interactions, {users:,} users, {len(corpus.items):,} items"
                )
                # A note on the data set by name tells of counts that differ from the published ones.
                intact = not any(note.startswith(f"dataset={option.name}:") for note in corpus.notes)
                yield intact, "; ".join([f"{option.name}: {told}", *corpus.notes])
            except LlmrecError as error:
                yield False, f"{option.name}: {error}"
        else:
            yield True, f"{option.name}: not in {made.data_dir}, a first run would fetch it"


def disk(argv: list[str]) -> Iterator[Finding]:
    made = plan(composed(argv))
    for place in dict.fromkeys((made.cache_dir, Path(made.settings.output_dir))):
        existing = next(folder for folder in (place.resolve(), *place.resolve().parents) if folder.exists())
        free = shutil.disk_usage(existing).free / 2**30
        yield (
            free > LEAST_FREE_GIB,
            f"{place}: {free:.0f} GiB free, {LEAST_FREE_GIB} are the least for a start",
        )


CHECKS: dict[str, Callable[[list[str]], Iterator[Finding]]] = {
    "packages": packages,
    "device": device,
    "configs": configs,
    "data sets": datasets,
    "disk": disk,
}
