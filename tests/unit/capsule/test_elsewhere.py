"""Runs of a server, and of one's own files: what they name lies elsewhere, and the capsule does without."""

import json
import zipfile

import pytest
from asking import KEY, asked
from capsules import files_of, repacked
from hostile import said, serving

from llmrec.artifacts import RunDir
from llmrec.cli import dispatch
from llmrec.commands.composing import composed
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.rows import draw

WORDS = ["dataset=demo", "task=sequential", "model=random"]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Export a run of a server that lists the same titles to everyone; return its address and the capsule."""
    pytest.importorskip("openai", reason="needs openai: pip install 'llmrec[served]'")
    folder = tmp_path_factory.mktemp("served")
    items = draw(plan(composed([*WORDS, f"cache_dir={folder}/cache"])), Silent()).corpus.items
    titles = "\n".join(f"{place}. {item.title}" for place, item in enumerate([*items.values()][:10], 1))
    with pytest.MonkeyPatch.context() as patched, serving(lambda number, body: said(titles)) as server:
        patched.setenv("OPENAI_API_KEY", KEY)
        metrics = asked(server.address, folder, "task=sequential", "limit=6")
        assert metrics.coverage.valid == 6
        assert dispatch(["export", str(folder / "run"), str(folder / "a.zip")]) == 0
        return server.address, folder / "a.zip"


def test_titles_beyond_the_rows_are_read_again_by_the_catalogue_that_goes_along(served, tmp_path, capsys):
    _, capsule = served
    assert dispatch(["verify", str(capsule)]) == 0
    assert dispatch(["verify", str(capsule), "--data-dir", str(tmp_path)]) == 0
    files = files_of(capsule)
    shown = json.loads(files["catalogue.json"])
    named = json.loads(files["predictions.jsonl"].splitlines()[0])["answer"]["items"]
    del shown[named[0]]
    files["catalogue.json"] = json.dumps(shown).encode()
    capsys.readouterr()
    assert dispatch(["verify", str(repacked(files, tmp_path / "a.zip", honest=True))]) == 1
    assert "predictions.jsonl: example '" in capsys.readouterr().err


def test_neither_the_servers_address_nor_the_key_stands_in_the_capsule(served):
    address, capsule = served
    files = files_of(capsule)
    for content in (capsule.read_bytes(), *files.values()):
        assert address.removeprefix("http://").encode() not in content
        assert KEY.encode() not in content
    for name, key in (("config.yaml", "model"), ("environment.json", "details")):
        assert "http://left-out.invalid" in json.dumps(json.loads(files[name])[key])


def test_files_of_ones_own_are_looked_for_by_name_in_the_folder_given(home, tmp_path, capsys):
    file = home / "mine.csv"
    lines = [
        f"u{user},i{(user + step) % 12},{1 + (user + step) % 5},{step},,"
        for user in range(20)
        for step in range(6)
    ]
    file.write_text("\n".join(["user,item,rating,timestamp,review,summary", *lines]))
    # The ids are numbered along the sequences, which is a leak.
    words = [
        "dataset=custom",
        "on_leak=stamp",
        f"dataset.interactions={file}",
        "model=train_mean",
        "task=rating",
        "resamples=20",
    ]
    run(plan(composed([*words, f"cache_dir={home}/cache"])), RunDir(tmp_path / "run"), Silent())
    capsule = tmp_path / "a.zip"
    assert dispatch(["export", str(tmp_path / "run"), str(capsule)]) == 0
    with zipfile.ZipFile(capsule) as archive:
        config = json.loads(archive.read("config.yaml"))
        told = json.loads(archive.read("manifest.json"))["made_relative"]
    assert config["dataset"]["interactions"] == "mine.csv"
    assert "dataset.interactions" in told
    assert dispatch(["verify", str(capsule)]) == 0
    assert dispatch(["verify", str(capsule), "--data-dir", str(tmp_path)]) == 1
    assert "custom/mine.csv" in capsys.readouterr().err
    (tmp_path / "custom").mkdir()
    (tmp_path / "custom" / "mine.csv").write_bytes(file.read_bytes())
    assert dispatch(["verify", str(capsule), "--data-dir", str(tmp_path)]) == 0
