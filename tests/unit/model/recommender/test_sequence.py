import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from llmrec.errors import BackendError, ConfigError
from llmrec.model.recommender import learner
from llmrec.model.recommender.sequence import HGN, BERT4Rec, GRU4Rec, Loss, SASRec
from llmrec.model.recommender.simplex import SimpleX
from llmrec.progress import Silent
from llmrec.records import Training

from .conftest import asked, taught

COMMON: dict[str, Any] = {
    "size": 2, "dim": 16, "dropout": 0.1, "batch_size": 8, "learning_rate": 0.01, "weight_decay": 0.0,
    "epochs": 30, "evaluate_every": 5, "patience": 9, "device": "cpu", "validation_rows": None,
}  # fmt: skip
READ: dict[str, Any] = {**COMMON, "max_history": 4, "loss": Loss.cross_entropy, "negatives": 2}

SASREC = SASRec(name="sasrec", layers=1, heads=2, **READ)
MODELS = [
    SASREC,
    SASRec(name="sasrec_bce", layers=1, heads=2, **READ | {"loss": Loss.binary_cross_entropy}),
    GRU4Rec(name="gru4rec", layers=1, **READ),
    HGN(name="hgn", window=2, **READ),
    BERT4Rec(name="bert4rec", layers=1, heads=2, mask_share=0.3, **READ | {"epochs": 60}),
]  # fmt: skip

# Everyone goes round the same circle, from different places; who has come to `d` goes on to `e`.
CIRCLE = "abcdefghijkl"
ROUND = {f"u{n}": (CIRCLE * 2)[n % 12 : n % 12 + 6] for n in range(60)}
NEXT = {user: CIRCLE[(CIRCLE.index(items[-1]) + 1) % 12] for user, items in ROUND.items()}
TRAINING = taught(ROUND, CIRCLE, NEXT)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_what_follows_is_learned(model, answers):
    given = answers(model, TRAINING, [asked("new", "bcd"), asked("u1", "jkl")])
    assert [ranking.items[0] for ranking in given] == ["e", "a"]


def test_simplex_learns_who_buys_together(answers):
    missing = {f"u{n}": "abcdefgh"[n % 8] for n in range(40)}
    clubs = {user: ("abcd" if item in "abcd" else "efgh").replace(item, "") for user, item in missing.items()}
    model = SimpleX(
        name="simplex", max_history=5, user_share=0.5, negatives=8, margin=0.4, negative_weight=5.0, **COMMON
    )
    training = taught(clubs, targets=missing)
    [one, other] = answers(model, training, [asked("new", "ab"), asked("newer", "ef")])
    assert set(one.items) == set("cd")
    assert set(other.items) == set("gh")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_without_a_history_popularity_answers(model, answers):
    training = taught({"u": "abb", "v": "bc", "w": "bc"}, targets={"u": "c"})
    [ranking] = answers(model, training, [asked("new")])
    assert ranking.items == ("b", "c")


def fit(cache: Path, seed: int = 0, model: Any = SASREC, training: Training = TRAINING) -> Any:
    return model.open(training, seed, cache, Silent()).fit


def weights(cache: Path) -> bytes:
    [file] = cache.glob("recommender/*/weights.safetensors")
    return file.read_bytes()


def test_a_fit_says_what_it_took_and_is_made_once(tmp_path):
    first = fit(tmp_path)
    assert first.parameters == sum(
        array.size for array in learner.kept(tmp_path / "recommender" / first.name)[0].values()
    )
    assert (first.rows, first.epochs, first.measure) == (60 * 4, 30, "ndcg@10 of 60 validation rows")
    assert [point.epoch for point in first.curve] == [5, 10, 15, 20, 25, 30]
    best = max(first.curve, key=lambda point: (point.validation, -point.epoch))
    assert first.best_epoch == best.epoch
    assert fit(tmp_path) == first
    assert not list(tmp_path.glob("recommender/*.unfinished"))


def test_another_seed_setting_or_row_is_another_fit(tmp_path):
    longer = taught({**ROUND, "u0": "abcdefg"}, CIRCLE, NEXT)
    wider = SASRec(name="sasrec", layers=1, heads=2, **READ | {"dim": 8})
    fits = [fit(tmp_path), fit(tmp_path, seed=1), fit(tmp_path, model=wider), fit(tmp_path, training=longer)]
    assert len({made.name for made in fits}) == 4


def test_patience_ends_it(tmp_path):
    model = SASRec(name="sasrec", layers=1, heads=2, **READ | {"epochs": 500, "patience": 2})
    made = fit(tmp_path, model=model)
    assert made.epochs == made.best_epoch + 2 * 5 < 500


class Told:
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    @contextmanager
    def bar(self, label: str, total: int | None, unit: str) -> Iterator[Any]:
        yield lambda amount, note="": self.epochs.append(amount)


LENGTHS: list[int] = []


class Recording(SASRec):
    """Notes the lengths of what is learned from together."""

    def batch(self, rows: Any, users: Any, encoder: Any, chance: Any) -> Any:
        LENGTHS.extend(map(len, rows))
        return super().batch(rows, users, encoder, chance)


def test_a_step_learns_from_short_and_long_sequences_alike(tmp_path):
    """Steps of one length each cost SASRec a seventh of its nDCG on Beauty."""
    mixed = taught({f"u{n}": CIRCLE[: 2 if n % 2 else 5] for n in range(64)}, CIRCLE, {"u1": "c"})
    once = READ | {"epochs": 1, "evaluate_every": 1, "batch_size": 16}
    fit(tmp_path, model=Recording(name="sasrec", layers=1, heads=2, **once), training=mixed)
    steps = [LENGTHS[at : at + 16] for at in range(0, 64, 16)]
    assert all(set(step) == {2, 5} for step in steps)


KILLED = """
import os, sys
from pathlib import Path
from llmrec.model.recommender.network import training
from unit.model.recommender.test_sequence import fit
judge = training.judge
def dying(course, standing, loss):
    if standing.epoch == 20:
        os.kill(os.getpid(), 9)
    judge(course, standing, loss)
training.judge = dying
fit(Path(sys.argv[1]))
"""


def test_a_fit_that_was_killed_goes_on_to_the_same_weights(tmp_path):
    tests = Path(__file__).resolve().parents[3]
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "cut")], cwd=tests, check=False)
    assert killed.returncode == -9
    [left] = (tmp_path / "cut" / "recommender").glob("*.unfinished")
    assert (left / "state.pt").is_file()
    (left / "seconds").write_text("1000.0")
    told = Told()
    whole = fit(tmp_path / "whole")
    resumed = SASREC.open(TRAINING, 0, tmp_path / "cut", told).fit
    assert told.epochs == [15] + [1] * 15  # the last judged epoch before the kill, and those that were left
    assert whole.seconds < 100
    assert 1000 < resumed.seconds < 1100
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")
    assert resumed.curve == whole.curve


def test_a_fit_that_cannot_be_read_is_refused_with_a_way_out(tmp_path):
    name = fit(tmp_path).name
    (tmp_path / "recommender" / name / "weights.safetensors").write_bytes(b"half")
    with pytest.raises(BackendError.__base__, match="remove it to fit anew"):
        fit(tmp_path)
    shutil.rmtree(tmp_path / "recommender" / name)
    fit(tmp_path)


def test_a_package_that_is_absent_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(SASRec, "packages", ("no-such-package",))
    with pytest.raises(BackendError, match=r"needs no-such-package.*llmrec\[baselines\]"):
        fit(tmp_path)


def test_no_training_row_is_told(tmp_path):
    with pytest.raises(BackendError, match="no training row"):
        fit(tmp_path, training=Training([], {}, []))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"dim": 15}, "heads: 2 do not share dim=15"),
        ({"dropout": 1.0}, "dropout: 1.0"),
        ({"epochs": 0}, "epochs: 0"),
        ({"max_history": 1}, "max_history: 1"),
        ({"negatives": 0}, "negatives: 0"),
    ],
)
def test_impossible_settings_are_refused(change, told):
    with pytest.raises(ConfigError, match=told):
        SASRec(name="sasrec", layers=1, heads=2, **READ | change)
