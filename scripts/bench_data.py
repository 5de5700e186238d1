"""What `scripts/bench_data` runs: the bench, or by `--job` one of its jobs in a process of its own."""

import argparse
import gzip
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import bench

TEXT_FIELDS = ["reviewerName", "helpful", "reviewText", "summary", "reviewTime"]
FIELDS = ["reviewerID", "asin", "overall", "unixReviewTime", "reviewText", "summary"]
BEAUTY, MUSIC = "beauty/reviews_Beauty_5.json.gz", "musical_instruments/reviews_Musical_Instruments_5.json.gz"
TEXTED, TEXTS = f"beauty_with_texts/{Path(BEAUTY).name}", "BENCH_TEXTS"
CORE = 5
USERS, ITEMS, CUT, CHUNK = 22_363, 12_101, 10, 500
PACKAGES = ("llmrec", "numpy", "msgspec", "isal", "pandas", "datasets", "pyarrow", "torch", "rouge-score")


def raw(file: str) -> Path:
    """Return where a raw file lies; the one that the bench makes, in the folder that TEXTS names."""
    return (Path(os.environ[TEXTS]) if file == TEXTED else bench.data()) / file


def deal_texts() -> None:
    """Write Beauty's reviews, whose texts are not at hand, with those of musical instruments in turn."""
    with gzip.open(raw(MUSIC), "rt", encoding="utf-8") as lines:
        texts = [{field: row.get(field) for field in TEXT_FIELDS} for row in map(json.loads, lines)]
    raw(TEXTED).parent.mkdir()
    with gzip.open(raw(BEAUTY), "rt", encoding="utf-8") as lines, gzip.open(raw(TEXTED), "wt", 6) as made:
        made.writelines(
            json.dumps(json.loads(line) | texts[at % len(texts)]) + "\n" for at, line in enumerate(lines)
        )


def read_llmrec(file: str) -> None:
    with tempfile.TemporaryDirectory() as cache:
        load = loader(
            cache, "dataset.metadata=null", f"dataset.k_core={CORE}", f"dataset.reviews.file={raw(file)}"
        )
        with bench.work() as told:
            rows = load()
            told["n"] = len(sorted(sorted(rows, key=attrgetter("timestamp")), key=attrgetter("user")))


def read_titled() -> None:
    with tempfile.TemporaryDirectory() as cache:
        load = loader(cache)
        with bench.work() as told:
            told["n"] = len(load())


def read_again() -> None:
    with tempfile.TemporaryDirectory() as cache:
        loader(cache)()
        load = loader(cache)
        with bench.work() as told:
            told["n"] = len(load())


def loader(cache: str, *overrides: str) -> Callable[[], list[Any]]:
    """Return what loads Beauty, or what the overrides say, with this folder as its cache."""
    from llmrec.commands.composing import composed
    from llmrec.plan import plan
    from llmrec.progress import Silent

    made = plan(composed(["dataset=beauty", f"data_dir={bench.data()}", f"cache_dir={cache}", *overrides]))
    return lambda: made.dataset.load(made.data_dir, made.cache_dir, Silent()).interactions


def read_loop(file: str) -> None:
    with bench.work() as told:
        with gzip.open(raw(file), "rt", encoding="utf-8") as lines:
            rows = [{field: row.get(field) for field in FIELDS} for row in map(json.loads, lines)]
        while True:
            users = Counter(row["reviewerID"] for row in rows)
            items = Counter(row["asin"] for row in rows)
            kept = [row for row in rows if users[row["reviewerID"]] >= CORE and items[row["asin"]] >= CORE]
            if len(kept) == len(rows):
                break
            rows = kept
        told["n"] = len(sorted(rows, key=lambda row: (row["reviewerID"], row["unixReviewTime"])))


def read_pandas(file: str) -> None:
    import pandas

    with bench.work() as told:
        told["n"] = cored(pandas.read_json(raw(file), lines=True))


def read_datasets(file: str) -> None:
    import datasets

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache, bench.work() as told:
        table = datasets.load_dataset("json", data_files=str(raw(file)), split="train", cache_dir=cache)
        told["n"] = cored(table.to_pandas())


def cored(frame: Any) -> int:
    """Keep the six fields and the 5-core of a pandas frame, sort it, and return its rows."""
    frame = frame.reindex(columns=FIELDS)
    while True:
        by_user, by_item = (frame.groupby(field)[field].transform("size") for field in FIELDS[:2])
        kept = frame[(by_user >= CORE) & (by_item >= CORE)]
        if len(kept) == len(frame):
            return len(frame.sort_values(["reviewerID", "unixReviewTime"]))
        frame = kept


def rank(gained: Callable[[Any, Any], Any]) -> None:
    """Time nDCG and hit rate at ten of random scores; `gained` takes a chunk of the scores [users, items]
    and its targets to their gains, 0 beyond the tenth place."""
    import numpy as np

    random = np.random.default_rng(0)
    scores = random.random((USERS, ITEMS), dtype=np.float32)
    targets = random.integers(0, ITEMS, USERS)
    chunks = [slice(start, start + CHUNK) for start in range(0, USERS, CHUNK)]
    with bench.work(n=USERS) as told:
        gains = np.concatenate([gained(scores[chunk], targets[chunk]) for chunk in chunks])
        told |= {"hr@10": round(float((gains > 0).mean()), 6), "ndcg@10": round(float(gains.mean()), 6)}


def gain(at: Any) -> Any:
    """Return the gains of places from 1."""
    import numpy as np

    return np.where(at <= CUT, 1 / np.log2(at + 1), 0)


def rank_llmrec() -> None:
    from llmrec.model.recommender.index import Index
    from llmrec.records import Item, Question, Training

    index = Index(
        Training([], {name: Item(name, "", "", ()) for name in map("{:05}".format, range(ITEMS))}, [])
    )
    asked = [Question("", "", 0, (), None, None, None, ())] * CHUNK
    rank(
        lambda scores, targets: index.ndcg(
            scores, asked[: len(targets)], [index.items[number] for number in targets], CUT
        )
    )


def rank_count() -> None:
    rank(lambda scores, targets: gain((scores >= scores[range(len(targets)), targets][:, None]).sum(axis=1)))


def rank_topk() -> None:
    import torch

    def gained(scores: Any, targets: Any) -> Any:
        found = torch.topk(torch.from_numpy(scores), CUT).indices.numpy() == targets[:, None]
        return gain(found.argmax(axis=1) + 1) * found.any(axis=1)

    rank(gained)


def rank_argsort() -> None:
    rank(lambda scores, targets: gain(((-scores).argsort(axis=1) == targets[:, None]).argmax(axis=1) + 1))


def sentences() -> list[tuple[str, str]]:
    """Return invented (reference, hypothesis) pairs of 5 to 20 words out of 3,000, some of them shared."""
    from random import Random

    random = Random(0)
    words = ["".join(random.choices("aeiostrnlmdp", k=random.randint(2, 9))) for _ in range(3000)]

    def sentence() -> str:
        return " ".join(
            words[min(int(random.paretovariate(0.5)), len(words)) - 1] for _ in range(random.randint(5, 20))
        )

    return [(sentence(), sentence()) for _ in range(USERS)]


def rouge_llmrec() -> None:
    from llmrec.metric.base import Context, Row
    from llmrec.metric.rouge import RougeScore
    from llmrec.records import Question, Text

    asked = Question("", "", 0, (), None, None, None, ())
    rows = [Row(question=asked, reference=Text(right), answer=Text(given)) for right, given in sentences()]
    with bench.work(n=USERS) as told:
        scores = RougeScore(stemmer=True).statistics(rows, Context(training=[]))
        told["rouge-l"] = round(float(scores[:, 2].mean()), 4)


def rouge_library() -> None:
    from rouge_score.rouge_scorer import RougeScorer

    pairs = sentences()
    with bench.work(n=USERS) as told:
        scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
        scores = [scorer.score(*pair)["rougeL"].fmeasure for pair in pairs]
        told["rouge-l"] = round(100 * sum(scores) / USERS, 4)


AGAIN, RANK, ROUGE, START = "beauty with titles", "hr and ndcg", "rouge", "start"
SAME = "keep six fields, 5-core, sort by user and time"
READERS: list[tuple[str, Callable[[str], None], str, float | None]] = [
    ("llmrec", read_llmrec, f"{SAME}; check every line, clean texts, drop duplicates, count, cache", None),
    ("pandas", read_pandas, f"read_json(lines=True); {SAME}", 6.0),
    ("datasets", read_datasets, f"load_dataset('json') to a fresh cache, to_pandas; {SAME}", 2.5),
    ("gzip + json", read_loop, f"a plain loop; {SAME}", None),
]
# Work, name, function or subcommand, what it does, target: how many times llmrec's cost this should come to.
JOBS: list[tuple[str, str, Callable[[], None] | str, str, float | None]] = [
    *(
        (f"read {Path(file).parent}", name, partial(read, file), does, target)
        for file in (TEXTED, BEAUTY, MUSIC)
        for name, read, does, target in READERS
    ),
    (AGAIN, "llmrec, fresh", read_titled, "reviews and metadata into a fresh cache", None),
    (AGAIN, "llmrec, cached", read_again, "the same out of its cache", None),
    (
        RANK,
        "llmrec",
        rank_llmrec,
        "Index.ndcg: scores not below the target's, counted, histories taken out",
        None,
    ),
    (RANK, "count alone", rank_count, "the same in one line of NumPy", None),
    (RANK, "torch.topk", rank_topk, "the best ten, and where among them the target is", None),
    (RANK, "argsort", rank_argsort, "all items sorted, and where the target is", None),
    (ROUGE, "llmrec", rouge_llmrec, "rouge-score with a stem found once a word", None),
    (ROUGE, "rouge-score", rouge_library, "RougeScorer of rouge1, rouge2, rougeL with its stemmer", None),
    (START, "--help", "--help", "the command's own usage", None),
    (START, "list", "list", "every choice of every group", None),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("docs/performance/data.json"))
    parser.add_argument("--job", type=int, help="run this one here")
    chosen = parser.parse_args()
    if chosen.job is not None:
        run = JOBS[chosen.job][2]
        assert not isinstance(run, str)
        run()
        return
    for file in (BEAUTY, MUSIC):
        if not raw(file).is_file():
            sys.exit(f"no {raw(file)}; set LLMREC_DATA to a folder that holds it")
    with tempfile.TemporaryDirectory() as folder:
        os.environ[TEXTS] = folder
        deal_texts()
        rows = bench.in_turn(list(map(job, range(len(JOBS)))), chosen.rounds)
    from rich.console import Console

    Console(width=140).print(bench.table(rows, columns=["n"]))
    for row in rows:
        print(f"{row.job.work}, {row.job.name}: {row.job.does}")
    bench.write(chosen.out, bench.record(rows, PACKAGES))


def job(at: int) -> bench.Job:
    work, name, run, does, target = JOBS[at]
    command = ["-m", "llmrec", run] if isinstance(run, str) else [__file__, "--job", str(at)]
    return bench.Job(
        work=work,
        name=name,
        does=does,
        command=[sys.executable, *command],
        env={"PYTHONPATH": str(bench.ROOT), "HF_HUB_OFFLINE": "1"},
        target=target,
    )


if __name__ == "__main__":
    main()
