"""One marked key through whole commands: it reaches the server, and no byte of anything else."""

import html
import json
import os
import shlex
import ssl
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from batched import Desk
from hostile import Act, good, refused, said, serving
from reported import finished

MARK = "7f3a9c"  # in every form of it
KEY = f"""sk-"{MARK}/b+c=&'<$\\x"""
ECHO = " ".join(
    [KEY, json.dumps(KEY), repr(KEY), quote(KEY), quote(KEY, ""), html.escape(KEY), shlex.quote(KEY)]
)
TOLD = {"token": "1", "logprob": -1.0}, {"token": "2", "logprob": -2.0}
CRASHING = """
from llmrec.model.served.model import Served

class Crashing(Served):
    def open(self, *given):
        session = super().open(*given)
        key = self._key()
        raise RuntimeError("a fault of ours")
"""
RUN = [
    "dataset=demo",
    "task=rating",
    "model=chatgpt",
    "limit=8",
    "resamples=20",
    "max_reasks=0",
    "model.timeout=5",
]


def slow(number, body):
    return Act(good(number, body).content, stalls=0.1)


def choosing(number, body):
    return said("1", logprobs={"content": [{"top_logprobs": TOLD}]})


def echoing(number, body):
    return refused(401, f"Incorrect API key provided: {ECHO}")


def away(number, body):
    return Act(status=307, headers={"Location": f"https://elsewhere.invalid/?key={quote(KEY)}"})


def watched(to, address, *words, **more):
    """Run a command, and return what it told; assert that the key is nowhere."""
    given = [f"model.base_url={address}"] if address else []
    env = os.environ | {
        "OPENAI_API_KEY": KEY,
        "OMP_NUM_THREADS": "1",
        "OPENAI_LOG": "debug",
        "COLUMNS": "160",
    }
    env |= {"LLMREC_OUTPUT": "out", "LLMREC_CACHE": "cache", **more}
    process = subprocess.Popen(
        [sys.executable, "-m", "llmrec", *words, *given],
        cwd=to, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    listed = []
    while process.poll() is None and len(listed) < 20:
        time.sleep(0.1)
        listed.append(
            subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        )
    told, _ = process.communicate()
    assert [MARK in text for text in (told, *listed)] == [False] * (1 + len(listed)), told
    files = [path for path in to.rglob("*") if path.is_file()]
    assert [path for path in files if MARK.encode() in path.read_bytes()] == []
    assert [path for path in files if MARK in path.name] == []
    return told


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (slow, "chatgpt beats"),
        (echoing, "refuses the key in OPENAI_API_KEY"),
        (away, "sends its callers on to https://elsewhere.invalid/?key=***"),
        (lambda number, body: refused(500, ECHO), "model.patience=1 "),
    ],
)
def test_of_a_run(act, words, tmp_path):
    with serving(act) as server:
        told = watched(tmp_path, server.address, "run", *RUN, "model.patience=1")
    assert words in told
    assert {headers["authorization"] for headers in server.headers} == {f"Bearer {KEY}"}


def test_of_a_sweep_and_what_is_made_of_it(tmp_path):
    with serving(slow) as server:
        told = watched(tmp_path, server.address, "run", "-m", *RUN, "prompt=zero_shot,no_format")
        assert "run 2 of 2 done in" in told
        watched(tmp_path, "", "report", "out/runs", "--out", "report.html")
        assert "OPENAI_API_KEY" in watched(tmp_path, server.address, "show", *RUN)
        assert "to see a difference" in watched(tmp_path, server.address, "plan", *RUN[:3], "pilot=8")
    assert (tmp_path / "report.html").is_file()


def test_of_a_judge(tmp_path):
    for name in ("lead_words", "frequent_text"):
        finished(tmp_path, name, f"task=summarization model={name} limit=4")
    judging = ["judge", "lead_words", "frequent_text", "judge=chatgpt", "--items", "2", "--out", "judged"]
    with serving(choosing) as server:
        told = watched(tmp_path, server.address, *judging)
    assert "scored from 1 to 5 by chatgpt" in told
    assert server.bodies


@pytest.mark.slow
def test_of_doctor(tmp_path):
    assert "configs compose" in watched(tmp_path, "", "doctor")


def test_of_a_crash(tmp_path):
    (tmp_path / "crashing.py").write_text(CRASHING)
    (tmp_path / "crashing.yaml").write_text("_target_: crashing.Crashing\n")
    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    words = ["--debug", "run", *RUN, "model._target_=crashing.Crashing"]
    own = {"PYTHONPATH": path, "LLMREC_CONFIG_DIR": str(tmp_path)}
    told = watched(tmp_path, "http://127.0.0.1:9/v1", *words, **own)
    assert "Traceback" in told
    assert "a fault of ours" in told


@pytest.mark.parametrize(
    ("desk", "words"),
    [
        (Desk(bad={1: refused(500, ECHO)}), "chatgpt beats"),
        (Desk(ends="failed", answers=0, words=ECHO), "batch batch-0 failed: 0 of 8"),
        (lambda *given: refused(401, ECHO), "refuses the key in OPENAI_API_KEY"),
        (lambda *given: refused(404, ECHO), "has no Batch API"),
    ],
)
def test_of_batches(desk, words, tmp_path):
    with serving(other=desk) as server:
        assert words in watched(tmp_path, server.address, "run", *RUN, "model.batch=true")


def test_of_a_wrong_certificate(tmp_path_factory):
    to = tmp_path_factory.mktemp("certificate")
    names = ["-subj", "/CN=elsewhere.invalid", "-keyout", to / "key.pem", "-out", to / "cert.pem"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names]
    subprocess.run(make, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(to / "cert.pem", to / "key.pem")
    with serving(context=context) as server:
        told = watched(tmp_path_factory.mktemp("run"), server.address, "run", *RUN)
    assert "its certificate does not hold" in told


@pytest.mark.parametrize("key", [f"sk-{MARK}\n-on", f"sk {MARK}", f"sk-{MARK}é"], ids=range(3))
def test_what_is_no_key_is_refused_before_it_is_sent(key, tmp_path):
    with serving() as server:
        told = watched(tmp_path, server.address, "run", *RUN, OPENAI_API_KEY=key)
    assert "model.key: OPENAI_API_KEY has blanks, or signs beyond ASCII" in told
    assert server.bodies == []
