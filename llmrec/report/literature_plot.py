"""Our intervals and the published points, as a picture: a panel a task."""

from collections.abc import Mapping, Sequence
from typing import Any

from llmrec.report.literature import Pair, short
from llmrec.report.plot import COLOURS, GREY, drawing

OURS, PUBLISHED = "ours, 95% interval", "published"
LINE = 18  # pixels of height a comparison


def points(pairs: Sequence[Pair], metric: str) -> list[dict[str, Any]]:
    """Return what is drawn of each comparison: the published figure, and ours where it was run."""
    drawn = []
    for pair in pairs:
        figure, score = pair.method.figure(metric), pair.ours.score(metric) if pair.ours else None
        if figure is None:
            continue
        ties = f", {pair.ours.ties.replace('_', ' ')}" if pair.ours else ", not run"
        name = f"{figure.method} | {pair.model}{ties}"
        drawn.append({"row": name, "kind": PUBLISHED, "value": figure.value})
        if score:
            drawn.append(
                {"row": name, "kind": OURS, "value": score.mean, "low": score.low, "high": score.high}
            )
    return drawn


def spec(title: str, panels: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Return the picture in Vega-Lite's words; `panels` are points by what a panel is called."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {"text": title, "anchor": "start", "fontSize": 16, "offset": 14},
        "background": "white",
        "padding": 16,
        "config": {"view": {"stroke": None}, "axis": {"labelLimit": 420, "domainColor": GREY}},
        "spacing": 30,
        "resolve": {"scale": {"x": "independent", "y": "independent"}},
        "vconcat": [panel(name, drawn) for name, drawn in panels.items() if drawn],
    }


def panel(name: str, drawn: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    rows = list(dict.fromkeys(point["row"] for point in drawn))
    axis = {"tickCount": 6, "labelOverlap": True}
    x = {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": False}, "axis": axis}
    y = {"field": "row", "type": "nominal", "sort": rows, "title": None}
    kinds = {"domain": [OURS, PUBLISHED], "range": COLOURS[:2]}
    colour = {"field": "kind", "type": "nominal", "scale": kinds, "legend": {"title": None}}
    interval = {**x, "field": "low"}
    return {
        "title": {"text": name, "anchor": "start"},
        "data": {"values": list(drawn)},
        "width": 420,
        "height": LINE * len(rows),
        "layer": [
            {
                "transform": [{"filter": "isValid(datum.low)"}],
                "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.6},
                "encoding": {"x": interval, "x2": {"field": "high"}, "y": y, "color": colour},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
                "encoding": {
                    "x": x,
                    "y": y,
                    "color": colour,
                    "shape": {
                        "field": "kind",
                        "scale": {"domain": kinds["domain"], "range": ["circle", "diamond"]},
                        "legend": {"title": None},
                    },
                },
            },
        ],
    }


def svg(title: str, panels: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """Return the picture; `llmrec.report.plot.can_plot` says beforehand whether it can be drawn."""
    return drawing(spec(title, panels)).encode()


def called(task: str, metric: str) -> str:
    return f"{task}: {short(metric)}"
