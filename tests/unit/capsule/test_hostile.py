"""A capsule comes from a stranger: what no export writes is refused in one line, before anything is built."""

import json
import stat
import struct
import zipfile

import pytest
from capsules import edited, files_of, repacked

from llmrec.cli import dispatch

ROWS = ("model=train_mean", "task=rating")


@pytest.fixture
def refused(capsys):
    """Return what verifies a capsule, and gives the one line that refuses to."""

    def call(capsule, *words):
        capsys.readouterr()
        assert dispatch(["verify", str(capsule), *words]) == 1
        printed = capsys.readouterr()
        [line] = printed.err.splitlines()
        assert line.isprintable()
        return line

    return call


@pytest.fixture
def files(capsule):
    return files_of(capsule(*ROWS))


def zipped(files, to, *more, links=()):
    """Write a zip of the files and of `more` (name, content); `links` are written as symbolic links."""
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (*files.items(), *more):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFLNK if name in links else stat.S_IFREG) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return to


@pytest.mark.parametrize(
    "name", ["../../evil.py", "/etc/evil", "a/config.yaml", "evil.py", "fit.json/", "Config.yaml"]
)
def test_other_names_are_refused(files, refused, tmp_path, name):
    line = refused(zipped(files, tmp_path / "a.zip", (name, b"x")))
    assert "is no file of a capsule" in line


def test_a_name_cut_by_a_zero_is_refused(files, refused, tmp_path):
    whole = zipped(files, tmp_path / "a.zip", ("fit.jsonXevil", b"{}"))
    whole.write_bytes(whole.read_bytes().replace(b"fit.jsonXevil", b"fit.json\0evil"))
    assert "is no file of a capsule" in refused(whole)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_twice_is_refused(files, refused, tmp_path):
    line = refused(zipped(files, tmp_path / "a.zip", ("metrics.json", b"{}")))
    assert "'metrics.json' is there twice" in line


def test_a_link_is_refused(files, refused, tmp_path):
    line = refused(zipped(files, tmp_path / "a.zip", ("fit.json", b"/etc/passwd"), links=("fit.json",)))
    assert "'fit.json' is a link" in line


def test_an_encrypted_file_is_refused(files, refused, tmp_path):
    whole = zipped(files, tmp_path / "a.zip")
    content = bytearray(whole.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    whole.write_bytes(content)
    assert "is encrypted" in refused(whole)


def test_a_bomb_is_refused_by_what_it_declares_before_it_is_unpacked(files, refused, tmp_path):
    bomb = zipped(files, tmp_path / "a.zip", ("catalogue.json", b"\n" * 30_000_000))
    assert bomb.stat().st_size < 200_000
    line = refused(bomb, "--max-gib", "0.02")
    assert "unpacks to 0.03 GiB, more than 0.02" in line
    assert "--max-gib" in line


def test_a_bomb_that_declares_less_is_refused(files, refused, tmp_path):
    bomb = zipped(files, tmp_path / "a.zip", ("catalogue.json", b"\n" * 1_000_000))
    whole = bomb.read_bytes().replace(struct.pack("<I", 1_000_000), struct.pack("<I", 10))
    bomb.write_bytes(whole)
    assert "cannot be read as a capsule (Bad CRC-32 for file 'catalogue.json')" in refused(bomb)


def test_what_is_no_zip_is_refused(refused, tmp_path, capsule):
    other = tmp_path / "a.zip"
    other.write_bytes(b"no zip")
    assert "cannot be read as a capsule" in refused(other)
    other.write_bytes(capsule(*ROWS).read_bytes()[:-300])
    assert "cannot be read as a capsule" in refused(other)
    assert "cannot be read as a capsule" in refused(tmp_path / "nowhere.zip")
    assert "cannot be read as a capsule" in refused(tmp_path)


def test_a_capsule_without_a_file_is_refused(files, refused, tmp_path):
    del files["prompts.jsonl"]
    assert "has no prompts.jsonl" in refused(repacked(files, tmp_path / "a.zip"))


@pytest.mark.parametrize(
    ("content", "told"), [(b"{}", "manifest.json is none"), (b"[" * 100_000, "manifest.json is none")]
)
def test_a_manifest_that_is_none_is_refused(files, refused, tmp_path, content, told):
    files["manifest.json"] = content
    assert told in refused(zipped(files, tmp_path / "a.zip"))


def test_another_schema_is_refused(files, refused, tmp_path):
    files["manifest.json"] = files["manifest.json"].replace(b"llmrec/capsule/1", b"llmrec/capsule/\\u001b9")
    assert "is of schema 'llmrec/capsule/\\x1b9'" in refused(zipped(files, tmp_path / "a.zip"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": {"_target_": "os.system"}}, "model._target_: 'os.system' is no class"),
        ({"model": {"_target_": "llmrec.__main__.Main"}}, "is no class that llmrec builds"),
        ({"model": {"_target_": "llmrec.cli.main"}}, "is no class that llmrec builds"),
        ({"extra": {"deep": [{"_target_": "antigravity.X"}]}}, "extra.deep[0]._target_: 'antigravity.X'"),
        ({"seed": "${oc.env:HOME}"}, "seed: '${oc.env:HOME}' would be filled in"),
        ({"dataset": {"interactions": "/etc/passwd"}}, "'/etc/passwd' is a path"),
        ({"dataset": {"name": "../../etc"}}, "'../../etc' is a path"),
        ({"resamples": 10**9}, "resamples: 1000000000 is above"),
        ({"metric": 3}, "no config of a run"),
        ({"task": {"floors": ["a/b"]}}, "task.floors: no conf/model/a/b.yaml"),
        ({"model": {"_target_": "llmrec.metric.rating.RatingError"}}, "is no Model"),
        ({"model": {"_target_": "llmrec.model.base.Model"}}, "a.zip/config.yaml: model: Could not create"),
        ({"model": None}, "a.zip: its records make no run"),
    ],
)  # fmt: skip
def test_a_config_that_would_run_or_open_anything_is_refused(files, refused, tmp_path, change, told):
    config = json.loads(files["config.yaml"])
    for key, value in change.items():
        both = isinstance(value, dict) and isinstance(config.get(key), dict)
        config[key] = {**config[key], **value} if both else value
    files["config.yaml"] = json.dumps(config).encode()
    assert told in refused(repacked(files, tmp_path / "a.zip", honest=True))


@pytest.mark.parametrize("content", [b"a: &a [1]\nb: [*a, *a]\n", b"[" * 100_000, b"", b"\xff"])
def test_a_config_that_is_no_json_is_refused(files, refused, tmp_path, content):
    files["config.yaml"] = content
    assert "config.yaml: no config of a run" in refused(repacked(files, tmp_path / "a.zip", honest=True))


def test_scores_that_would_open_a_file_or_a_checkpoint_are_left_out_and_told(files, tmp_path, capsys):
    config = json.loads(files["config.yaml"])
    config["metric"]["metrics"].append({"_target_": "llmrec.metric.bertscore.BertScore", "checkpoint": "a/b"})
    files["config.yaml"] = json.dumps(config).encode()
    metrics = json.loads(files["metrics.json"])
    metrics["metrics"].append({**metrics["metrics"][0], "id": "bertscore/b-layer=1"})
    files["metrics.json"] = json.dumps(metrics).encode()
    assert dispatch(["verify", str(repacked(files, tmp_path / "a.zip", honest=True))]) == 0
    assert (
        "NOT verified, for their package, file or checkpoint: bertscore/b-layer=1" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("examples.jsonl", lambda row: row.update(reference={"type": "text", "text": "x"}), "is no rating"),
        ("completions.jsonl", lambda row: row.update(answer={"type": "text", "text": "x"}), "is no rating"),
        ("examples.jsonl", lambda row: row.update(target=3), "examples.jsonl:2: no Example"),
        ("prompts.jsonl", lambda row: row.update(example_id="\x1b[2J"), "is not in its place"),
        ("completions.jsonl", lambda row: row["answer"].update(stars=1e308), "predictions.jsonl: example"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_records_that_make_no_run_are_told_and_crash_nothing(files, tmp_path, capsys, name, change, told):
    files[name] = edited(files[name], 1, change)
    assert dispatch(["verify", str(repacked(files, tmp_path / "a.zip", honest=True))]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert all(line.startswith("error: ") and line.isprintable() for line in error.splitlines())


@pytest.mark.parametrize("name", ["config.yaml", "metrics.json"])
def test_nothing_that_a_terminal_would_obey_is_printed(files, tmp_path, capsys, name):
    evil = "\x1b]0;evil\x07\u202e"
    told = json.loads(files[name])
    if name == "config.yaml":
        told[evil] = "/etc/passwd"
    else:
        told["coverage"]["failures"][evil] = 1
        told["notes"].append(evil)
    files[name] = json.dumps(told).encode()
    assert dispatch(["verify", str(repacked(files, tmp_path / "a.zip", honest=True))]) == 1
    printed = capsys.readouterr()
    assert "evil" in printed.err
    assert all(line.isprintable() for line in (printed.err + printed.out).splitlines())


def test_a_run_of_no_rows_is_no_run(files, tmp_path, refused):
    for name in ("examples.jsonl", "prompts.jsonl", "completions.jsonl", "predictions.jsonl"):
        files[name] = b""
    line = refused(repacked(files, tmp_path / "a.zip", honest=True))
    assert line == "error: examples.jsonl: rows: there are none"


def test_data_that_are_missing_are_not_fetched_from_where_a_stranger_says(files, tmp_path, refused):
    config = json.loads(files["config.yaml"])
    raw = {"file": "rows.json.gz", "address": "http://127.0.0.1:9/rows.json.gz", "sha256": None}
    config["dataset"] = {
        "_target_": "llmrec.dataset.amazon.AmazonReviews", "name": "mine", "reviews": raw, "metadata": None,
        **{key: config["dataset"][key] for key in ("sample", "k_core", "max_bad_lines", "expected")},
    }  # fmt: skip
    files["config.yaml"] = json.dumps(config).encode()
    metrics = json.loads(files["metrics.json"]) | {"dataset": "mine"}
    files["metrics.json"] = json.dumps(metrics).encode()
    bent = repacked(files, tmp_path / "a.zip", honest=True)
    line = refused(bent, "--data-dir", str(tmp_path))
    assert f"{tmp_path}/mine/rows.json.gz: not there" in line
