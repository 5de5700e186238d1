"""What others run for a sweep is killed at random moments: the same command goes on to the same results."""

import random
import signal
import time
from contextlib import nullcontext

import psutil
import pytest
from launching import FLOORS, TINY, ray_nodes, results, started

SLOW = pytest.mark.slow
# How a sweep is run, and by what the command line of a worker is known.
WAYS = {
    "joblib": (["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"], "popen_loky_posix"),
    "submitit": (["hydra/launcher=submitit_local"], "submitit.core._submit"),
    "ray": (["hydra/launcher=ray_cluster"], "ray::_run_job"),
    "accelerate": ([], "llmrec run"),
}


@pytest.mark.parametrize(
    ("way", "sweep", "kills"),
    [
        ("joblib", FLOORS, 2),
        *(pytest.param(way, TINY, 20, marks=[SLOW, pytest.mark.timeout(3600)]) for way in WAYS),
    ],
    ids=str,
)
def test_killed_workers_change_no_result(way, sweep, kills, tmp_path):
    chance = random.Random(kills)
    cache = tmp_path / "cache"
    calm = tmp_path / "calm"
    calm.mkdir()
    assert started(calm, cache, *sweep).wait() == 0
    wanted = results(calm)
    words, worker = WAYS[way]
    done, homes = 0, 0
    with ray_nodes() if way == "ray" else nullcontext({}) as env:
        while done < kills:
            homes += 1
            home = tmp_path / f"home-{homes}"
            home.mkdir()
            while not finished(home, wanted):
                running = started(home, cache, *sweep, *words, env=env, twice=way == "accelerate")
                done += kill_one(running, worker, chance.uniform(0, 6)) if done < kills else 0
                running.communicate()
            assert results(home) == wanted
    print(f"{way}: {done} workers killed, {homes} sweeps ended")


def finished(home, wanted):
    return len(results(home)) == len(wanted)


def kill_one(running, worker, after):
    """Kill a worker of a command some seconds after there is one, and return how many that were: none where
    the command ended before."""
    moment = None
    while running.poll() is None:
        time.sleep(0.02)
        workers = found(running.pid, worker)
        if workers:
            moment = moment or time.monotonic() + after
            if time.monotonic() > moment:
                random.choice(workers).send_signal(signal.SIGKILL)
                return 1
    return 0


def found(pid, worker):
    """Return the workers of a command, or, of a cluster, all that there are."""
    try:
        command = psutil.Process(pid)
        among = psutil.process_iter() if worker.startswith("ray") else command.children(recursive=True)
        return [process for process in among if worker in " ".join(process.cmdline())]
    except psutil.Error:
        return []
