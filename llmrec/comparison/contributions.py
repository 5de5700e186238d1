"""What each part of a prompt is worth, by runs that differ in their prompt alone."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from llmrec.comparison.differences import Difference, Outcome, differences, measures
from llmrec.comparison.pairs import paired
from llmrec.comparison.repeats import flattened
from llmrec.comparison.table import p_value
from llmrec.finished import Finished
from llmrec.report.table import Grid, heading, number, stamped, titled
from llmrec.results import Metrics, find, way

FULL = "zero_shot"  # the prompt that others are held against
# What a prompt sets to leave a module of the full one out, and what that module is called.
WITHOUT = {
    ("task", ""): "task description",
    ("inject", "never"): "behaviour",
    ("behavior", ""): "behaviour",
    ("format", ""): "format",
}
VERDICTS = {Outcome.better: "helps", Outcome.worse: "hurts", Outcome.unclear: "unclear"}
HEADER = ("task", "of", "score", "without", "with", "n", "difference", "p", "p Holm", "verdict")
NOTES = (
    f"difference: of a module, {FULL} minus the same prompt without it; of another prompt, that minus {FULL}",
    "in brackets the 95% paired bootstrap interval over the same rows",
    "a rating that is not valid counts as the training mean, which may beat a model: look at valid",
    "p: permutation test; p Holm: corrected for all differences told here; helps, hurts: p Holm below .05; "
    "unclear is no proof of equality",
)


class Contribution(NamedTuple):
    """By how much a score changes with a part of the prompt, `of` a module or of all that another prompt
    has: the difference is that of the run with it minus the one without."""

    of: str
    without: Finished
    with_it: Finished
    difference: Difference

    @property
    def verdict(self) -> str:
        return VERDICTS[self.difference.outcome]


def contributions(runs: Sequence[Finished]) -> list[Contribution]:
    """Return what each prompt has or lacks beside `FULL`, by each headline score, where runs have the same
    rows and choices but for the prompt; p-values corrected over all of them. Raises LlmrecError."""
    measured, owners = [], []
    for of, without, with_it in held(runs):
        pair = paired((without.metrics.prompt, with_it.metrics.prompt), without, with_it)
        for one in measures(pair, []):
            measured.append(one)
            owners += [(of, without, with_it)] * len(one.wanted)
    return [Contribution(*owner, found) for owner, found in zip(owners, differences(measured), strict=True)]


def held(runs: Sequence[Finished]) -> Iterator[tuple[str, Finished, Finished]]:
    """Yield what is measured, and the runs without and with it."""
    alike: dict[str, list[Finished]] = {}
    for run in runs:
        others = {name: value for name, value in run.choices.items() if name != "prompt"}
        alike.setdefault(repr((run.metrics.rows, sorted(flattened(others).items()))), []).append(run)
    for group in alike.values():
        fulls = [run for run in group if run.metrics.prompt == FULL]
        for run in group if fulls else ():
            # Of several full prompts, such as of several lengths, the one that is most alike.
            full = min(fulls, key=lambda full: len(apart(full, run)))
            if run.metrics.prompt not in (FULL, ""):
                of = module(apart(full, run))
                yield (of, run, full) if of else (run.metrics.prompt, full, run)


def apart(full: Finished, run: Finished) -> dict[str, object]:
    """Return what a prompt sets otherwise than the full one."""
    ours, theirs = full.choices["prompt"], run.choices["prompt"]
    return {
        name: value
        for name, value in theirs.items()
        if name not in ("name", "description") and value != ours.get(name)
    }


def module(differs: Mapping[str, object]) -> str:
    """Return the module that a prompt leaves out where it does nothing else, "" for any other prompt."""
    kept = {name: value for (name, value) in WITHOUT if differs == {name: value}}
    return "".join(WITHOUT[item] for item in kept.items())


def ablated(runs: Mapping[Path, Metrics]) -> list[Path]:
    """Return the folders of runs that stand beside one of `FULL` and another prompt, by their metrics
    alone."""
    together: dict[tuple[str, ...], dict[Path, str]] = {}
    for folder, run in runs.items():
        together.setdefault((run.task, run.rows, stamped(run), way(run)), {})[folder] = run.prompt
    return [
        folder
        for prompts in together.values()
        if FULL in prompts.values() and len(set(prompts.values())) > 1
        for folder in prompts
    ]


def grids(found: Sequence[Contribution]) -> list[Grid]:
    """Return a table for each model, way to answer, data and seed."""
    together: dict[str, list[Contribution]] = {}
    for one in found:
        run = one.without.metrics
        name = ", ".join([" ".join(stamped(run).split()), *([way(run)] if way(run) else [])])
        of = titled(run).partition(" on ")[2].partition(", n =")[0]
        together.setdefault(f"what each part of the prompt contributes: {name} on {of}", []).append(one)
    return [
        Grid(title, list(HEADER), [cells(one) for one in alike], len(alike), list(NOTES))
        for title, alike in together.items()
    ]


def cells(one: Contribution) -> list[str]:
    """Return a contribution's row, as HEADER names it."""
    found, run = one.difference, one.without.metrics
    [result] = find(run.metrics, found.metric)
    interval = f"\n[{found.ci95[0]:+.4f}, {found.ci95[1]:+.4f}]" if found.ci95 else ""
    sides = zip(found.scores, (one.without, one.with_it), strict=True)
    return [
        run.task,
        one.of,
        heading(result),
        *(f"{number(score)}\n({side.metrics.coverage.valid:,} valid)" for score, side in sides),
        f"{found.n:,}",
        f"{found.difference:+.4f}{interval}",
        p_value(found.p),
        p_value(found.p_corrected),
        one.verdict,
    ]
