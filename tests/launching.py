"""Commands in processes of their own: in one, in several by `accelerate launch`, or a launcher's."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

from llmrec.artifacts import METRICS, PREDICTIONS

# Of several CPUs accelerate itself makes one process; torch's launcher, which it calls for GPUs, does not.
LAUNCH = ["torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m"]
CALM = os.environ | {"OMP_NUM_THREADS": "1"}


def llmrec(*words, twice=False):
    """Run `llmrec` on the CPU, in two processes if asked, and return what came of it."""
    command = [*begun(twice), *words]
    return subprocess.run(command, capture_output=True, text=True, env=spread(twice), check=False)


def begun(twice):
    return [sys.executable, "-m", *(LAUNCH if twice else []), "llmrec"]


def spread(twice):
    return CALM | ({"ACCELERATE_USE_CPU": "true"} if twice else {})


SWEEP = ["-m", "dataset=demo", "resamples=20", "max_reasks=0"]
FLOORS = ["task=sequential", "model=popularity,random", "limit=30"]
TINY = ["task=rating", "model=tiny", "prompt=zero_shot,no_format", "task.answer_tokens=4", "limit=8,12"]
TWELVE = [
    "task=rating", "model=tiny", "prompt=zero_shot,no_format,no_task_description", "task.answer_tokens=4",
    "limit=8,12", "seed=0,1",
]  # fmt: skip
CLUSTER = """
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
cluster.add_node(num_cpus=1)
print(cluster.address, flush=True)
input()
cluster.shutdown()
"""


@contextmanager
def ray_nodes():
    """Have a cluster of two nodes on this machine, and yield the environment in which it is found."""
    begin = [sys.executable, "-c", CLUSTER]
    with subprocess.Popen(begin, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/") as nodes:
        yield {"RAY_ADDRESS": nodes.stdout.readline().strip()}
        nodes.stdin.close()


def started(home, cache, *words, env=(), twice=False):
    """Start a sweep at home, its folders told as seen from there."""
    begin = [*begun(twice), "run", *SWEEP, *words, f"cache_dir={cache}"]
    around = spread(twice) | {"LLMREC_OUTPUT": "out"} | dict(env)
    return subprocess.Popen(
        begin, cwd=home, env=around, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def results(home):
    """Return what every run came to, by its folder: predictions, and metrics, but for how long it took and
    how many processes were at it."""
    found = {}
    for path in sorted((home / "out" / "runs").rglob(METRICS)):
        metrics = json.loads(path.read_text()) | {"seconds": {}}
        metrics["environment"]["details"].pop("processes", None)
        found[path.parent.name] = (metrics, path.with_name(PREDICTIONS).read_bytes())
    return found
