"""Records of large files, by the id of their example."""

import pytest

from llmrec.artifacts import to_lines
from llmrec.errors import DataError
from llmrec.pages.lines import Lines
from llmrec.records import Completion, Message, Module, Part, Prompt


def completion(id, ask, *texts):
    return Completion(id, ask, texts, None, "stop", 1, 1)


@pytest.fixture
def completions(tmp_path):
    path = tmp_path / "completions.jsonl"
    records = [
        completion("a", 0, "Caf\u00c9 au lait", 'a "quoted" \\ line\nend'),
        completion("b", 0, "nothing"),
        completion("a", 1, "again"),
    ]
    path.write_bytes(to_lines(records))
    return Lines(path, Completion)


def test_records_are_had_by_id_in_file_order(completions):
    assert [(done.ask, done.texts[-1]) for done in completions.of("a")] == [
        (0, 'a "quoted" \\ line\nend'),
        (1, "again"),
    ]
    assert completions.of("none") == []


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("caf\u00e9", {"a"}),
        ("\u00e9", {"a"}),
        ("\u00e9 au", {"a"}),
        ("\u00c9", set()),  # given in lower case
        ("\u00e8", set()),
        ("again", {"a"}),
        ('"quoted" \\ line\nend', {"a"}),
        ("thing", {"b"}),
        ("texts", set()),  # a key of the file
        ("stop", set()),
        ("", {"a", "b"}),
    ],
)
def test_words_are_found_in_texts_alone(completions, words, ids):
    assert completions.holding(words, set()) == ids


def test_examples_known_already_are_not_looked_at(completions):
    assert completions.holding("", {"a"}) == {"b"}


def test_prompts_are_searched_part_by_part(tmp_path):
    path = tmp_path / "prompts.jsonl"
    parts = (Part(Module.TASK, "Choose ONE"), Part(Module.INPUT, "of these"))
    path.write_bytes(to_lines([Prompt("a", 0, (Message("user", parts),), 0, ())]))
    prompts = Lines(path, Prompt)
    assert prompts.holding("choose one", set()) == {"a"}
    assert prompts.holding("user", set()) == prompts.holding("one of", set()) == set()


def test_an_empty_file_has_nothing_and_a_line_that_is_none_is_told(tmp_path):
    path = tmp_path / "completions.jsonl"
    path.write_bytes(b"")
    assert Lines(path, Completion).holding("", set()) == set()
    path.write_bytes(to_lines([completion("a", 0)]) + b"{}\n")
    with pytest.raises(DataError, match=r"completions.jsonl:2: no Completion .* remove the line"):
        Lines(path, Completion)
