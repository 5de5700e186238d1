"""BLEU, ROUGE and diversity: by hand, and against sacrebleu and rouge-score."""

from random import Random

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

from llmrec.errors import ConfigError
from llmrec.metric.base import Context, Metric, Row
from llmrec.metric.bleu import P5Bleu, SacreBleu, Smoothing, Tokenizer
from llmrec.metric.diversity import Distinct, Repetition, UniqueSentences
from llmrec.metric.rouge import P5Rouge, RougeScore
from llmrec.metric.score import score
from llmrec.records import Question, Text

QUESTION = Question(id="q", user="u", time=0, history=(), item="i", rating=5.0, review=None, candidates=())
CONTEXT = Context(training=[])
WORDS = [
    "The",
    "the",
    "soap",
    "soaps",
    "smells",
    "smelling",
    "nice.",
    "nice",
    "and",
    "lasts,",
    "lasts",
    "it's",
    "x-ray",
]


def rows_of(*texts: tuple[str, str | None]) -> list[Row]:
    return [
        Row(question=QUESTION, reference=Text(reference), answer=None if said is None else Text(said))
        for reference, said in texts
    ]


def values(metric: Metric, *texts: tuple[str, str | None]) -> dict[str, float | None]:
    return {result.id: result.value for result in score([metric], rows_of(*texts), CONTEXT, 0, 20)}


def random_pairs(count: int, seed: int = 3) -> list[tuple[str, str]]:
    chance = Random(seed)
    return [
        (
            " ".join(chance.choices(WORDS, k=chance.randint(3, 12))),
            " ".join(chance.choices(WORDS, k=chance.randint(1, 12))),
        )
        for _ in range(count)
    ]


def sacre(smoothing: str = "exp", tokenizer: str = "13a", lowercase: bool = False) -> SacreBleu:
    return SacreBleu(
        orders=[2, 4], tokenizer=Tokenizer[tokenizer], smoothing=Smoothing[smoothing], lowercase=lowercase
    )


@pytest.mark.parametrize("smoothing", ["exp", "floor", "none"])
@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("count", [2, 60])
def test_sacrebleu_agrees_on_the_whole_set(smoothing: str, lowercase: bool, count: int) -> None:
    texts = random_pairs(count)
    found = values(sacre(smoothing, lowercase=lowercase), *texts)
    case = "lc" if lowercase else "mixed"
    for order in (2, 4):
        judge = BLEU(lowercase=lowercase, smooth_method=smoothing, max_ngram_order=order)
        expected = judge.corpus_score(
            [said for _, said in texts], [[reference for reference, _ in texts]]
        ).score
        assert found[f"bleu-{order}/sacrebleu,tok=13a,smooth={smoothing},case={case}"] == pytest.approx(
            expected
        )


def test_sacrebleu_agrees_where_rows_have_no_answer() -> None:
    texts = random_pairs(20)
    said = [None if n % 3 == 0 else hypothesis for n, (_, hypothesis) in enumerate(texts)]
    pairs = [(reference, text) for (reference, _), text in zip(texts, said, strict=True)]
    expected = (
        BLEU().corpus_score([text or "" for text in said], [[reference for reference, _ in texts]]).score
    )
    found = values(sacre(), *pairs)
    assert found["bleu-4/sacrebleu,tok=13a,smooth=exp,case=mixed"] == pytest.approx(expected)
    answered = [pair for pair in pairs if pair[1] is not None]
    alone = values(sacre(), *answered)
    name = "bleu-4/sacrebleu,tok=13a,smooth=exp,case=mixed"
    assert found[f"{name}:valid"] == alone[name]


def test_p5_bleu_by_hand() -> None:
    # 5 of 6 words and 3 of 5 pairs match, same length: 100 sqrt(5/6 * 3/5).
    found = values(P5Bleu(orders=[2, 4]), ("a b c d e f", "a b c X e f"))
    assert found["bleu-2/p5,whitespace,unsmoothed"] == pytest.approx(100 * np.sqrt(5 / 6 * 3 / 5))
    assert found["bleu-4/p5,whitespace,unsmoothed"] == 0.0


def test_p5_bleu_charges_brevity_and_keeps_case_and_punctuation() -> None:
    found = values(P5Bleu(orders=[1]), ("a b c d", "a b"), ("Good.", "good"))
    # 2 of 3 words match; 3 words for 5: 100 * 2/3 * exp(1 - 5/3).
    assert found["bleu-1/p5,whitespace,unsmoothed"] == pytest.approx(100 * 2 / 3 * np.exp(1 - 5 / 3))
    assert values(P5Bleu(orders=[1]), ("Good", "good"))["bleu-1/p5,whitespace,unsmoothed"] == 0.0


@pytest.mark.parametrize("stemmer", [True, False])
def test_rouge_score_agrees_row_by_row(stemmer: bool) -> None:
    texts = random_pairs(40)
    judge = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=stemmer)
    expected = [judge.score(reference, said) for reference, said in texts]
    found = RougeScore(stemmer=stemmer).statistics(rows_of(*texts), CONTEXT)
    for column, kind in enumerate(("rouge1", "rouge2", "rougeL")):
        np.testing.assert_allclose(found[:, column], [100 * score[kind].fmeasure for score in expected])


def test_p5_rouge_counts_sets_and_keeps_case() -> None:
    # Sets {the, Soap} and {the, soap}: one of two shared. Pairs: none.
    # The subsequence "the the the": p = 3/4, r = 3/4, so F = 3/4.
    found = values(P5Rouge(), ("the the the Soap", "the the the soap"))
    assert found["rouge-1/p5,sets,cased"] == pytest.approx(50.0)
    assert found["rouge-2/p5,sets,cased"] == pytest.approx(50.0)
    assert found["rouge-l/p5,sets,cased"] == pytest.approx(75.0)


def test_p5_rouge_l_weighs_by_precision_over_recall() -> None:
    # Shared "a b" of 4 and 2 words: r = 1/2, p = 1, beta = 2: F = 5 * 1/2 / (1/2 + 4) = 5/9.
    found = values(P5Rouge(), ("a b c d", "a b"))
    assert found["rouge-l/p5,sets,cased"] == pytest.approx(100 * 5 / 9)
    # Of 6 and 2 words: r = 1/3, beta = 3: F = 10 * 1/3 / (1/3 + 9) = 5/14.
    longer = values(P5Rouge(), ("a b c d e f", "a b"))
    assert longer["rouge-l/p5,sets,cased"] == pytest.approx(100 * 5 / 14)
    # Sets of 6 and 2, two shared: 2 * 2 / 8.
    assert longer["rouge-1/p5,sets,cased"] == pytest.approx(50.0)


@pytest.mark.parametrize(("stemmer", "called"), [(True, "stemmer"), (False, "unstemmed")])
def test_a_rouge_score_s_name_says_whether_words_are_stemmed(stemmer: bool, called: str) -> None:
    names = [f"rouge-{kind}/rouge-score,{called},f1" for kind in ("1", "2", "l")]
    assert RougeScore(stemmer=stemmer).ids([], CONTEXT) == names


def test_the_two_rouge_families_are_no_substitutes() -> None:
    pairs = [
        ("The soap smells nice.", "the soaps smelled nice"),
        ("Great gift, great card!", "great gifts great cards"),
    ]
    literature = values(P5Rouge(), *pairs)["rouge-1/p5,sets,cased"]
    standard = values(RougeScore(stemmer=True), *pairs)["rouge-1/rouge-score,stemmer,f1"]
    # Sets: none of 4 shared; {Great gift, great card!} and {great gifts cards}: 2 * 1 / (4 + 3).
    assert literature == pytest.approx(100 * (0 + 2 / 7) / 2)
    assert standard == pytest.approx(100.0)


def test_distinct_counts_each_n_gram_once_over_the_set() -> None:
    found = values(Distinct(orders=[1, 2]), ("r", "a b a"), ("r", "a b"))
    assert found["distinct-1"] == pytest.approx(2 / 5)
    assert found["distinct-2"] == pytest.approx(2 / 3)


def test_strict_distinct_is_cut_to_the_share_of_rows_answered() -> None:
    found = values(Distinct(orders=[1, 2]), ("r", "a b a"), ("r", "a b"), ("r", None), ("r", None))
    assert found["distinct-1"] == pytest.approx(2 / 5 * 2 / 4)
    assert found["distinct-2"] == pytest.approx(2 / 3 * 2 / 4)
    assert found["distinct-1:valid"] == pytest.approx(2 / 5)
    assert found["distinct-2:valid"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("metric", "name"), [(Distinct(orders=[2]), "distinct-2"), (UniqueSentences(), "usr")]
)
def test_one_answer_in_a_hundred_is_no_diversity(metric: Metric, name: str) -> None:
    rows = rows_of(("r", "so very good"), *[("r", None)] * 99)
    strict, valid = score([metric], rows, CONTEXT, 0, 200)
    assert (strict.id, strict.n) == (name, 100)
    assert strict.value == pytest.approx(1 / 100)
    # Draws without the one answer score 0; those with it twice or more, higher than the value.
    assert strict.ci95 is not None
    assert strict.ci95[0] == 0.0
    assert 1 / 100 < strict.ci95[1] < 1 / 10
    assert (valid.value, valid.n) == (1.0, 1)


def test_usr_is_the_share_of_different_sentences() -> None:
    found = values(UniqueSentences(), ("r", "so good"), ("r", "so good"), ("r", "So good"), ("r", None))
    assert found["usr"] == pytest.approx(2 / 4)
    assert found["usr:valid"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "metric",
    [
        sacre(),
        P5Bleu(orders=[4]),
        RougeScore(stemmer=True),
        P5Rouge(),
        Distinct(orders=[1]),
        UniqueSentences(),
    ],
)
def test_silence_scores_nothing(metric: Metric) -> None:
    assert set(values(metric, ("so good", None), ("nice", None)).values()) == {0.0, None}


@pytest.mark.parametrize("metric", [P5Bleu, Distinct])
def test_n_grams_of_no_words_are_refused(metric: type[P5Bleu | Distinct]) -> None:
    with pytest.raises(ConfigError, match="orders: "):
        metric(orders=[0])


def test_the_answer_given_most() -> None:
    found = values(Repetition(), *(("x", said) for said in ("a b", "a  b", "c", None)))
    assert found["repetition"] == 0.75
    assert values(Repetition(), ("x", "a"), ("x", "b"))["repetition"] == 0.5
    assert values(Repetition(), ("x", None))["repetition"] == 1.0


def test_an_identical_title_of_three_words_scores_nothing_by_the_literature_s_bleu_4():
    found = values(P5Bleu(orders=[2, 4]), ("a nice soap", "a nice soap"))
    assert found["bleu-2/p5,whitespace,unsmoothed"] == pytest.approx(100.0)
    assert found["bleu-4/p5,whitespace,unsmoothed"] == 0.0
    longer = values(P5Bleu(orders=[4]), ("a very nice soap", "a very nice soap"))
    assert longer["bleu-4/p5,whitespace,unsmoothed"] == pytest.approx(100.0)


@pytest.mark.parametrize(
    "metric", [P5Bleu(orders=[2, 4]), P5Rouge(), RougeScore(stemmer=True), sacre(), Distinct(orders=[1, 2])]
)
def test_empty_texts_alone_score_nothing_and_break_nothing(metric):
    assert set(values(metric, ("a nice soap", ""), ("the", None)).values()) <= {0.0, None}
    strict = {name: value for name, value in values(metric, ("a", "")).items() if ":" not in name}
    assert set(strict.values()) == {0.0}
