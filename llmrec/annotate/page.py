"""A rater's page: one file that opens anywhere, asks the network for nothing and runs no text."""

from pathlib import Path

from jinja2 import Environment, StrictUndefined

from llmrec.annotate.ballot import Page
from llmrec.onefile import embedded, policy


def html(page: Page) -> str:
    """Return the page as HTML."""
    script, style = part("page.js"), part("page.css")
    # All that is filled in is ours, save the data, which is escaped for where it stands.
    template = Environment(autoescape=False, undefined=StrictUndefined).from_string(part("page.html"))
    return template.render(policy=policy(style, script), style=style, script=script, data=embedded(page))


def part(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
