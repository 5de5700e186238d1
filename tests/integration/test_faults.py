"""A few of the faults that scripts/inject_faults draws by hundreds: the same command still ends alike."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (apt-get install strace)")
def test_runs_broken_at_random_calls_and_files_cut_at_random_bytes_end_alike(tmp_path):
    out = tmp_path / "faults.json"
    command = [sys.executable, str(ROOT / "scripts/inject_faults.py"), "--faults", "8", "--seed", "ci"]
    command += ["--works", "rating,recommender", "--out", str(out)]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(out.read_text())["faults"] == 8
