"""The words of a command that is none of Hydra's."""

import argparse
from typing import NoReturn

from llmrec.errors import UsageError


class Arguments(argparse.ArgumentParser):
    """Raises UsageError for words that it does not take, in place of argparse's lines and exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}; see {self.prog} --help")
