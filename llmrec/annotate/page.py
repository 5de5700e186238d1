"""A rater's page: one file that opens anywhere, asks the network for nothing and runs no text."""

import base64
import hashlib
from pathlib import Path

import msgspec
from jinja2 import Environment, StrictUndefined

from llmrec.annotate.ballot import Page

# What could end a script element or a line of it; JSON has another way to write each.
_ESCAPED = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def html(page: Page) -> str:
    """Return the page as HTML. Its policy lets the page's own script and style run, by their hashes, and
    nothing else: no other script, no handler in markup, no request, no frame, no form."""
    script, style = part("page.js"), part("page.css")
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src '{digest(script)}'",
            f"style-src '{digest(style)}'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        ]
    )
    # All that is filled in is ours, save the data, which is escaped for where it stands.
    template = Environment(autoescape=False, undefined=StrictUndefined).from_string(part("page.html"))
    return template.render(policy=policy, style=style, script=script, data=embedded(page))


def embedded(page: Page) -> str:
    """Return the page's data as JSON that can stand in a script element."""
    return msgspec.json.encode(page).decode().translate(_ESCAPED)


def digest(content: str) -> str:
    """Return the hash of an inline script or style, as a policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def part(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
