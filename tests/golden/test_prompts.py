"""Every rendering of every task by every variant, as a model gets it.

A change of wording shows here first; `LLMREC_UPDATE_GOLDEN=1 scripts/test tests/golden` takes it over.
"""

import os
from pathlib import Path

import pytest
from builders import interaction, question

from llmrec.commands.composing import composed
from llmrec.commands.listing import options
from llmrec.plan import plan
from llmrec.prompt.naming import named
from llmrec.records import Event, Example, Item, Prompt, Ranking, Rating, Text

GOLDEN = Path(__file__).parent / "prompts"
ITEMS = {
    "B01": Item("B01", "Velvet Rose Hand Cream, 75 ml", "Maren", ("Beauty", "Hands")),
    "B02": Item("B02", 'Sea Salt "Surf" Spray [2-pack]', "Tidal", ("Beauty", "Hair")),
    "B03": Item("B03", "Cedar Beard Oil", "Tidal", ("Beauty", "Hair", "Beard")),
    "B04": Item("B04", "Café & Cocoa Body Scrub", "", ("Beauty", "Bath")),
    "B05": Item("B05", "item B05", "", ()),
}
SEQUENCES = (("U2", ("B01", "B04")), ("U1", ("B01", "B02", "B03")))
HISTORY = (
    Event("B01", 5.0, 86_400, "So soft"),
    Event("B02", 2.0, 172_800, "Sticky hair"),
)
ASKED = {
    "rating": question(user="U1", time=10**6, history=HISTORY, item="B03"),
    "sequential": question(user="U1", time=10**6, history=HISTORY),
    "direct": question(user="U1", time=10**6, history=HISTORY, candidates=("B05", "B03", "B04")),
    "explanation": question(user="U1", time=10**6, history=HISTORY, item="B03", rating=4.0),
    "summarization": question(
        user="U1", time=10**6, history=HISTORY, review="It smells of the woods. My beard loves it!"
    ),
}
ANSWERS = {
    "rating": Rating(3.0),
    "sequential": Ranking(("B04",)),
    "direct": Ranking(("B04",)),
    "explanation": Text("The scrub is a bit rough."),
    "summarization": Text("A bit rough"),
}


def demonstration(task: str) -> Example:
    """Return the question of the task once more, of another user and an earlier day."""
    asked = ASKED[task]
    earlier = question(
        id="demo", user="U2", time=1000, history=HISTORY[:1], item=asked.item and "B04",
        rating=asked.rating and 3.0, review=asked.review and "Rough on my skin.", candidates=asked.candidates,
    )  # fmt: skip
    return Example(earlier, interaction("U2", "B04", 1000, 3.0), ANSWERS[task])


def rendered(prompt: Prompt) -> str:
    blocks = [
        f"<{message.role}>\n" + "\n\n".join(f"[{part.module or '-'}]\n{part.text}" for part in message.parts)
        for message in prompt.messages
    ]
    return "\n\n".join(blocks) + "\n"


VARIANTS = [option.name for option in options("prompt")]
# Labels are for candidates.
RENDERED = [(task, name) for task in ASKED for name in VARIANTS if name != "labelled" or task == "direct"]


@pytest.mark.parametrize(("task", "variant"), RENDERED)
def test_rendering(task, variant):
    made = plan(composed([f"task={task}", f"prompt={variant}"]))
    names = named(made.variant.names, ITEMS, SEQUENCES, seed=0)
    names = made.variant.shown(names, made.task.answer.__name__.lower(), seed=0)
    writer = made.variant.open(made.wording, names, [demonstration(task)], seed=0)
    text = rendered(writer.write(ASKED[task]))
    path = GOLDEN / f"{task}.{variant}.txt"
    if os.environ.get("LLMREC_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_no_rendering_is_left_over():
    known = {f"{task}.{variant}.txt" for task, variant in RENDERED}
    assert {path.name for path in GOLDEN.iterdir()} == known
