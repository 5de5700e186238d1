"""Whether runs beat their floors, in words for a table."""

from collections.abc import Iterable, Sequence

from llmrec.results import Floor, Margin, MetricResult, Metrics, Verdict, find

CHANCE = "random"


def strongest(floors: Iterable[Floor], name: str) -> Floor | None:
    """Return the floor that is best by the score of that id or name, of equal ones the last, which knows
    most; None where none has a value."""
    standing = [
        (found[0].value if found[0].higher_is_better else -found[0].value, floor)
        for floor in floors
        if (found := find(floor.metrics, name)) and found[0].value is not None
    ]
    return max(reversed(standing), key=lambda pair: pair[0])[1] if standing else None


def judges(floors: Sequence[Floor], headline: Sequence[str]) -> list[str]:
    """Return the floors that a result is held against: the first that is more than chance, which is the
    field's usual one, and the strongest by the first headline score, if that is another."""
    usual = [floor.model for floor in floors if floor.model != CHANCE][:1]
    best = strongest(floors, headline[0]) if headline else None
    return list(dict.fromkeys([*usual, *([best.model] if best else [])]))


def verdict(run: Metrics, judge: str) -> str:
    """Return whether a run beats a floor by its headline scores: one word where all say the same."""
    margins = [margin for floor in run.floors if floor.model == judge for margin in floor.margins]
    if not margins:
        return "-"
    by_verdict = {kind: [margin for margin in margins if margin.verdict is kind] for kind in Verdict}
    told = {kind.name: alike for kind, alike in by_verdict.items() if alike}
    if len(told) == 1:
        return next(iter(told))
    return ";\n".join(f"{kind}: {', '.join(map(short, alike))}" for kind, alike in told.items())


def short(score: Margin | MetricResult) -> str:
    """Return a score's name without what shaped it."""
    return score.id.partition("/")[0]


def beats(run: Metrics) -> str:
    """Return what a run beats, as a sentence, for pages that have no room for a table."""
    said = {name: verdict(run, name).replace(";\n", ", ") for name in judges(run.floors, run.headline)}
    return "; ".join(f"{name}: {words}" for name, words in said.items() if words != "-") or "-"
