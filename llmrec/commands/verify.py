"""`llmrec verify CAPSULE`: is a run what it says? Read and scored again, without a model."""

import sys
from importlib.metadata import version
from pathlib import Path

from llmrec.capsule.verify import Verified, verified
from llmrec.commands.arguments import Arguments
from llmrec.commands.console import progress
from llmrec.errors import DataError, LlmrecError

MAX_GIB = 1.0


def main(argv: list[str]) -> int:
    parser = Arguments(
        prog="llmrec verify",
        description="Hold a capsule of llmrec export against itself: its manifest, its completions "
        "read again, what they say scored again, without a model. The first row and score that differ are "
        "named. Nothing in it is executed, nothing fetched. Status 1 if anything differs.",
    )
    parser.add_argument("capsule", type=Path, metavar="CAPSULE")
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="raw files, as DIR/beauty/: rows, prompts, leaks and floors are made again from them too",
    )
    parser.add_argument("--max-gib", type=float, default=MAX_GIB, help=f"what it may unpack to ({MAX_GIB:g})")
    asked = parser.parse_args(argv)
    try:
        found = verified(asked.capsule, asked.data_dir, int(asked.max_gib * 2**30), progress())
    except LlmrecError as error:
        raise DataError(printable(str(error))) from error
    for difference in found.differences:
        print(f"error: {printable(difference)}", file=sys.stderr)
    for line in said(found, asked.data_dir):
        print(printable(line))
    return 1 if found.differences else 0


def printable(text: str) -> str:
    """Return a stranger's words with nothing in them that a terminal would obey."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def said(found: Verified, data_dir: Path | None) -> list[str]:
    """Return what was verified and what was not, a line each."""
    if found.differences:
        made, here = found.manifest.llmrec, version("llmrec")
        return [f"made by llmrec {made!r}, this is {here}: scores may differ"] if made != here else []
    lines = [
        f"{len(found.manifest.files)} files are as the manifest says",
        f"{found.rows:,} answers, read again from the completions, are the same",
        f"{found.scores} scores of them, computed again, are the same",
    ]
    if data_dir is not None:
        lines.append(f"rows, prompts, leaks and floors, made again from {data_dir}, are the same")
    else:
        lines.append(
            "NOT verified without the data (--data-dir DIR): that rows and prompts are those of the data, "
            "the training answers behind the scores, leaks, floors and margins, counts"
        )
    if found.unscored:
        lines.append(f"NOT verified, for their package, file or checkpoint: {', '.join(found.unscored)}")
    lines.append("NOT verified by anything here: that the model gave these answers, and in how many seconds")
    return lines
