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
from llmrec.pages.groups import Group
from llmrec.pages.leaderboard import leaderboard
from llmrec.pages.modules import modules
from llmrec.pages.samples import EVERY, FILE
from llmrec.pages.training import training
from llmrec.pages.view import Section
from llmrec.report.plot import can_plot

TEMPLATE, STYLE, SCRIPTS = "report.html", "report.css", ("report.js", "browser.js")


class Told(NamedTuple):
    """What the page says of its samples."""

    rule: str
    counts: str
    limits: str


def page(groups: Sequence[Group]) -> bytes:
    """Return the one file of the groups' runs, as UTF-8."""
    return rendered(groups, sections(groups), collect(groups, FILE))


def sections(groups: Sequence[Group]) -> list[Section]:
    return [make(groups) for make in (leaderboard, coverage, modules, cost, training, bias)]


def rendered(groups: Sequence[Group], sections: Sequence[Section], samples: Samples) -> bytes:
    """Return the page that shows the sections and samples, as UTF-8."""
    style, script = part(STYLE), "".join(map(part, SCRIPTS))
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
        told=told(samples),
        json=Markup(embedded(samples)),  # escaped for where it stands
        policy=policy(style, script, asks=bool(samples.source)),
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


def told(samples: Samples) -> Told:
    """Return by which rule rows are shown, how many they are, and what was cut."""
    rows = sum(run.rows for run in samples.runs)
    left = f"; {samples.left:,} more were chosen and left out" if samples.left else ""
    counts = (
        f"{len(samples.samples):,} of {rows:,} answers are shown, to {len(samples.rows):,} questions{left}."
    )
    limits = f"A text takes at most {LONGEST:,} characters"
    if samples.details is None:
        return Told(EVERY, counts, f"{limits}; a search reads all of it.")
    cut = f"; {len(samples.details.lengths):,} were cut" if samples.details.lengths else ""
    room = f"All samples together take at most {FILE.bytes / 1e6:.1f} MB."
    return Told(FILE.rule, counts, f"{room} {limits}{cut}.")
