"""What models and servers bring, as targets: adapters, GGUF files, and what a server replies."""

import copy
import json
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import httpx2
import msgspec
import openai
from target import Seeds, Target, planned, written

from llmrec.artifacts import to_lines
from llmrec.decoding.greedy import Greedy
from llmrec.decoding.guided import Guided
from llmrec.decoding.likelihood import CandidateLabels, Digits, Estimate, Normalise
from llmrec.errors import BackendError
from llmrec.model.served.answers import Replies
from llmrec.model.served.batches import lines_of, sound
from llmrec.model.served.budget import NOTHING, Budget
from llmrec.model.served.fleet import body_of, check_choice
from llmrec.model.served.model import Guides, Likelihoods
from llmrec.model.served.trouble import Passing, Unanswered, told
from llmrec.model.served.ways import Way, way
from llmrec.progress import Silent
from llmrec.records import Choices, Completion, Message, Part, Prompt, Question, Request

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
WORDS = ("model=served", "model.name=m", "model.base_url=http://host/v1", "task=rating")
CHOICES = Choices(("1", "2"), ("1", "2"))
QUESTION = Question(
    id="q", user="u", time=0, history=(), item=None, rating=None, review=None, candidates=("a", "b")
)
REQUEST = Request(QUESTION, Prompt("q", 0, (Message("user", (Part(None, "Stars?"),)),), 0, ()), CHOICES)
GREEDY = Greedy(name="greedy", max_new_tokens=8, lines=1)
LABELS = CandidateLabels(name="candidates_label", normalise=Normalise.none, end=False, size=2)
DIGITS = Digits(name="digits", estimate=Estimate.expectation, end=False, low=1, high=2)


@cache
def tiny() -> tuple[Any, Path]:
    """Return a tiny model in memory, and the folder of an adapter for it."""
    import peft
    import torch

    from llmrec.model.local.loading import load

    home = Path(mkdtemp())
    made: Any = planned("model=tiny", "task=rating").model
    loaded = load(made, made.checkpoint(home, Silent()))
    config = peft.LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    torch.manual_seed(0)
    peft.get_peft_model(copy.deepcopy(loaded.model), config).save_pretrained(str(home / "adapter"))
    return loaded, home / "adapter"


def adapter(data: bytes, folder: Path) -> None:
    """Put an adapter on a model; the first byte says which of its files the rest is."""
    from llmrec.finetune.adapter import taken
    from llmrec.model.local.adapter import put_on
    from llmrec.model.local.library import quiet
    from llmrec.model.local.session import LocalSession

    loaded, sound_one = tiny()
    at = folder / "adapter"
    shutil.copytree(sound_one, at)
    try:
        written(at / (CONFIG if data[:1] == b"c" else WEIGHTS), data[1:])
        with quiet():
            tuned = put_on(replace(loaded, model=copy.deepcopy(loaded.model)), at)
        taken(at, LocalSession(tuned, planned("model=tiny", "task=rating").model, 0))  # type: ignore[arg-type]
    finally:
        shutil.rmtree(at)


def adapter_seeds() -> Seeds:
    folder = tiny()[1]
    return b"c" + (folder / CONFIG).read_bytes(), b"w" + (folder / WEIGHTS).read_bytes()


def gguf(data: bytes, folder: Path) -> None:
    from llmrec.model.local.gguf import converted

    file = written(folder / "w.gguf", data)
    try:
        converted(file, folder / "cache", Silent())
    finally:
        shutil.rmtree(folder / "cache", ignore_errors=True)


def gguf_seeds() -> Seeds:
    """Return the header of a llama without weights, and its beginning."""
    from gguf import GGUFWriter

    file = Path(mkdtemp()) / "w.gguf"
    writer = GGUFWriter(file, "llama")
    for name in ("context_length", "embedding_length", "block_count", "feed_forward_length", "head_count"):
        getattr(writer, f"add_{name}")(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(["a", "b", "ab"])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    whole = file.read_bytes()
    shutil.rmtree(file.parent)
    return whole, whole[:80]


@cache
def ways() -> tuple[Way, ...]:
    settings: Any = planned(*WORDS).model
    by_next, by_prompt = (
        replace(settings, likelihoods=kind) for kind in (Likelihoods.next, Likelihoods.prompt)
    )
    guided = Guided(name="guided", max_new_tokens=8, lines=1, size=2, low=1, high=5)
    return (
        way(settings, GREEDY, 0),
        way(replace(settings, guided=Guides.json), guided, 0),
        way(by_next, LABELS, 0),
        way(by_next, DIGITS, 0),
        way(by_prompt, LABELS, 0),
        way(by_prompt, DIGITS, 0),
    )


def answered(asking: Way, reply: dict[str, Any], folder: Path) -> None:
    """Keep a reply that passed the check, count it, and make a completion of it that can be stored."""
    replies = Replies(folder)
    replies.keep({b"q": reply})
    kept = replies.get(b"q")
    assert kept is not None
    Budget(planned(*WORDS).model).land(NOTHING, kept, batched=False)  # type: ignore[arg-type]
    made = asking.completion(REQUEST, [kept] * len(asking.bodies(REQUEST)))
    assert msgspec.json.decode(to_lines([made]), type=Completion) == made


def reply(data: bytes, folder: Path) -> None:
    """Take what a server replies; the first byte says to what."""
    asking = ways()[data[0] % len(ways()) if data else 0]
    try:
        body = body_of(data[1:], "host")
        check_choice(body)
        asking.check(body)
        answered(asking, body, folder)
    except (Passing, Unanswered) as error:
        raise BackendError(str(error)) from error


def batch(data: bytes, folder: Path) -> None:
    """Take the file that answers a batch."""
    for _, found, words in lines_of(data):
        assert isinstance(words, str)
        if found is not None and sound(found, ways()[0].check):
            answered(ways()[0], found, folder)


def refusal(data: bytes, folder: Path) -> None:
    """Take a refusal: a status by the first byte, Retry-After up to the first line end, and its words."""
    after, _, words = data[1:].partition(b"\n")
    status = 300 + (data[0] if data else 0) % 300
    headers = [(b"content-type", b"application/json"), (b"retry-after", after)]

    def act(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=words, headers=headers)

    http = httpx2.Client(transport=httpx2.MockTransport(act))
    client = openai.OpenAI(api_key="k", base_url="http://host/v1", max_retries=0, http_client=http)
    try:
        client.post("/completions", body={}, cast_to=httpx2.Response)
    except openai.APIError as error:
        found = told(error, "host", "KEY", "secret")
        if not isinstance(found, Passing | Unanswered | BackendError):
            raise found from error
        raise BackendError(str(found)) from error


def choice(**more: Any) -> bytes:
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    return json.dumps({"choices": [{"finish_reason": "stop", **more}], "usage": usage}).encode()


TOLD = choice(message={"content": "2"})
NEXT = [{"token": "1", "logprob": -0.5}, {"token": " 1", "logprob": -2.5}]
REPLIES = (
    b"\x00" + TOLD,
    b"\x00" + choice(text="2 stars"),
    b"\x01" + choice(message={"content": '{"answer": ["1", "2"]}'}),
    *(bytes([at]) + choice(logprobs={"content": [{"top_logprobs": NEXT}]}) for at in (2, 3)),
    b"\x02" + choice(logprobs={"top_logprobs": [{"1": -0.5, " 2": -1}]}),
    *(
        bytes([at]) + TOLD[:-1] + b', "prompt_logprobs": [null, {"5": {"logprob": -1.5, "rank": 1}}]}'
        for at in (4, 5)
    ),
)
LINE = json.dumps(
    {"custom_id": "00ff", "response": {"status_code": 200, "body": json.loads(TOLD)}, "error": None}
)
LOST = {"custom_id": "00ff", "response": None, "error": {"code": "expired", "message": "late"}}
NO = b'{"error": {"message": "no", "code": "context_length_exceeded", "type": "x"}}'
MODELS: dict[str, Target] = {
    "adapter": Target(adapter, adapter_seeds, (b"c", b"w"), examples=20),
    "gguf": Target(gguf, gguf_seeds, examples=20),
    "reply": Target(reply, REPLIES, tuple(bytes([at]) for at in range(6))),
    "batch": Target(batch, (LINE.encode() + b"\n", json.dumps(LOST).encode() + b"\n")),
    "refusal": Target(
        refusal,
        (
            b"\x643\n" + NO,
            b"\x81Wed, 21 Oct 2026 07:28:00 GMT\n" + NO,
            b"\x81\n" + NO.replace(b"x", b"insufficient_quota"),
        ),
    ),
}
