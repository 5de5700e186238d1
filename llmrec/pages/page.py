"""The page: all of it in one file, which opens from a disk and asks no one for anything."""

from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from llmrec.onefile import embedded, policy
from llmrec.pages.bias import bias
from llmrec.pages.browser import LONGEST, Samples
from llmrec.pages.collector import collect
from llmrec.pages.cost import cost
from llmrec.pages.coverage import coverage
from llmrec.pages.going import Going, going
from llmrec.pages.groups import Group
from llmrec.pages.leaderboard import leaderboard
from llmrec.pages.modules import modules
from llmrec.pages.samples import FILE, Extent
from llmrec.pages.training import training
from llmrec.pages.view import Section
from llmrec.report.plot import can_plot

TEMPLATE, STYLE, SCRIPT = "report.html", "report.css", "report.js"


class Told(NamedTuple):
    """What the page says of its samples."""

    rule: str
    counts: str
    limits: str


def page(groups: Sequence[Group], extent: Extent = FILE, unfinished: Sequence[Going] = ()) -> bytes:
    """Return the page of the groups' runs, as UTF-8; and how far those have come that are `unfinished`."""
    sections = [make(groups) for make in (leaderboard, coverage, modules, cost, training, bias)]
    sections.insert(0, going(unfinished))
    samples = collect(groups, extent)
    style, script = (part(name) for name in (STYLE, SCRIPT))
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(part(TEMPLATE))
    html = template.render(
        sections=[section for section in sections if shown(section)],
        groups=groups,
        runs=sum(len(group.entries) for group in groups),
        can_plot=can_plot(),
        samples=samples,
        told=told(samples, extent),
        json=Markup(embedded(samples)),  # escaped for where it stands
        policy=policy(style, script),
        style=Markup(style),  # the package's own
        script=Markup(script),
        drawing=Markup,  # of a chart: an SVG whose texts vl-convert has escaped
    )
    return html.encode()


def shown(section: Section) -> bool:
    return bool(section.tables or section.figures)


def part(name: str) -> str:
    """Return a file of the package that the page is made of."""
    return (files("llmrec.pages") / name).read_text(encoding="utf-8")


def told(samples: Samples, extent: Extent) -> Told:
    """Return by which rule rows are shown, how many they are, and what was cut."""
    rows = sum(run.rows for run in samples.runs)
    left = f"; {samples.left:,} more were chosen and left out" if samples.left else ""
    room = f"All samples together take at most {extent.bytes / 1e6:.1f} MB. " if extent == FILE else ""
    cut = f"; {len(samples.lengths):,} were cut" if samples.lengths else ""
    return Told(
        extent.rule,
        f"{len(samples.samples):,} of {rows:,} answers are shown, to {len(samples.rows):,} questions{left}.",
        f"{room}A text takes at most {LONGEST:,} characters{cut}.",
    )
