"""The wheel, in an environment of its own and far from the checkout, is a whole llmrec."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
CONSTRAINTS = CHECKOUT / "constraints.txt"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    built = [sys.executable, "-m", "build", "--outdir", str(folder), str(CHECKOUT)]
    subprocess.run(built, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_every_config_and_the_schema_are_in_the_wheel(wheel):
    packed = set(zipfile.ZipFile(wheel).namelist())
    ours = {
        f"llmrec/conf/{path.relative_to(CHECKOUT / 'conf')}" for path in (CHECKOUT / "conf").rglob("*.yaml")
    }
    assert ours <= packed
    assert "llmrec/metrics.schema.json" in packed
    for name in ("page.html", "page.css", "page.js", "rubric.yaml"):
        assert f"llmrec/annotate/{name}" in packed
    assert {f"llmrec/pages/report.{kind}" for kind in ("html", "css", "js")} <= packed
    assert not any(name.startswith(("tests/", "outputs/")) for name in packed)


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.timeout(600)
def test_a_plain_install_runs_anywhere(wheel, tmp_path):
    python = tmp_path / "env" / "bin" / "python"
    environ = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done

    call(sys.executable, "-m", "venv", str(tmp_path / "env"))
    pip = [str(python), "-m", "pip", "install", "--quiet", "--constraint", str(CONSTRAINTS)]
    torch = next(line for line in CONSTRAINTS.read_text().splitlines() if line.startswith("torch=="))
    call(*pip, torch)
    call(*pip, str(wheel))
    llmrec = str(tmp_path / "env" / "bin" / "llmrec")
    assert "sequential" in call(llmrec, "list", "task").stdout
    shown = call(llmrec, "run", "experiment=smoke", "task=direct", "limit=2", "resamples=10")
    assert "direct on demo" in shown.stdout
    assert len(list((tmp_path / "outputs" / "runs").rglob("metrics.json"))) == 1
