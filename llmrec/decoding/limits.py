"""The bounds that several decodings put on their numbers."""

from llmrec.errors import ConfigError


def at_least(field: str, value: int, least: int) -> None:
    """Raise ConfigError when `value` is below `least`."""
    if value < least:
        raise ConfigError(f"{field}: {value} is too small; give {least} or more")
