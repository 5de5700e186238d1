"""Charts of a page as SVG that reads on light and dark ground, drawn by altair and vl-convert.

Both are imported when something is drawn; without them a page has tables alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from llmrec.report.plot import COLOURS, GREY, can_plot, drawing

Mark = Mapping[str, Any]
TEXT = "currentColor"  # the page's own, light or dark
WIDTH = 600  # of a panel, in pixels
ROW = 26  # pixels that a row of names takes
NARROW = 260
LISTED = 4  # labels at one point
NEAR = 0.05  # of a panel: points that are nearer share a label
# Black and yellow are lost on dark and on light ground.
READABLE = [colour for colour in COLOURS if colour not in ("#000000", "#F0E442")] + [GREY]
FONT = "Arial, Liberation Sans, Helvetica, sans-serif"  # of one width, here and in a browser


def svg(chart: Any) -> str:
    """Return a chart as SVG."""
    axis = {
        "labelColor": TEXT, "titleColor": TEXT, "titleFontWeight": "normal", "labelFontSize": 11,
        "titleFontSize": 12, "gridColor": GREY, "gridOpacity": 0.25, "domain": False, "tickColor": GREY,
        "labelLimit": 260, "labelOverlap": "greedy", "labelSeparation": 6, "tickCount": 6,
    }  # fmt: skip
    made = chart.properties(padding=4).configure(background="transparent", font=FONT)
    made = made.configure_view(stroke=None).configure_axis(**axis)
    made = made.configure_legend(
        labelColor=TEXT,
        titleColor=TEXT,
        labelLimit=300,
        titleFontWeight="normal",
        orient="bottom",
        columns=3,
        symbolOpacity=1,
    )
    made = made.configure_title(color=TEXT, fontSize=12, fontWeight="normal", anchor="start")
    return drawing(made.to_dict())


def shares(marks: Sequence[Mark], kinds: Sequence[str]) -> str:
    """Return stacked bars: of each `run` the `share` of its rows of each `kind`, in the order of `kinds`."""
    if not can_plot() or not marks:
        return ""
    import altair as alt

    names = list(dict.fromkeys(mark["run"] for mark in marks))
    ordered = [{**mark, "order": kinds.index(mark["kind"])} for mark in marks]
    bars = (
        alt.Chart(alt.InlineData(values=ordered))
        .mark_bar(height={"band": 0.7})
        .encode(
            alt.X("share:Q").title("share of rows").scale(domain=[0, 1]).axis(format="%"),
            alt.Y("run:N").sort(names).title(None).axis(ticks=False),
            coloured("kind", kinds),
            alt.Order("order:Q"),
        )
    )
    return svg(bars.properties(width=WIDTH, height=ROW * len(names)))


def dots(marks: Sequence[Mark], title: str, from_zero: bool) -> str:
    """Return a dot for the `value` of each `name`, over its interval from `low` to `high`."""
    if not can_plot() or not marks:
        return ""
    import altair as alt

    names = list(dict.fromkeys(mark["name"] for mark in marks))
    base = alt.Chart(alt.InlineData(values=list(marks)))
    y = alt.Y("name:N").sort(names).title(None).axis(ticks=False, grid=True, labelPadding=10)
    scale = alt.Scale(zero=from_zero, nice=True)
    rule = base.mark_rule(strokeWidth=2, color=READABLE[0]).encode(
        alt.X("low:Q").scale(scale).title(title), alt.X2("high:Q"), y
    )
    points = base.mark_point(filled=True, size=70, opacity=1, color=READABLE[0]).encode(
        alt.X("value:Q").scale(scale).title(title), y
    )
    return svg(alt.layer(rule, points).properties(width=WIDTH, height=ROW * len(names)))


def scatter(marks: Sequence[Mark], panels: Mapping[str, str], title: str, from_zero: bool) -> str:
    """Return a panel for each column of `panels`, column: title of its axis; points stand at their `value`
    over `low` to `high` under the `label` that tells them apart, in the colour of their `model`. A column
    that is nothing everywhere has no panel."""
    drawn = [(column, name) for column, name in panels.items() if any(mark[column] for mark in marks)]
    if not can_plot() or not drawn:
        return ""
    import altair as alt

    models = list(dict.fromkeys(mark["model"] for mark in marks))
    few = len(models) <= len(READABLE)
    colour = coloured("model", models) if few else alt.ColorValue(READABLE[0])
    each = []
    for at, (column, name) in enumerate(drawn):
        base = alt.Chart(alt.InlineData(values=[mark for mark in marks if mark[column] is not None]))
        x = alt.X(f"{column}:Q").title(name).scale(zero=True, nice=True).axis(format="~g", tickCount=4)
        scale = alt.Scale(zero=from_zero, nice=True)
        y = alt.Y("value:Q").title(title if at == 0 else None).scale(scale)
        bars = base.mark_rule(strokeWidth=1.5).encode(
            x, alt.Y("low:Q").scale(scale).title(title if at == 0 else None), alt.Y2("high:Q"), colour
        )
        points = base.mark_point(filled=True, size=70, opacity=1).encode(x, y, colour)
        numbers = alt.Chart(alt.InlineData(values=labels(marks, column))).mark_text(
            dx=7, dy=-7, align="left", fontSize=11, color=TEXT
        )
        layers = [bars, points, numbers.encode(x, y, alt.Text("label:N"))]
        each.append(alt.layer(*layers).properties(width=NARROW, height=220))
    return svg(alt.hconcat(*each, spacing=36))


def labels(marks: Sequence[Mark], column: str) -> list[dict[str, Any]]:
    """Return the marks with those that would lie on them taken together, under the labels of all."""
    known = [mark for mark in marks if mark[column] is not None]
    widest = max((mark[column] for mark in known), default=0.0) or 1.0
    tallest = max((mark["high"] for mark in known), default=0.0) or 1.0
    kept: list[dict[str, Any]] = []
    for mark in known:
        x, y = mark[column] / widest, mark["value"] / tallest
        near = (one for one in kept if abs(one["x"] - x) < NEAR and abs(one["y"] - y) < NEAR)
        if (same := next(near, None)) is not None:
            same["labels"].append(mark["label"])
        else:
            kept.append({**mark, "x": x, "y": y, "labels": [mark["label"]]})
    return [{**one, "label": listed(one["labels"])} for one in kept]


def listed(names: Sequence[str]) -> str:
    """Return names in a row, the first of many."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def lines(marks: Sequence[Mark], x: str) -> str:
    """Return a panel for each `panel`: the `value` of each `series` over `x`."""
    if not can_plot() or not marks:
        return ""
    import altair as alt

    series = list(dict.fromkeys(mark["series"] for mark in marks))
    colour = coloured("series", series)
    panels = list(dict.fromkeys(mark["panel"] for mark in marks))
    each = [
        alt.Chart(alt.InlineData(values=[mark for mark in marks if mark["panel"] == panel]))
        .mark_line(strokeWidth=1.75, point={"filled": True, "size": 22})
        .encode(
            alt.X("x:Q").title(x).axis(grid=False, tickMinStep=1),
            alt.Y("value:Q").title(None).scale(zero=False, nice=True),
            colour,
        )
        .properties(width=NARROW if len(panels) > 1 else WIDTH, height=200, title=panel)
        for panel in panels
    ]
    return svg(alt.hconcat(*each, spacing=36))


def positions(marks: Sequence[Mark]) -> str:
    """Return a row of panels for each `series`, one for each `panel`: the `value` over its bin of positions,
    `bin`, from `low` to `high`; dashed, what an `even` choice gives, if it is not None."""
    if not can_plot() or not marks:
        return ""
    import altair as alt

    bins = list(dict.fromkeys(mark["bin"] for mark in marks))
    highest = max(mark["high"] for mark in marks)
    rows = []
    for name in dict.fromkeys(mark["series"] for mark in marks):
        panels = []
        for at, panel in enumerate(dict.fromkeys(mark["panel"] for mark in marks)):
            here = [mark for mark in marks if mark["panel"] == panel and mark["series"] == name]
            base = alt.Chart(alt.InlineData(values=here))
            x = alt.X("bin:N").sort(bins).title(None).axis(labelAngle=0, grid=False, labelOverlap=True)
            scale = alt.Scale(domain=[0, highest], nice=True)
            low = alt.Y("low:Q").title(None).scale(scale).axis(tickCount=3)
            colour = READABLE[at]
            layers = [
                base.mark_line(color=GREY, strokeDash=[4, 4], strokeWidth=1.25).encode(x, alt.Y("even:Q")),
                base.mark_rule(strokeWidth=1.5, color=colour).encode(x, low, alt.Y2("high:Q")),
                base.mark_point(filled=True, size=45, opacity=1, color=colour).encode(x, alt.Y("value:Q")),
            ]
            title = alt.TitleParams(panel if at else f"{name}: {panel}", limit=WIDTH // 2 + 30)
            panels.append(alt.layer(*layers).properties(width=WIDTH // 2, height=80, title=title))
        rows.append(alt.hconcat(*panels, spacing=60, bounds="flush"))
    return svg(alt.vconcat(*rows, spacing=14))


def coloured(field: str, names: Sequence[str]) -> Any:
    """Return a colour for each of the names, with the legend."""
    import altair as alt

    colours = [READABLE[at % len(READABLE)] for at in range(len(names))]
    return alt.Color(f"{field}:N").scale(domain=list(names), range=colours).title(None)
