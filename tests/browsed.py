"""Finished runs as a browser is to show them, and a browser's page that must tell no error."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from reported import HOSTILE, answering, finished

from llmrec.artifacts import ITEMS, pretty
from llmrec.seeded import hash64

LINE = "task=direct limit=30 task.num_negatives=9"


def browsed(to: Path) -> list[Path]:
    """Return the folders of runs of two tasks, whose texts and titles no page should have to show."""
    made = [
        answering(to, "hostile", LINE, HOSTILE),
        answering(to, "other", f"{LINE} prompt=no_format", [*HOSTILE[3:], *HOSTILE[:3]]),
        finished(to, "popular", f"{LINE} model=popularity"),
        finished(to, "last", f"{LINE} model=last_item"),
        finished(to, "fitted", "task=rating limit=30 model=text_blind"),
    ]
    for folder in made:
        entitle(folder / ITEMS)
    return made


def entitle(path: Path) -> None:
    """Give items titles that no page should have to show."""
    bad = [
        "<img src=x onerror='window.hacked = 4'>",
        "\u202eleft to right",
        "wide" * 100,
        "\x1b[31m red",
        "Soap",
    ]
    kept = msgspec.json.decode(path.read_bytes())
    path.write_bytes(pretty({id: f"{hash64(id) % 1000} {bad[hash64(id) % 5]}" for id in kept}))


@contextmanager
def opened_at(browser: Any, address: str) -> Iterator[tuple[Any, list[str]]]:
    """Yield the page of an address, and what it asks for; no error may have been told by the end."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    told, asked = [], []
    opened.on("console", lambda message: told.append(message.text))
    opened.on("pageerror", lambda error: told.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url.partition("#")[0]))
    opened.on("dialog", lambda dialog: told.append(dialog.message))
    opened.goto(address)
    opened.wait_for_selector("#sample dl")
    yield opened, asked
    assert told == []
    context.close()
