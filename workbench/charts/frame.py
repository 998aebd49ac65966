"""What all charts share: their colors, axes, legend and tooltip, and how they write a share.

Numbers come first: each chart has an info (plain lists: the JSON API, the table and the CSV too), and an
ECharts option is drawn from that.  Options are plain JSON, no functions: a page needs no inline script.
Shares are fractions in an info and per cent in an option.  Colors are those of Okabe & Ito, told apart by
color-blind eyes; every series also has a shape or a dash of its own.
"""

from typing import Any

Info = dict[str, Any]
Option = dict[str, Any]

METRICS = {"accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy", "macro_f1": "Macro F1"}
RECALL = "recall"  # of one class
WORDS = {**METRICS, RECALL: "Recall"}
BLUE, SKY, ORANGE, GREEN, RED = "#0072b2", "#56b4e9", "#e69f00", "#009e73", "#d55e00"
INK = {False: "#374151", True: "#d1d5db"}  # text on light and on dark ground, contrast above 7
RULE = {False: "#e5e7eb", True: "#374151"}  # lines of the grid
MEASURED = {False: BLUE, True: SKY}
FORECAST = {False: RED, True: ORANGE}
HELD_OUT = {False: GREEN, True: GREEN}


def percent(share: float) -> str:
    """Return a share in [0, 1] as pages write it."""
    return f"{100 * share:.1f} %"


def per_cent(share: float) -> float:
    """Return a share as an option holds it: 0.87654 -> 87.65."""
    return round(100 * share, 2)


def blank(summary: str, dark: bool) -> Option:
    """What all charts share: axes, legend, tooltip, a description for screen readers."""
    ink = {"color": INK[dark]}
    axis = {
        "axisLabel": {**ink, "hideOverlap": True},
        "axisLine": {"lineStyle": ink},
        "splitLine": {"lineStyle": {"color": RULE[dark]}},
        "nameTextStyle": ink,
    }
    return {
        "animation": False,
        "backgroundColor": "transparent",
        "textStyle": {"fontFamily": "inherit"},
        "aria": {"enabled": True, "label": {"description": summary}},
        "grid": {"left": 12, "right": 16, "top": 52, "bottom": 12, "outerBoundsMode": "same"},
        "legend": {"top": 0, "left": 0, "textStyle": ink, "itemWidth": 22},
        # text drawn on the canvas: names of classes come from users and never become HTML
        "tooltip": {"renderMode": "richText", "confine": True, "trigger": "item"},
        "xAxis": {**axis, "nameLocation": "middle", "nameGap": 28},
        "yAxis": {**axis, "nameLocation": "end", "nameTextStyle": {**ink, "align": "left"}},
    }
