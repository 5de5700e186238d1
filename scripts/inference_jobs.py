"""The jobs of bench_inference: `inference_jobs.py JOB FILE [OVERRIDES]`. A peer imports nothing of llmrec."""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise, takewhile
from pathlib import Path
from typing import Any

import bench

# Prompts that a GPU answers before its time is taken: it chooses and loads its kernels on the first ones.
WARM = 8


def prepare(file: Path, overrides: list[str]) -> None:
    """Write the token ids of the prompts and of what may be answered, for the peers."""
    plan, requests = asked(overrides)
    session = opened(plan)
    renderer = session.renderer
    texts = list(dict.fromkeys(chain.from_iterable(request.choices.texts for request in requests)))
    ids = dict(zip(texts, renderer.encode_answers(texts), strict=True))
    offered = [list(offers(request, plan.decoding)) for request in requests]
    work = {
        "model": session.loaded.model.config.name_or_path,
        "device": session.loaded.device.type,
        "dtype": str(session.loaded.model.dtype).removeprefix("torch."),
        "prompts": renderer.encode(request.prompt.messages for request in requests),
        "texts": [renderer.render(request.prompt.messages) for request in requests],
        "choices": [[ids[text] for _, text in offer] for offer in offered],
        "names": [[name for name, _ in offer] for offer in offered],
        "new": getattr(plan.decoding, "max_new_tokens", None),
        "beams": getattr(plan.decoding, "num_beams", None),
        "end": session.loaded.end_token,
    }
    file.write_text(json.dumps(work))
    rows = zip(work["prompts"], work["choices"], strict=True)
    told = {"least tokens": nodes(rows), "weights": weights(session.loaded.model)}
    print(json.dumps(told | {"peak": peak(work["dtype"], work["device"])}))


def offers(request: Any, decoding: Any) -> Iterator[tuple[str, str]]:
    """Yield what may be answered, by name and text: of a whole catalogue nothing that the user has."""
    from llmrec.decoding.catalogue import Catalogue

    has = {event.item for event in request.question.history} if isinstance(decoding, Catalogue) else set()
    for name, text in zip(request.choices.names, request.choices.texts, strict=True):
        if name not in has:
            yield name, text


def nodes(rows: Iterable[tuple[list[int], list[list[int]]]]) -> int:
    """Return the least number of tokens that must be read: prompts, and the choices behind each but their
    last tokens, with every common beginning read once. A search reads of its choices what it comes to."""
    rows = list(rows)
    few = max(len(choices) for _, choices in rows) <= 1000
    texts = [prompt for prompt, _ in rows]
    texts += [[*prompt, *choice[:-1]] for prompt, choices in rows for choice in choices if few]
    return sum(len(text) - same for text, same in zip(sorted(texts), shared(sorted(texts)), strict=True))


def shared(texts: list[list[int]]) -> list[int]:
    """Return how many tokens each of the sorted texts begins with as the one before does."""
    beside = (zip(before, text, strict=False) for before, text in pairwise([[], *texts]))
    return [sum(1 for _ in takewhile(lambda both: both[0] == both[1], pairs)) for pairs in beside]


def weights(model: Any) -> int:
    """Return how many weights a token is multiplied with, but for the head's."""
    return sum(weight.numel() for weight in model.parameters()) - model.get_input_embeddings().weight.numel()


def peak(dtype: str, device: str) -> float:
    """Return how many GFLOP a second a large matrix product comes to."""
    import torch

    size = 8192 if device == "cuda" else 2048
    left, right = (torch.randn(size, size, dtype=getattr(torch, dtype), device=device) for _ in range(2))
    spent = []
    for _ in range(5):
        began = time.perf_counter()
        (left @ right)[0, 0].item()
        spent.append(time.perf_counter() - began)
    return round(2 * size**3 / min(spent) / 1e9, 1)


def asked(overrides: list[str]) -> tuple[Any, list[Any]]:
    """Return a run's plan and its requests."""
    from llmrec.commands.composing import composed
    from llmrec.pipeline import word
    from llmrec.plan import plan as planned
    from llmrec.progress import Silent
    from llmrec.records import Request
    from llmrec.rows import draw

    plan = planned(composed(["model=smollm2", *overrides]))
    rows = draw(plan, Silent())
    choices = plan.decoding.chooser(rows.names.items)
    questions = [example.question for example in rows.examples]
    prompts = word(plan, rows, Silent())
    return plan, [Request(q, prompt, choices(q)) for q, prompt in zip(questions, prompts, strict=True)]


def opened(plan: Any) -> Any:
    from llmrec.progress import Silent
    from llmrec.records import Training

    return plan.model.open(Training([], {}, []), 0, plan.cache_dir, Silent())


def llmrec(file: Path, overrides: list[str]) -> None:
    plan, requests = asked(overrides)
    session = opened(plan)
    if session.loaded.device.type == "cuda":  # kernels are chosen at the first use
        warm = requests[:WARM]
        for batch in session.batches(warm, plan.decoding):
            session.complete(batch, plan.decoding)
    with bench.work() as printed:
        done = {}
        for batch in session.batches(requests, plan.decoding):
            done |= {found.example_id: found for found in session.complete(batch, plan.decoding)}
        ordered = [done[request.prompt.example_id] for request in requests]
        printed["prompt tokens"] = sum(found.prompt_tokens for found in ordered)
        printed["answers"] = [
            list(found.answer.items) if found.answer else found.texts[0] for found in ordered
        ]


def loaded(work: dict[str, Any]) -> tuple[Any, Any]:
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    dtype = getattr(torch, work["dtype"])
    model = transformers.AutoModelForCausalLM.from_pretrained(work["model"], dtype=dtype)
    return model.eval().to(work["device"]), transformers.AutoTokenizer.from_pretrained(work["model"])


def generate(work: dict[str, Any], batch: int) -> None:
    import torch
    from torch.nn.utils.rnn import pad_sequence

    model, tokenizer = loaded(work)
    settings = {"max_new_tokens": work["new"], "do_sample": False, "pad_token_id": work["end"]}

    @torch.inference_mode()
    def texts(prompts: list[list[int]]) -> list[str]:
        ids = [torch.tensor(prompt, device=work["device"]) for prompt in prompts]
        inputs = pad_sequence(ids, True, work["end"], padding_side="left")
        mask = pad_sequence([torch.ones_like(row) for row in ids], True, 0, padding_side="left")
        found = model.generate(input_ids=inputs, attention_mask=mask, **settings)
        return tokenizer.batch_decode(found[:, inputs.shape[1] :], skip_special_tokens=True)

    if work["device"] == "cuda":
        texts(work["prompts"][:WARM])
    with bench.work() as printed:
        parts = (work["prompts"][start : start + batch] for start in range(0, len(work["prompts"]), batch))
        printed["answers"] = list(chain.from_iterable(map(texts, parts)))


def allowed(work: dict[str, Any]) -> None:
    import torch

    model, _ = loaded(work)
    end = work["end"]
    settings = {"num_beams": work["beams"], "num_return_sequences": work["beams"], "length_penalty": 0.0}
    settings |= {"max_new_tokens": 300, "do_sample": False, "pad_token_id": end, "eos_token_id": end}

    @torch.inference_mode()
    def best(
        prompt: list[int], trie: dict[int, Any], by_title: dict[tuple[int, ...], list[str]]
    ) -> list[str]:
        begin = len(prompt)

        def following(_: int, ids: Any) -> list[int]:
            node = trie
            for token in ids[begin:].tolist():
                node = node.get(token, {})
            return list(node) or [end]

        found = model.generate(
            input_ids=torch.tensor([prompt], device=work["device"]),
            attention_mask=torch.ones(1, begin, dtype=torch.long, device=work["device"]),
            prefix_allowed_tokens_fn=following,
            **settings,
        )[:, begin:].tolist()
        titles = [tuple(row[: row.index(end)]) for row in found]
        return [name for title in titles for name in by_title[title]]

    asked = [
        (prompt, *trie_of(names, titles, end))
        for prompt, names, titles in zip(work["prompts"], work["names"], work["choices"], strict=True)
    ]
    if work["device"] == "cuda":
        best(*asked[0])
    with bench.work() as printed:
        printed["answers"] = [best(*row) for row in asked]


def trie_of(
    names: list[str], titles: list[list[int]], end: int
) -> tuple[dict[int, Any], dict[tuple[int, ...], list[str]]]:
    """Return the titles as a trie of dicts, and the names of each."""
    trie: dict[int, Any] = {}
    by_title: dict[tuple[int, ...], list[str]] = {}
    for name, title in zip(names, titles, strict=True):
        by_title.setdefault(tuple(title), []).append(name)
        node = trie
        for token in [*title, end]:
            node = node.setdefault(token, {})
    return trie, by_title


def lm_eval(work: dict[str, Any]) -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    ranks = bool(work["names"][0])
    size = 64 if work["device"] == "cuda" else 16 if ranks else 8
    model = HFLM(pretrained=work["model"], dtype=work["dtype"], device=work["device"], batch_size=size)
    with bench.work() as printed:
        if ranks:
            asked = zip(work["prompts"], work["choices"], strict=True)
            pairs = [(("", ""), prompt, choice) for prompt, choices in asked for choice in choices]
            scored = model._loglikelihood_tokens(pairs, disable_tqdm=True)
            means = iter(total / len(choice) for (total, _), (*_, choice) in zip(scored, pairs, strict=True))
            each = [sorted((-next(means), name) for name in names) for names in work["names"]]
            printed["answers"] = [[name for _, name in row[:10]] for row in each]
        else:
            settings = {"until": ["<|im_end|>"], "max_gen_toks": work["new"], "do_sample": False}
            texts = enumerate(work["texts"])
            asked = [Instance("generate_until", {}, (text, settings), number) for number, text in texts]
            printed["answers"] = model.generate_until(asked, disable_tqdm=True)


def vllm(work: dict[str, Any]) -> None:
    os.environ |= {
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_CPU_KVCACHE_SPACE": "2",
        "HF_HUB_OFFLINE": "1",
    }
    from vllm import LLM, SamplingParams

    engine = LLM(work["model"], dtype=work["dtype"], max_model_len=4096, enable_prefix_caching=True)
    engine.generate([{"prompt_token_ids": [5, 6, 7]}], SamplingParams(max_tokens=2), use_tqdm=False)
    with bench.work() as printed:
        asked = [{"prompt_token_ids": ids} for ids in work["prompts"]]
        found = engine.generate(asked, SamplingParams(temperature=0, max_tokens=work["new"]), use_tqdm=False)
        printed["answers"] = [row.outputs[0].text for row in found]


def main() -> None:
    job, file, *overrides = sys.argv[1:]
    if job in ("prepare", "llmrec"):
        {"prepare": prepare, "llmrec": llmrec}[job](Path(file), overrides)
        return
    work = json.loads(Path(file).read_text())
    {
        "generate, one by one": lambda: generate(work, 1),
        "generate, batched": lambda: generate(work, len(work["prompts"])),
        "generate, allowed tokens": lambda: allowed(work),
        "lm-evaluation-harness hf": lambda: lm_eval(work),
        "vLLM with prefix caching": lambda: vllm(work),
    }[job]()


if __name__ == "__main__":
    main()
