"""Run tests with the versions installed here, and write what came of it to OUT: called by scripts/lowest."""

import sys
import tomllib
from itertools import chain

import bench
import pytest
from packaging.requirements import Requirement

OUT = bench.ROOT / "docs/trust/lowest.json"
# What leans on packages most, and one whole run of each task: minutes on one core. Left out are trainings
# and commands in processes of their own, which take longer.
UNITS = (
    "annotate/test_agreement.py",
    "dataset",
    "decoding",
    "finetune/test_adapter.py::test_an_adapter_from_elsewhere_is_taken_with_its_record",
    "finetune/test_encoding.py",
    "metric",
    *(f"model/local/test_{name}.py" for name in ("chatglm", "gguf", "loading", "session", "template")),
    "model/recommender",
    "model/served/test_keys.py",
    "model/served/test_ways.py",
    "pages",
    "parser",
    "prompt",
    "report",
    "task",
)
RUNS = "tests/integration/test_one_run.py::test_"
DEFAULT = (
    f"{RUNS}every_task_runs_end_to_end_and_every_row_counts",
    f"{RUNS}metrics_json_is_what_its_schema_says",
    *(f"tests/unit/{name}" for name in UNITS),
)
KINDS = {"passed": ("passed",), "failed": ("failed", "error"), "skipped": ("skipped",)}


class Tally:
    """How many tests came to what, once pytest is done."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        told = terminalreporter.stats
        self.counts = {kind: sum(len(told.get(one, ())) for one in of) for kind, of in KINDS.items()}


def direct() -> list[str]:
    """Return the names of the packages that pyproject.toml names itself."""
    project = tomllib.loads((bench.ROOT / "pyproject.toml").read_text())["project"]
    wanted = chain(project["dependencies"], *project["optional-dependencies"].values())
    return sorted({Requirement(each).name for each in wanted} - {"llmrec"}, key=str.lower)


def main(words: list[str]) -> int:
    about = bench.about(direct())
    print(*(f"{name}=={version}" for name, version in about["versions"].items()), sep="\n", flush=True)
    tally = Tally()
    status = pytest.main(["-p", "no:cacheprovider", *(words or DEFAULT)], plugins=[tally])
    bench.write(OUT, {**about, "tests": words or DEFAULT, **tally.counts})
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
