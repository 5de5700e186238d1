"""Nothing of user, host, home or folders in any byte of a capsule; what cannot be cleaned is refused."""

import json
import re
import shutil

import pytest
from capsules import HOST, MARK, USER, edited, files_of, repacked

from llmrec.artifacts import pretty
from llmrec.capsule.contents import packed
from llmrec.capsule.places import NOWHERE, Places, is_path
from llmrec.capsule.traces import hits, traces
from llmrec.cli import dispatch
from llmrec.commands.composing import composed
from llmrec.plan import PATHS, resolved

ROWS = ("model=train_mean", "task=rating")
KEY = "a-key-that-nobody-may-see"


@pytest.fixture
def folder(made, tmp_path):
    """Return a run's folder to change."""
    return shutil.copytree(made(*ROWS), tmp_path / "run")


@pytest.fixture
def refused(tmp_path, capsys):
    """Return what exports a folder, and gives the one line that refuses to."""

    def call(folder, *words):
        capsys.readouterr()
        to = tmp_path / "to.zip"
        status = dispatch(["export", str(folder), str(to), *words])
        told = capsys.readouterr().err.splitlines()
        assert (status, len(told), to.exists()) == (1, 1, False), told
        return told[0]

    return call


@pytest.mark.parametrize("choices", [ROWS, ("task=rating",), ("model=popularity", "task=direct")])
def test_no_byte_of_a_capsule_tells_of_user_host_or_folders(capsule, made, home, choices):
    whole = capsule(*choices).read_bytes()
    everything = b"\n".join([whole, *files_of(capsule(*choices)).values()]).lower()
    assert MARK in (made(*choices) / "config.yaml").read_text()
    for mark in (MARK, USER, HOST, str(home), "/tmp/", "/home/"):
        assert mark.encode() not in everything
    assert not re.search(rb'[" ]/\w+/\w', everything)


def test_folders_become_relative_and_the_manifest_says_so(capsule):
    files = files_of(capsule(*ROWS))
    config = json.loads(files["config.yaml"])
    assert [config[name] for name in PATHS] == ["data", "outputs/cache", "outputs"]
    assert json.loads(files["manifest.json"])["made_relative"] == sorted(PATHS)


def test_the_same_run_is_the_same_bytes_wherever_it_lies(capsule, folder, tmp_path):
    to = tmp_path / "again.zip"
    assert dispatch(["export", str(folder), str(to)]) == 0
    assert to.read_bytes() == capsule(*ROWS).read_bytes()
    files = files_of(to)
    assert packed(dict(reversed(files.items()))) == to.read_bytes()


def test_a_name_is_made_of_the_folder_where_none_is_given(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert dispatch(["export", "run"]) == 0
    assert (tmp_path / "run.llmrec.zip").is_file()


def test_checkpoints_keep_the_last_part_of_their_path_and_private_addresses_nothing():
    public = "https://api.openai.com/v1"
    config = {
        "data_dir": "/srv/a/data",
        "cache_dir": "/srv/a/cache",
        "output_dir": "/srv/a/outputs",
        "model": {"path": "/srv/a/models/Qwen3-0.6B", "base_url": ["http://me:pw@gpu7.lan:8000/v1", public]},
        "finetune": {"adapter": "~/adapters/seven/", "base": "Qwen/Qwen3-0.6B"},
        "dataset": {"interactions": "../mine/rows.csv"},
    }
    places = Places(config, {"notes": ["learned from /srv/a/models/Qwen3-0.6B, and/or not"]})
    assert places.without(config) == {
        "data_dir": "data",
        "cache_dir": "outputs/cache",
        "output_dir": "outputs",
        "model": {"path": "Qwen3-0.6B", "base_url": [NOWHERE, public]},
        "finetune": {"adapter": "seven", "base": "Qwen/Qwen3-0.6B"},
        "dataset": {"interactions": "rows.csv"},
    }
    assert places.without("learned from /srv/a/models/Qwen3-0.6B") == "learned from Qwen3-0.6B"
    assert "model.base_url[0]" in places.named(config)
    assert "model.base_url[1]" not in places.named(config)


@pytest.mark.parametrize(
    "text", ["/a/b", "~/b", "~me/b", "./b", "../b", "a/../b", "a/..", "C:\\b", "\\\\h\\b"]
)
def test_a_path_is_one(text):
    assert is_path(text)


@pytest.mark.parametrize(
    "text", ["Qwen/Qwen3", "and/or", "- {title}", "a\n/b", ".", "/", "..", "1/5", "~5 words"]
)
def test_other_texts_are_no_paths(text):
    assert not is_path(text)


@pytest.mark.parametrize("task", ["rating", "sequential", "direct", "explanation", "summarization"])
def test_no_setting_of_ours_is_taken_for_a_path(task):
    config = resolved(composed([f"task={task}", "model=chatgpt"]))
    assert Places(config).named(config) == sorted(PATHS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"see /mnt/{MARK}/x for {USER}", f"the user's name '{USER}'"),
        (f"on {HOST.upper()}:8000", f"the host's name '{HOST.upper()}'"),
        ("in /home/other/notes.txt", "a home folder '/home/other'"),
        ("in C:\\Users\\other\\notes", "a home folder 'C:"),
    ],
)  # fmt: skip
def test_a_trace_in_a_text_is_refused_by_file_and_row(folder, refused, text, told):
    file = folder / "prompts.jsonl"
    turn = {"role": "user", "parts": [{"module": None, "text": text}]}
    file.write_bytes(edited(file.read_bytes(), 2, lambda row: row.update(messages=[turn])))
    row = json.loads(file.read_bytes().splitlines()[2])["example_id"]
    line = refused(folder)
    assert line.startswith(f"error: prompts.jsonl:3: example {row}: would tell {told}")
    assert "--allow" in line


def test_a_home_in_an_answer_is_refused_too(made, tmp_path, refused, home):
    folder = shutil.copytree(made("task=rating"), tmp_path / "texts")
    file = folder / "completions.jsonl"
    file.write_bytes(edited(file.read_bytes(), 0, lambda row: row.update(texts=[f"{home}/x says 4"])))
    assert refused(folder).startswith("error: completions.jsonl:1: example ")


def test_a_word_that_may_be_told_is_allowed_as_it_stands(folder, tmp_path):
    file = folder / "prompts.jsonl"
    turn = {"role": "user", "parts": [{"module": None, "text": "tables for /home/office"}]}
    file.write_bytes(edited(file.read_bytes(), 2, lambda row: row.update(messages=[turn])))
    to = tmp_path / "to.zip"
    assert dispatch(["export", str(folder), str(to)]) == 1
    assert dispatch(["export", str(folder), str(to), "--allow", "/home/office"]) == 0


@pytest.mark.parametrize("text", [f"it is {KEY}", "sk-" + "a1" * 16, "hf_" + "a1" * 20])
def test_keys_are_refused_unshown_and_never_allowed(folder, refused, monkeypatch, text):
    monkeypatch.setenv("SOME_API_KEY", KEY)
    file = folder / "metrics.json"
    told = json.loads(file.read_bytes())
    file.write_bytes(pretty(told | {"notes": [text]}))
    line = refused(folder, "--allow", text, "--allow", KEY)
    assert "would tell a key" in line
    assert text not in line
    assert KEY not in line


def test_common_names_of_accounts_and_parts_of_words_are_no_traces(monkeypatch):
    monkeypatch.setenv("USER", "max")
    monkeypatch.setenv("LOGNAME", "root")
    files = {"a": b"the maximum of the root, /homemade and 3/home/x", "b": b"by Max, alone"}
    assert [(hit.file, hit.found) for hit in hits(files, traces([]), ())] == [("b", "Max")]


def test_data_that_give_other_rows_now_are_refused(folder, refused):
    file = folder / "examples.jsonl"
    file.write_bytes(edited(file.read_bytes(), 1, lambda row: row["target"].update(rating=1.0)))
    assert "examples.jsonl: the data in " in refused(folder)


def test_a_run_that_does_not_hold_what_it_says_is_to_be_scored_first(folder, refused):
    file = folder / "predictions.jsonl"
    file.write_bytes(edited(file.read_bytes(), 1, lambda row: row["answer"].update(stars=1.0)))
    line = refused(folder)
    assert "answer.stars: claimed 1.0, found " in line
    assert f"llmrec score {folder}" in line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "nowhere/config.yaml: cannot be read"),
        ([".", "x.tar"], "x.tar: a capsule is a zip"),
    ],
)
def test_other_mistakes_are_one_line(capsys, words, told):
    assert dispatch(["export", *words]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert told in line


def test_repacking_what_was_taken_apart_gives_the_same_capsule(capsule, tmp_path):
    whole = capsule(*ROWS)
    assert repacked(files_of(whole), tmp_path / "a.zip").read_bytes() == whole.read_bytes()
