"""The plot of a study: scores with their intervals over what was varied, floors dashed; an SVG.

Altair and vl-convert are imported when something is drawn: the rest of a study does without them.
"""

import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llmrec.errors import BackendError
from llmrec.exits import visible
from llmrec.report.points import Point
from llmrec.report.table import heading

Mark = dict[str, Any]
NEEDED = ("altair", "vl_convert")
# Okabe and Ito, "Color universal design" (2008): told apart by every kind of colour vision.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442"]
GREY = "#767676"
DASHES = [[6, 4], [2, 3], [8, 3, 2, 3], [12, 4]]
SIZE, SIZE_AMONG_OTHERS = (560, 320), (400, 280)  # of a panel, in pixels
FORMATS = {"density": ".2~p"}
NAMES = {
    "density": "density (share of user-item pairs that are known)",
    "dataset": "",
    "prompt": "",
    "k": "k-core",
}


@dataclass(frozen=True, kw_only=True)
class Axes:
    """What is drawn over what; `x` is a scale where its values are numbers, else names side by side."""

    title: str
    x: str
    log: bool
    shape: str | None


def can_plot() -> bool:
    """Say whether what draws is installed."""
    return all(importlib.util.find_spec(name) for name in NEEDED)


def marks(found: Sequence[Point], axes: Axes) -> list[Mark]:
    """Return what is drawn, one mark for each model and place on the scale.

    Points that differ in their seed alone become one, at their mean, over the hull of their intervals.
    """
    own = {point.row["model"] for point in found if not point.floor_of}
    together: dict[tuple[Any, ...], list[Point]] = {}
    for point in found:
        if point.result.value is None or (point.floor_of and point.model in own):
            continue
        shape = "" if axes.shape is None else str(point.at(axes.shape))
        panel = str(point.row["task"]) if axes.x == "dataset" else point.panel
        key = (panel, point.model, bool(point.floor_of), point.at(axes.x), shape)
        together.setdefault(key, []).append(point)
    drawn = []
    for (panel, model, is_floor, x, shape), same in together.items():
        values = [point.result.value for point in same if point.result.value is not None]
        limits = [point.result.ci95 or (point.result.value, point.result.value) for point in same]
        drawn.append(
            {
                "panel": panel, "model": model, "floor": is_floor, "x": x, "shape": shape,
                "value": sum(values) / len(values),
                "low": min(low for low, _ in limits if low is not None),
                "high": max(high for _, high in limits if high is not None),
                "seeds": len({point.row["seed"] for point in same}),
                "metric": heading(same[0].result), "from_zero": same[0].result.higher_is_better,
                }
        )  # fmt: skip
    return drawn


def svg(drawn: Sequence[Mark], axes: Axes) -> bytes:
    """Return the plot. Raises BackendError where what draws is not installed."""
    if not can_plot():
        raise BackendError(
            "no plot without altair and vl-convert-python, the tables are written; "
            "pip install 'llmrec[plots]' and give the same command again"
        )
    return drawing(chart(drawn, axes).to_dict()).encode()


def drawing(spec: object) -> str:
    """Return a chart of Vega-Lite as SVG. Its texts are made visible: a control character, which no XML has,
    would end the process."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(json.dumps(shown(spec))))


def shown(part: Any) -> Any:
    """Return a part of a chart with every text in it visible."""
    if isinstance(part, dict):
        return {shown(name): shown(value) for name, value in part.items()}
    if isinstance(part, list):
        return [shown(value) for value in part]
    return visible(part) if isinstance(part, str) else part


def chart(drawn: Sequence[Mark], axes: Axes) -> Any:
    """Return the chart: a panel for each task and data set; a model has one colour in all of them."""
    import altair as alt

    panels = list(dict.fromkeys(mark["panel"] for mark in drawn))
    is_scale = all(isinstance(mark["x"], int | float) for mark in drawn)
    width, tall = SIZE if len(panels) == 1 else SIZE_AMONG_OTHERS
    draw = over_a_scale if is_scale else over_names
    each = [
        draw([mark for mark in drawn if mark["panel"] == name], drawn, axes).properties(
            width=width, height=tall, title=over_panel(name, drawn)
        )
        for name in panels
    ]
    seeds = max((mark["seeds"] for mark in drawn), default=1)
    means = f"; means of {seeds} seeds, over all their intervals" if seeds > 1 else ""
    told = alt.TitleParams(
        axes.title,
        subtitle=f"every row counts; 95% bootstrap intervals{means}; floors dashed",
        anchor="start",
        fontSize=16,
        subtitleColor=GREY,
        offset=14,
    )
    whole = alt.hconcat(*each).properties(title=told, padding=16, background="white")
    return (
        whole.configure_view(stroke=None)
        .configure_axis(labelFontSize=11, titleFontSize=12, titleFontWeight="normal", domainColor=GREY)
        .configure_legend(labelFontSize=12, labelLimit=360, symbolStrokeWidth=2, symbolSize=80)
    )


def over_panel(name: str, drawn: Sequence[Mark]) -> Any:
    """Return a panel's title, with what is drawn upwards beneath it."""
    import altair as alt

    metrics = dict.fromkeys(mark["metric"] for mark in drawn if mark["panel"] == name)
    return alt.TitleParams(
        name,
        subtitle=" / ".join(metrics),
        fontSize=13,
        subtitleFontSize=12,
        anchor="start",
        frame="bounds",
        offset=8,
    )


def over_a_scale(here: Sequence[Mark], everywhere: Sequence[Mark], axes: Axes) -> Any:
    """Return a panel of curves: a line through the points, a band of their intervals, floors dashed."""
    import altair as alt

    places = sorted({mark["x"] for mark in here})
    x = alt.X("x:Q").title(NAMES.get(axes.x, axes.x))
    x = x.scale(type="log" if axes.log else "linear", zero=False, nice=False, padding=18)
    x = x.axis(values=places, format=FORMATS.get(axes.x, ",~r"), labelOverlap="greedy", grid=False)
    models, floors = parted(here)
    colour, dash = told_apart(everywhere)
    band = models.mark_area(opacity=0.3 / (1 + len(names(everywhere, floor=False)))).encode(
        x, alt.Y("low:Q"), alt.Y2("high:Q"), colour
    )
    bars = models.mark_rule(opacity=0.55).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour)
    line = models.mark_line(strokeWidth=2).encode(x, height(here), colour)
    dots = models.mark_point(filled=True, size=60, opacity=1).encode(
        x, height(here), colour, *shape(here, axes)
    )
    dashed = floors.mark_line(color=GREY, strokeWidth=1.5).encode(x, height(here), dash)
    return alt.layer(*with_floors([band, bars, line, dots], dashed, here))


def over_names(here: Sequence[Mark], everywhere: Sequence[Mark], axes: Axes) -> Any:
    """Return a panel of names side by side: a point and its interval a model, floors dashed across."""
    import altair as alt

    lines = "split(datum.label, '_')"  # a word each, or long names would run into each other
    x = alt.X("x:N").sort(None).title(NAMES.get(axes.x, axes.x))
    x = x.axis(labelAngle=0, labelExpr=lines, domain=False, ticks=False)
    models, floors = parted(here)
    colour, dash = told_apart(everywhere)
    beside = alt.XOffset("model:N").sort(names(everywhere, floor=False))
    bars = models.mark_rule(strokeWidth=2).encode(x, beside, alt.Y("low:Q"), alt.Y2("high:Q"), colour)
    dots = models.mark_point(filled=True, size=80, opacity=1).encode(
        x, beside, height(here), colour, *shape(here, axes)
    )
    across = floors.mark_rule(color=GREY, strokeWidth=1.5).encode(
        x.bandPosition(0.06), alt.X2("x:N").bandPosition(0.94), height(here), dash
    )
    return alt.layer(*with_floors([bars, dots], across, here))


def with_floors(layers: list[Any], floors: Any, here: Sequence[Mark]) -> list[Any]:
    """Return the layers, that of the floors too where there are any: an empty one has a bare legend."""
    return [*layers, floors] if names(here, floor=True) else layers


def parted(here: Sequence[Mark]) -> tuple[Any, Any]:
    """Return charts of the models' marks and of the floors'."""
    import altair as alt

    own = [mark for mark in here if not mark["floor"]]
    floors = [mark for mark in here if mark["floor"]]
    return alt.Chart(alt.InlineData(values=own)), alt.Chart(alt.InlineData(values=floors))


def names(drawn: Sequence[Mark], floor: bool) -> list[str]:
    return list(dict.fromkeys(mark["model"] for mark in drawn if mark["floor"] is floor))


def told_apart(everywhere: Sequence[Mark]) -> tuple[Any, Any]:
    """Return the colours of the models and the dashes of the floors, with their legends."""
    import altair as alt

    models, floors = names(everywhere, floor=False), names(everywhere, floor=True)
    colours = [COLOURS[place % len(COLOURS)] for place in range(len(models))]
    dashes = [DASHES[place % len(DASHES)] for place in range(len(floors))]
    colour = (
        alt.Color("model:N")
        .scale(domain=models, range=colours)
        .legend(title="model", symbolType="circle", symbolOpacity=1)
    )
    dash = alt.StrokeDash("model:N").scale(domain=floors, range=dashes)
    return colour, dash.legend(title="floor", symbolType="stroke", symbolStrokeColor=GREY, symbolSize=500)


def height(here: Sequence[Mark]) -> Any:
    """Return the scale of the scores; what is better the higher begins at 0."""
    import altair as alt

    axis = alt.Axis(gridColor="#e6e6e6", tickCount=6, domain=False, ticks=False, labelPadding=6)
    zero = all(mark["from_zero"] for mark in here)
    return alt.Y("value:Q").title(None).scale(zero=zero, nice=True).axis(axis)


def shape(here: Sequence[Mark], axes: Axes) -> list[Any]:
    """Return how points of one curve are told apart, if they are."""
    import altair as alt

    return [alt.Shape("shape:N").title(NAMES.get(axes.shape, axes.shape)).sort(None)] if axes.shape else []
