"""`llmrec show`: the composed config; `llmrec show prompts`: prompts as a model gets them."""

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from llmrec.commands.composing import composed
from llmrec.commands.console import Terminal, progress
from llmrec.config import to_yaml
from llmrec.errors import ConfigError
from llmrec.pipeline import writer
from llmrec.plan import plan, resolved
from llmrec.records import Message, Module, Prompt
from llmrec.rows import draw

HELP = """usage: llmrec show [GROUP=NAME ...] [KEY=VALUE ...]
       llmrec show prompts [GROUP=NAME ...] [n=3]

The config that a run with these choices would have, or its first n prompts with each part marked by
the module that wrote it: task, input (the row's own data), behavior, format."""

COLORS = {Module.TASK: "cyan", Module.INPUT: "white", Module.BEHAVIOR: "green", Module.FORMAT: "magenta"}


def main(argv: list[str]) -> int:
    if "--help" in argv or "-h" in argv:
        print(HELP)
        return 0
    if argv and argv[0] == "prompts":
        return show_prompts(argv[1:])
    config = to_yaml(resolved(composed(argv))).decode()
    console = Terminal()
    if console.is_terminal:
        console.print(Syntax(config, "yaml", background_color="default"))
    else:
        print(config, end="")
    return 0


def show_prompts(argv: list[str]) -> int:
    counts = [word for word in argv if word.startswith("n=")]
    count = counts[-1].removeprefix("n=") if counts else "3"
    if not count.isdigit() or count == "0":
        raise ConfigError(f"n: '{count}' is not a number of prompts; say n=3")
    overrides = [word for word in argv if word not in counts]
    made = plan(
        composed([*overrides, f"limit={count}"] if not any("limit=" in o for o in overrides) else overrides)
    )
    rows = draw(made, progress())
    written = writer(made, rows)
    console = Terminal(highlight=False, soft_wrap=True)
    for number, example in enumerate(rows.examples[: int(count)], 1):
        show_prompt(console, number, written.write(example.question))
    return 0


def show_prompt(console: Console, number: int, prompt: Prompt) -> None:
    cut = f", {prompt.cut} cut" if prompt.cut else ""
    console.rule(f"prompt {number}: example {prompt.example_id}{cut}", align="left")
    for message in prompt.messages:
        show_message(console, message)


def show_message(console: Console, message: Message) -> None:
    console.print(Text(f"{message.role}:", style="bold"))
    for part in message.parts:
        mark = Text(f"[{part.module}]\n" if part.module else "", style="bold")
        console.print(mark + Text(part.text, style=COLORS[part.module] if part.module else ""), end="\n\n")
