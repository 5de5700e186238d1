"""What people and judges send back, and what is shared, as targets: ratings, answers, capsules, sentences."""

import json
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from builders import interaction
from capsules import files_of, repacked
from target import Seeds, Target, written

from llmrec.annotate.ballot import KEY_SCHEMA, Key, Sheet, Showing, read_key
from llmrec.annotate.material import Asked, Item, Material, System
from llmrec.annotate.ratings import SCHEMA, Export, Rated, ratings
from llmrec.annotate.rubric import Criterion, Rubric
from llmrec.annotate.scores import Chance, scores
from llmrec.annotate.table import sections
from llmrec.artifacts import COMPLETIONS, RunDir, pretty, to_lines
from llmrec.capsule.contents import packed
from llmrec.capsule.export import exported
from llmrec.capsule.verify import verified
from llmrec.commands.composing import composed
from llmrec.comparison.table import markdown
from llmrec.decoding.base import Decoding
from llmrec.finished import Finished
from llmrec.judge.asking import CHOICE, SCORE, judged, one_by_one, two_by_two
from llmrec.judge.table import notes, tables
from llmrec.judge.verdicts import export, verdicts
from llmrec.model.base import Session
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Completion, Ranking, Rating, Request
from llmrec.task.explanation import from_file

MOST = 1 << 26  # bytes that a capsule may unpack to
RUBRIC = Rubric((Criterion("clarity", "Is it clear?", "no", "yes"),))
SYSTEMS = (System("one", "/one"), System("two", None))
SHEET = Sheet("page", "rate-1.html", (Showing("a", "r", (1, 0), False), Showing("b", "r", (0, 1), True)))
KEY = pretty(Key(KEY_SCHEMA, "explanation", "demo", "paper", 0, 20, SYSTEMS, RUBRIC, (SHEET,)))
RATED = pretty(
    Export(
        SCHEMA,
        "page",
        "someone",
        (Rated("a", (1, 2), {"clarity": (5, None)}, "x"), Rated("b", (2, 1), {"clarity": (4, 3)}, "")),
    )
)
MATERIAL = Material(SYSTEMS, [Item("r", Asked("", "asked"), ("good", ""))])


def ballots(data: bytes, folder: Path) -> None:
    """Score what raters or, by the first byte, the key say, as `annotate score` does, a judge included."""
    is_key = data[:1] == b"k"
    key = read_key(written(folder / "key.json", data[1:] if is_key else KEY))
    file = written(folder / "ratings.json", RATED if is_key else data[1:])
    found = scores(key, ratings([file], key), [ratings([file], key)])
    pretty(found)
    for section in sections(found):
        markdown(section.header, section.rows, section.title)


class Chooser(Session):
    """Answers what a judge did not answer before."""

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[Request]]:
        return [list(requests)]

    def complete(self, batch: Sequence[Request], decoding: Decoding) -> list[Completion]:
        answer = Rating(3.0) if decoding == SCORE else Ranking(("first", "second"), (0.0, -1.0))
        return [Completion(one.prompt.example_id, 0, (), answer, "answered", 1, 0) for one in batch]


def judge(data: bytes, folder: Path) -> None:
    """Go on where a judge's answers stand."""
    run_dir = RunDir(folder / "judge")
    written(run_dir.path / COMPLETIONS, data)
    try:
        found = judged(MATERIAL, RUBRIC, Chooser, run_dir, Silent())
        made = verdicts("me", MATERIAL, RUBRIC, found, Chance(0, 20))
        pretty(made), pretty(export("me", SHEET, RUBRIC, found)), notes(made)
        for table in tables(made):
            markdown(*table)
    finally:
        shutil.rmtree(run_dir.path)


def judge_seeds() -> Seeds:
    session = Chooser()
    alone, beside = (
        [request for _, request in asked(MATERIAL, RUBRIC)] for asked in (one_by_one, two_by_two)
    )
    return to_lines(session.complete(alone, SCORE)), to_lines(session.complete(beside, CHOICE))


def sentences(data: bytes, folder: Path) -> None:
    from_file(written(folder / "sentences.jsonl", data))(interaction("u", "i", 0))


RUNS = ("task=rating model=train_mean", "task=sequential model=popularity", "task=explanation model=random")


@cache
def capsules() -> tuple[dict[str, bytes], ...]:
    """Return the files of a capsule of each run."""
    home = Path(mkdtemp())
    found = []
    for number, words in enumerate(RUNS):
        chosen = [*words.split(), "dataset=demo", "limit=3", "resamples=5", f"cache_dir={home}/cache"]
        folder = home / str(number)
        run(plan(composed(chosen)), RunDir(folder), Silent())
        content = packed(exported(Finished.at(folder), Silent(), ()))
        found.append(files_of(written(home / "capsule.zip", content)))
    shutil.rmtree(home)
    return tuple(found)


def capsule(data: bytes, folder: Path) -> None:
    verified(written(folder / "capsule.zip", data), None, MOST, Silent())


def claims(data: bytes, folder: Path) -> None:
    """Verify a capsule with one of its files, by the first two bytes, put in, and a manifest that fits."""
    files = capsules()[data[0] % len(RUNS) if data else 0]
    name = sorted(files)[data[1] % len(files) if data[1:] else 0]
    capsule(repacked({**files, name: data[2:]}, folder / "capsule.zip", honest=True).read_bytes(), folder)


def claims_seeds() -> Seeds:
    return tuple(
        bytes([number, place]) + files[name]
        for number, files in enumerate(capsules())
        for place, name in enumerate(sorted(files))
    )


SENTENCE = {"user": "u", "item": "i", "feature": "smell", "sentence": "It smells of roses."}
SHARED: dict[str, Target] = {
    "ballots": Target(ballots, (b"r" + RATED, b"k" + KEY), (b"r", b"k")),
    "judge": Target(judge, judge_seeds),
    "sentences": Target(sentences, (json.dumps(SENTENCE).encode() + b"\n",)),
    "capsule": Target(capsule, lambda: (packed(capsules()[0]),), examples=20),
    "claims": Target(claims, claims_seeds, tuple(b"\x00" + bytes([at]) for at in (1, 3, 5)), examples=20),
}
