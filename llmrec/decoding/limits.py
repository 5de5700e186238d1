"""The bounds of texts, and those that several decodings put on their numbers."""

from llmrec.errors import ConfigError


def at_least(field: str, value: int, least: int) -> None:
    """Raise ConfigError when `value` is below `least`."""
    if value < least:
        raise ConfigError(f"{field}: {value} is too small; give {least} or more")


def has_lines(text: str, count: int) -> bool:
    """Say whether so many lines are complete. Empty lines do not count, nor those that announce others by a
    colon at their end."""
    *complete, _ = text.split("\n")
    told = [line for line in map(str.strip, complete) if line and not line.endswith((":", "："))]
    return len(told) >= count
