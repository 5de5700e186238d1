"""The embedded real model: it answers, stops, and loads quickly once it is converted."""

import subprocess
import sys
from pathlib import Path

import pytest

from llmrec.commands.composing import composed
from llmrec.decoding.greedy import Greedy
from llmrec.model.base import Model
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Message, Part, Prompt, Question, Request, Training

pytestmark = pytest.mark.integration
NEW_PROCESS = """
import sys, time
from pathlib import Path
from transformers import AutoTokenizer, LlamaForCausalLM
imported = time.process_time()
from llmrec.commands.composing import composed
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Training

plan(composed(["model=smollm2"])).model.open(Training([], {}, []), 0, Path(sys.argv[1]), Silent())
print(time.process_time() / imported)
"""
GREEDY = Greedy(name="greedy", max_new_tokens=24, lines=None)
QUESTIONS = ["What is the capital of France?", "Name a colour.", "Say hello.", "How many days has a week?"]


def smollm2(max_batch: int = 64) -> Model:
    return plan(composed(["model=smollm2", "model.dtype=float32", f"model.max_batch={max_batch}"])).model


def request_for(text: str) -> Request:
    question = Question(
        id=text, user="u", time=0, history=(), item=None, rating=None, review=None, candidates=()
    )
    return Request(question, Prompt(text, 0, (Message("user", (Part(None, text),)),), 0, ()))


@pytest.fixture(scope="module")
def cache_dir(smollm2_cache: Path) -> Path:
    """A cache with the converted model in it."""
    smollm2().checkpoint(smollm2_cache, Silent())
    return smollm2_cache


def open_session(cache_dir: Path, max_batch: int = 64):
    return smollm2(max_batch).open(Training([], {}, []), 0, cache_dir, Silent())


def test_it_names_the_capital_of_france_and_stops(cache_dir):
    [done] = open_session(cache_dir).complete([request_for(QUESTIONS[0])], GREEDY)
    assert "Paris" in done.texts[0]
    assert done.finish_reason == "stop"
    assert done.completion_tokens < GREEDY.max_new_tokens


def test_greedy_text_does_not_depend_on_the_batch(cache_dir):
    requests = [request_for(text) for text in QUESTIONS]
    texts = []
    for max_batch in (1, 4):
        session = open_session(cache_dir, max_batch)
        batches = session.batches(requests, GREEDY)
        assert len(batches) == 4 // max_batch
        done = [row for batch in batches for row in session.complete(batch, GREEDY)]
        texts.append({row.example_id: row.texts for row in done})
    assert texts[0] == texts[1]


def test_its_tokenizer_knows_the_chat_marks_splits_numbers_and_keeps_every_character(cache_dir):
    tokenizer = open_session(cache_dir).loaded.tokenizer
    assert tokenizer("<|im_start|>")["input_ids"] == [1]
    assert tokenizer.eos_token == "<|im_end|>"
    assert tokenizer.tokenize("a  2024") == ["a", "ĠĠ", "2", "0", "2", "4"]
    text = "Crème brûlée — 12 oz. (50% off)\n\t'tis 🙂 שלום"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_a_new_process_opens_the_converted_model_in_twice_the_time_of_its_imports_and_in_silence(cache_dir):
    done = subprocess.run(
        [sys.executable, "-c", NEW_PROCESS, str(cache_dir)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 2
    assert done.stderr == ""


def test_its_chat_marks_in_a_title_are_letters(cache_dir):
    session = open_session(cache_dir)
    marks = session.loaded.tokenizer.all_special_ids
    title = "".join(session.loaded.tokenizer.all_special_tokens)
    [clean], [hostile] = (
        session.renderer.encode([request_for(text).prompt.messages]) for text in ("Rate it", f"Rate {title}")
    )
    assert [id for id in hostile if id in marks] == [id for id in clean if id in marks]
    assert title in session.loaded.tokenizer.decode(hostile)
    [answer] = session.renderer.encode_answers([title])
    assert not set(answer) & set(marks)
