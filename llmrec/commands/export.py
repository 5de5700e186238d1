"""`llmrec export RUN [TO]`: a finished run as one file to share, that tells of nobody and no machine."""

from pathlib import Path
from tempfile import TemporaryDirectory

from llmrec.capsule.contents import SUFFIX, packed
from llmrec.capsule.export import exported
from llmrec.capsule.verify import verified
from llmrec.commands.arguments import Arguments
from llmrec.commands.console import progress
from llmrec.errors import ConfigError, DataError
from llmrec.files import write_atomic
from llmrec.finished import Finished


def main(argv: list[str]) -> int:
    parser = Arguments(
        prog="llmrec export",
        description="Write a finished run as one file that llmrec verify can verify. Folders, private "
        "addresses, keys, names of user and host stand in no byte of it: what is a setting is made "
        "relative, what stands in a text is refused. The data are read for what the scores took of them.",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a finished run")
    parser.add_argument("to", nargs="?", type=Path, metavar="TO", help=f"a file; RUN's name{SUFFIX} if none")
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="WORD",
        help="a word that may be told, as it stands there",
    )
    asked = parser.parse_args(argv)
    to = asked.to or Path(f"{asked.run.resolve().name}{SUFFIX}")
    if to.suffix != ".zip":
        raise ConfigError(f"{to}: a capsule is a zip; name it so, such as {to.name}{SUFFIX}")
    files = exported(Finished.at(asked.run), progress(), asked.allow)
    content = packed(files)
    check(asked.run, content)
    write_atomic(to, content)
    print(f"{to}: {len(files)} files, {len(content) / 1e6:.1f} MB; llmrec verify {to}")
    return 0


def check(run: Path, content: bytes) -> None:
    """Raise DataError where what was made does not verify."""
    with TemporaryDirectory(prefix="llmrec.") as folder:
        capsule = Path(folder) / run.resolve().name
        capsule.write_bytes(content)
        found = verified(capsule, None, len(content) ** 2, progress())
    if found.differences:
        way_out = f"score it again first: llmrec score {run}"
        raise DataError(f"{run}: does not hold what it says: {found.differences[0]}; {way_out}")
