"""Our rows beside the published ones: which are reproduced, which are not, and what may be the reason."""

from collections.abc import Sequence
from typing import NamedTuple

from llmrec.report.published import DEFECTS, FILE_ORDER, ONE_NEGATIVE, Published, told
from llmrec.report.seeds import Row, Spread
from llmrec.report.table import number
from llmrec.report.verdicts import CHANCE, strongest

MISSING = "not run"
BINARY = "binary_cross_entropy"  # the loss of our models that published ones with one drawn item share


class Method(NamedTuple):
    """What was published of one method in one place."""

    figures: list[Published]

    @property
    def first(self) -> Published:
        return self.figures[0]

    @property
    def ties(self) -> str:
        """The way of ours to break ties of time that is nearest to theirs."""
        return "file_order" if FILE_ORDER in self.first.defects else "seeded"

    def figure(self, metric: str) -> Published | None:
        return next((figure for figure in self.figures if figure.metric == metric), None)


class Pair(NamedTuple):
    """A published method and a row of ours of the same kind; None where that was not run."""

    method: Method
    model: str
    ours: Row | None


def methods(figures: Sequence[Published]) -> list[Method]:
    """Return the figures by method and source, in order."""
    found: dict[tuple[str, str, str], Method] = {}
    for figure in figures:
        key = (figure.task, figure.method, figure.source)
        found.setdefault(key, Method([])).figures.append(figure)
    return list(found.values())


def paired(published: Sequence[Method], rows: Sequence[Row]) -> list[Pair]:
    """Return each published method with each of its models of ours, where there can be one."""
    return [
        Pair(method, model, nearest(method, model, rows))
        for method in published
        for model in method.first.ours
    ]


def nearest(method: Method, model: str, rows: Sequence[Row]) -> Row | None:
    """Return our row of a model that breaks ties as the method does, else one that breaks them otherwise."""
    same = [row for row in rows if row.model == model and row.task == method.first.task]
    return min(same, key=lambda row: row.ties != method.ties, default=None)


def why(pair: Pair, metric: str) -> str:
    """Return why a published figure and ours differ, as far as what is known of both tells it."""
    figure, score = pair.method.figure(metric), pair.ours.score(metric) if pair.ours else None
    name = f"{pair.method.first.method} and our {pair.model}"
    if score is None or figure is None:
        return f"{name}: {MISSING}, so nothing can be said."
    apart = figure.value - score.mean
    if score.holds(figure.value):
        return f"{name}: {number(figure.value)} lies inside our {interval(score)}: reproduced."
    if apart == 0:
        return f"{name}: the same."
    better = (apart > 0) == score.higher_is_better
    beyond = "beyond our interval" if score.low is not None else "and ours has no interval"
    start = f"{name}: the published figure is {'better' if better else 'worse'} than ours by "
    return f"{start}{number(abs(apart))} ({abs(apart) / abs(score.mean):.0%}), {beyond}. " + reasons(
        differing(pair), better
    )


def differing(pair: Pair) -> list[str]:
    """Return the defects of the published row that our row does not share."""
    shared = {
        FILE_ORDER: pair.ours is not None and pair.ours.ties == "file_order",
        ONE_NEGATIVE: pair.ours is not None and pair.ours.loss == BINARY,
    }
    return [name for name in pair.method.first.defects if not shared.get(name)]


def reasons(defects: Sequence[str], better: bool) -> str:
    """Return which of the defects explain a figure that is better, or worse, than it should be."""
    wanted = 1 if better else -1
    by_sign = {
        sign: [DEFECTS[name].words for name in defects if DEFECTS[name].flatters == sign]
        for sign in (wanted, 0, -wanted)
    }
    parts = []
    if by_sign[wanted]:
        parts.append(f"That is to be expected: {'; '.join(by_sign[wanted])}.")
    if by_sign[0]:
        parts.append(f"{'Also' if parts else 'It'} may come of this: {'; '.join(by_sign[0])}.")
    if by_sign[-wanted]:
        parts.append(f"Against it stands: {'; '.join(by_sign[-wanted])}.")
    if not by_sign[wanted] and not by_sign[0]:
        parts.insert(0, "No known defect explains it: settings and training must differ.")
    return " ".join(parts)


def worth_of_file_order(rows: Sequence[Row], metric: str) -> list[str]:
    """Return, for each model that was run both ways, what the order of the file is worth to it."""
    said = []
    for row in rows:
        other = next((o for o in rows if o.model == row.model and o.ties == "file_order"), None)
        fair, filed = row.score(metric), other.score(metric) if other else None
        if row.ties == "seeded" and fair and filed:
            change = f"{filed.mean - fair.mean:+.4f}"
            change += f" ({(filed.mean - fair.mean) / fair.mean:+.0%})" if fair.mean else ""
            said.append(f"{row.model}: {change} {short(metric)} under file-order ties")
    return said


def below_a_floor(published: Sequence[Method], rows: Sequence[Row], metric: str) -> str:
    """Return how many published methods do not reach our strongest cheap floor."""
    floors = [floor for row in rows for run in row.runs for floor in run.floors if floor.model != CHANCE]
    best = strongest(floors, metric)
    if best is None:
        return ""
    below, known, levels = list[str](), 0, dict[str, str]()
    for method in published:
        figure = method.figure(metric)
        row = min(rows, key=lambda row: row.ties != method.ties)
        level = row.floor(best.model, metric)
        if figure is None or level is None:
            continue
        known += 1
        levels[row.ties] = f"{number(level.mean)} under {row.ties.replace('_', '-')} ties"
        if (figure.value < level.mean) == level.higher_is_better:
            below.append(figure.method)
    names = f": {', '.join(dict.fromkeys(below))}" if below else ""
    return (
        f"{len(below)} of {known} published figures do not reach our {best.model} of the same ties by "
        f"{short(metric)} ({', '.join(levels.values())}){names}."
    )


def outcome(pairs: Sequence[Pair], metric: str) -> str:
    """Return how many published figures our rows reproduce, and which way the others lie."""
    run = [
        (figure, score)
        for pair in pairs
        if pair.ours
        and (figure := pair.method.figure(metric)) is not None
        and (score := pair.ours.score(metric)) is not None
    ]
    inside = [score.holds(figure.value) for figure, score in run]
    better = [
        (score.mean > figure.value) == score.higher_is_better
        for (figure, score), same in zip(run, inside, strict=True)
        if not same
    ]
    return (
        f"{len(run)} of {len(pairs)} comparisons were run. By {short(metric)}, {sum(inside)} published "
        f"figures lie inside our interval, {sum(better)} are worse than ours, "
        f"{len(better) - sum(better)} better."
    )


def short(metric: str) -> str:
    return metric.partition("/")[0]


def interval(score: Spread) -> str:
    """Return the outermost limits of the seeds' intervals."""
    if score.low is None or score.high is None:
        return "no interval"
    return f"[{number(score.low)}, {number(score.high)}]"


def cell(score: Spread | None) -> str:
    """Return a mean over seeds, its limits, and the seeds' range."""
    if score is None:
        return "-"
    between = f", seeds {number(score.least)} to {number(score.most)}" if score.least != score.most else ""
    return f"{number(score.mean)} {interval(score)}{between}"


def against(pair: Pair, metric: str) -> str:
    """Return a published figure, ours, and how far ours is from it."""
    figure, score = pair.method.figure(metric), pair.ours.score(metric) if pair.ours else None
    if figure is None:
        return "-"
    if score is None:
        return f"{number(figure.value)} / {MISSING}"
    return f"{number(figure.value)} / {number(score.mean)} ({score.mean - figure.value:+.4f})"


def defects(method: Method) -> str:
    return told(method.first.defects)
