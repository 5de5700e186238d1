"""What pages of one HTML file have in common: data that cannot run, and a policy that lets nothing else."""

import base64
import hashlib

import msgspec

# What could end a script element, begin another, or end a line of it; JSON has another way to write each.
_ESCAPED = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def embedded(record: object) -> str:
    """Return a record as JSON that can stand in a script element."""
    return msgspec.json.encode(record).decode().translate(_ESCAPED)


def policy(style: str, script: str, asks: bool = False) -> str:
    """Return the Content-Security-Policy under which the page's own style and script run, by their hashes,
    and nothing else: no other script, no handler in markup, no frame, no form, and no request, or, of a page
    that `asks`, only to who served it."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src '{digest(script)}'",
            f"style-src '{digest(style)}'",
            *(["connect-src 'self'"] if asks else []),
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        ]
    )


def digest(content: str) -> str:
    """Return the hash of an inline script or style, as a policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
