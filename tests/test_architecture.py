"""Who may import whom: read from the imports themselves."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "llmrec"
FILES = sorted(PACKAGE.rglob("*.py"))
BASICS = {
    "records",
    "results",
    "errors",
    "seeded",
    "text",
    "exits",
    "suspicious",
    "progress",
    "files",
    "features",
    "onefile",
    "locks",
    "stopping",
}
NOUNS = {"dataset", "split", "task", "prompt", "model", "decoding", "parser", "metric", "finetune"}
ALLOWED = {
    "records": set(),
    "results": set(),
    "errors": set(),
    "seeded": set(),
    "text": set(),
    "exits": set(),
    "suspicious": {"records"},
    "features": set(),
    "onefile": set(),
    "progress": set(),
    "stopping": set(),
    "files": {"errors"},
    "locks": {"files"},
    **{noun: BASICS | {noun} for noun in NOUNS},
    "task": BASICS | {"task", "split"},
    "model": BASICS | {"model", "decoding", "artifacts", "processes"},
    "finetune": BASICS | {"finetune", "model", "processes"},
    "processes": {"errors", "locks", "records"},
    "artifacts": BASICS,
    "leak": BASICS,
    "config": {"errors"},
    "environment": {"errors", "results"},
    "report": BASICS | {"report", "artifacts"},
    "audit": BASICS | {"audit", "artifacts", "finished", "metric", "plan", "report", "rows", "split"},
    "judge": BASICS
    | {"annotate", "artifacts", "decoding", "judge", "metric", "model", "parser", "refine", "report"},
    "capsule": BASICS
    | {
        "artifacts",
        "capsule",
        "config",
        "finished",
        "metric",
        "pipeline",
        "plan",
        "prompt",
        "rows",
        "scoring",
        "split",
    },
    "comparison": BASICS | {"comparison", "finished", "metric", "prompt", "report"},
    "annotate": BASICS | {"annotate", "artifacts", "comparison", "finished", "metric"},
    "pages": BASICS | {"artifacts", "comparison", "config", "finished", "metric", "pages", "report"},
    "refine": BASICS | {"artifacts", "decoding", "model", "parser"},
}
HEAVY = {"torch", "transformers", "peft"}


def imported(path: Path) -> set[str]:
    """Return the dotted names that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def stage(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_stage_imports_only_what_it_may(path):
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("llmrec.")}
    allowed = ALLOWED.get(stage(path))
    if allowed is not None:
        assert ours <= allowed | {"__init__"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_models_and_finetuning_know_torch_and_only_commands_know_hydra(path):
    tops = {name.split(".")[0] for name in imported(path)}
    if stage(path) not in ("model", "finetune", "processes"):
        assert not tops & HEAVY or path.name == "doctor.py"
    if stage(path) != "commands":
        assert "hydra" not in tops


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_are_short(path):
    text = path.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 55, f"{path.name}:{node.name}"


def test_nothing_but_commands_prints():
    printing = [
        path.name
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        if stage(path) not in ("commands", "cli")
    ]
    assert printing == []
