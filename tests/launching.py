"""Commands in processes of their own: one, or several as `accelerate launch` starts them on several GPUs."""

import os
import subprocess
import sys

# Of several CPUs accelerate itself makes one process; torch's launcher, which it calls for GPUs, does not.
LAUNCH = ["torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m"]
CALM = os.environ | {"OMP_NUM_THREADS": "1"}


def llmrec(*words, twice=False):
    """Run `llmrec` on the CPU, in two processes if asked, and return what came of it."""
    begin = [sys.executable, "-m", *(LAUNCH if twice else []), "llmrec"]
    env = CALM | ({"ACCELERATE_USE_CPU": "true"} if twice else {})
    return subprocess.run([*begin, *words], capture_output=True, text=True, env=env, check=False)
