"""What every figure is drawn with: one look for each arm, labelled axes, labels at the ends of lines, reference lines.

Figures are drawn from records only. `save_figure` writes each as PNG and as SVG, with a note on whose numbers it shows
and a text for readers who cannot see it.
"""
from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import matplotlib
import seaborn as sns
from IPython import get_ipython
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from rlvr_utils.analysis.intervals import Interval, mean_interval
from rlvr_utils.analysis.measures import ACCURACY, Runs, curves, training_curve
from rlvr_utils.recipe.arms import ARMS, LABELS
from rlvr_utils.records.files import write_atomically
from rlvr_utils.records.run import Run
from rlvr_utils.study.study import Study

# A reader's matplotlibrc may, for example, switch LaTeX on; figures should look the same everywhere.
matplotlib.rcdefaults()
sns.set_theme(style="ticks", context="notebook", font_scale=0.95,
              rc={"axes.grid": True, "grid.color": "#E4E4E4", "axes.spines.top": False, "axes.spines.right": False,
                  "axes.titlelocation": "left", "axes.titlesize": 11.5, "axes.edgecolor": "#595959",
                  "svg.hashsalt": "rlvr_utils", "hatch.linewidth": 1.2})
GREY = "#595959"
PUBLISHED = "published (arXiv 2504.20571)"
# Beside a line there is less room than in a table.
SHORT = {**LABELS, "format-reward": "form, full set", "format-reward-one-shot": r"form, $\{\pi_1\}$",
         "one-shot-no-entropy": r"$\{\pi_1\}$, no bonus", "one-shot-entropy-x3": r"$\{\pi_1\}$, 3x bonus"}
Points = list[tuple[int, float]]


@dataclass(frozen=True)
class Look:
    """How an arm or a style is drawn: its colour stands out on white (contrast of at least 3), and line and marker
    tell it from the others without any colour."""

    colour: str
    line: str | tuple = "-"
    marker: str = "o"


LOOKS = {
    "base": Look(GREY, ":", "."),
    "one-shot": Look("#0072B2", "-", "o"),
    "one-shot-13": Look("#C45100", "--", "s"),
    "two-shot": Look("#882255", "-.", "^"),
    "full-set": Look("#000000", "-", "D"),
    "format-reward": Look("#00805E", ":", "v"),
    "format-reward-one-shot": Look("#8A6D00", (0, (5, 1, 1, 1)), "P"),
    "random-reward": Look("#7A7A7A", (0, (1, 1)), "X"),
    "entropy-only": Look("#CC3377", "--", "*"),
    "one-shot-no-entropy": Look("#4A8CC7", (0, (3, 1)), "<"),
    "one-shot-entropy-x3": Look("#332288", (0, (6, 2)), ">"),
}
SPARE = ("#6B4C9A", "#A04000", "#117733", "#AA4499", "#5D6D00", "#44627C")
LINES = ("-", "--", "-.", ":", (0, (3, 1, 1, 1)), (0, (8, 2)))
LOOKS |= {arm: Look(SPARE[place % 6], LINES[place % 6], "phd8xH"[(place + place // 6) % 6])
          for place, arm in enumerate(arm for arm in ARMS if arm not in LOOKS)}


# figures ------------------------------------------------------------------------------------------------------------

def new_figure(panels: int = 1, height: float = 3.6) -> tuple[Figure, list]:
    """Panels in rows of two, as (figure, list of axes). `height` is that of a row, in inches. No backend knows the
    figure: `save_figure` shows it."""
    rows = (panels + 1) // 2
    fig = Figure(figsize=(7.0 if panels == 1 else 11.0, height * rows), layout="constrained")
    return fig, [fig.add_subplot(rows, min(panels, 2), place + 1) for place in range(panels)]


def save_figure(fig, study: Study, name: str, alt: str, note: str | None = None) -> Path:
    """Write the figure to `results/<profile>/figures/<name>.png` and `.svg`, with a note on its origin, and show it in
    a notebook, whatever matplotlib backend is set. `alt` says in words what is to be seen; `note` replaces the note,
    which says that the runs of the study were measured. Returns the PNG's path."""
    path = study.results / "figures" / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    for ax in fig.axes:
        label_ends(ax)
    seeds = len(study.seeds)
    origin = (f"measured here: profile {study.config.profile}, "
              f"{f'{seeds} seeds, 95 % intervals' if seeds > 1 else 'one seed, no intervals'}")
    fig.text(0.995, -0.02, origin if note is None else note, ha="right", va="top", fontsize=9.5, color=GREY)
    alt, images = plain(alt), {}
    for kind, about in (("png", {"Software": None, "Description": alt}), ("svg", {"Date": None, "Description": alt})):
        image = BytesIO()
        fig.savefig(image, dpi=100, bbox_inches="tight", metadata=about, format=kind)
        images[kind] = image.getvalue()
        write_atomically(path.with_suffix(f".{kind}"), images[kind])
    if get_ipython():
        display({"image/png": base64.b64encode(images["png"]).decode()}, raw=True,
                metadata={"image/png": {"alt": alt}})
    return path


def plain(text: str) -> str:
    """Markdown and its formulas as plain words."""
    return re.sub(r"\s+", " ", re.sub(r"\*+|\$|\\(?!pi)|`", "", text).replace("\\pi", "pi")).strip()


# lines --------------------------------------------------------------------------------------------------------------

def draw_seeds(ax, seeds: list[Points], label: str, look: Look) -> None:
    """The mean over seeds of (step, value) points, in the units given, with the 95 % interval as a band. Steps that
    some seed lacks are left out."""
    shared = sorted(set.intersection(*({step for step, _ in points} for points in seeds)))
    intervals = [mean_interval([dict(points)[step] for points in seeds]) for step in shared]
    ax.plot(shared, [i.mean for i in intervals], label=label, color=look.colour, linestyle=look.line, linewidth=1.8,
            marker=look.marker, markersize=5, markevery=max(1, len(shared) // 12))
    if intervals and all(i.low is not None for i in intervals):
        ax.fill_between(shared, [i.low for i in intervals], [i.high for i in intervals], alpha=0.13,
                        color=look.colour, linewidth=0)


def draw_arms(ax, runs: Runs, arms: list[str], benchmarks: list[str], measure: str = ACCURACY,
              factor: float = 100.0) -> None:
    """One line an arm: an evaluation measure by rollout step, averaged over benchmarks and scaled by `factor`. The
    base, from which all lines start, is a horizontal line."""
    for arm in arms:
        draw_seeds(ax, [[(step, factor * value) for step, value in points]
                        for points in curves(runs, arm, benchmarks, measure)], SHORT[arm], LOOKS[arm])
    if arms:
        starts = [points[0][1] for points in curves(runs, arms[0], benchmarks, measure)]
        mark_level(ax, factor * sum(starts) / len(starts), "base", below=True)
    ax.set_xlabel("rollout step")


def draw_training(ax, runs: Runs, arms: list[str], metric: str, window: int = 1, factor: float = 1.0) -> None:
    """One line an arm: a training metric by step, smoothed with a trailing mean over `window` steps; steps without a
    value are left out."""
    for arm in arms:
        draw_seeds(ax, [smoothed(run, metric, window, factor) for run in runs[arm]], SHORT[arm], LOOKS[arm])
    ax.set_xlabel("rollout step")


def smoothed(run: Run, metric: str, window: int, factor: float = 1.0) -> Points:
    """A training metric by step, each the mean of the last `window` values."""
    known = [(step, factor * value) for step, value in training_curve(run, metric)]
    parts = [known[max(0, end - window):end] for end in range(1, len(known) + 1)]
    return [(part[-1][0], sum(value for _, value in part) / len(part)) for part in parts]


def draw_published(ax, points: Points, label: str, look: Look) -> None:
    """Published numbers by step: open markers on a thin line."""
    ax.plot(*zip(*points), label=label, color=look.colour, linestyle=look.line, linewidth=1, marker=look.marker,
            markersize=7, markerfacecolor="white", markeredgewidth=1.5)


def mark_level(ax, value: float, text: str, below: bool = False) -> None:
    """A horizontal reference line with its name above its left end, or below its right one."""
    ax.axhline(value, color=GREY, linestyle=(0, (1, 2)), linewidth=1.2, zorder=1)
    ax.annotate(text, (0.99 if below else 0.01, value), xycoords=("axes fraction", "data"),
                xytext=(0, -3 if below else 2), textcoords="offset points", fontsize=9.5, color=GREY,
                ha="right" if below else "left", va="top" if below else "bottom")


def mark_step(ax, step: float, text: str, colour: str = GREY, height: float = 0.97) -> None:
    """A vertical reference line with its name beside it, at a height given as a share of the axis."""
    ax.axvline(step, color=colour, linestyle=(0, (1, 2)), linewidth=1.4, zorder=1)
    ax.annotate(text, (step, height), xycoords=("data", "axes fraction"), xytext=(4, 0), textcoords="offset points",
                fontsize=9.5, color=colour, va="center")


def from_zero(ax, ylabel: str, most: float | None = None) -> None:
    """A y-axis that starts at zero and leaves room above what is drawn, up to `most`."""
    highest = max((max(line.get_ydata()) for line in ax.get_lines() if len(line.get_ydata())), default=1.0)
    top = 1.15 * highest if highest > 0 else 1.0
    ax.set(ylim=(0, top if most is None else min(most, top)), ylabel=ylabel)


def label_ends(ax) -> None:
    """Write each line's label beside its last point, in its colour; labels that would overlap are moved apart."""
    into_axes = ax.transData + ax.transAxes.inverted()
    ends: dict[float, list] = {}
    for line in ax.get_lines():
        if not line.get_label().startswith("_") and len(line.get_xdata()):
            x, y = into_axes.transform((line.get_xdata()[-1], line.get_ydata()[-1]))
            ends.setdefault(round(x, 2), []).append((min(max(y, 0), 1), line))
    height = 0.72 * ax.figure.get_figheight() / ax.get_subplotspec().get_gridspec().nrows
    for x, found in ends.items():
        found.sort(key=lambda end: end[0])
        for (_, line), place in zip(found, spread_out([y for y, _ in found], 0.21 / height)):
            ax.annotate(line.get_label(), (line.get_xdata()[-1], line.get_ydata()[-1]), xytext=(x + 0.07, place),
                        textcoords="axes fraction", color=line.get_color(), va="center", fontsize=10.5,
                        annotation_clip=False, arrowprops={"arrowstyle": "-", "color": line.get_color(), "lw": 0.7,
                                                           "relpos": (0, 0.5), "shrinkA": 0, "shrinkB": 3})


def spread_out(places: list[float], gap: float) -> list[float]:
    """Ascending places moved as little as is needed to lie `gap` apart, within 0 and 1 if there is room for all."""
    groups: list[list[float]] = []  # neighbours that touch share the middle of their places
    for place in places:
        groups.append([place])
        while len(groups) > 1 and _edges(groups[-2], gap)[1] + gap > _edges(groups[-1], gap)[0]:
            groups[-2:] = [groups[-2] + groups[-1]]
    return [_edges(group, gap)[0] + gap * at for group in groups for at in range(len(group))]


def _edges(group: list[float], gap: float) -> tuple[float, float]:
    """Where the first and the last label of a group go."""
    reach = gap * (len(group) - 1)
    low = min(max(sum(group) / len(group) - reach / 2, 0), max(1 - reach, 0))
    return low, low + reach


# bars and dots ------------------------------------------------------------------------------------------------------

NUMBER_WIDTH = 9  # of a bar's number, in percent of an axis from 0 to 100


def draw_bars(ax, values: dict[str, Interval], xlabel: str, published: dict[str, float] | None = None,
              looks: dict[str, Look] = LOOKS, marks: dict[str, list[float]] | None = None) -> None:
    """A horizontal bar from zero for each arm (or style), shares in percent, with its interval and number; a published
    number (in percent) as a hatched bar below it. The first stands at the top. A number makes way for the bar's own
    `marks`, which the caller draws."""
    published = {name: value for name, value in (published or {}).items() if value is not None}
    thick = 0.36 if published else 0.6
    for row, (name, found) in enumerate(values.items()):
        place = row - (thick / 2 if name in published else 0)
        _bar(ax, place, 100 * found.mean, thick, {"color": looks[name].colour})
        if found.low is not None:
            ax.plot([100 * found.low, 100 * found.high], [place, place], color="black", linewidth=1.4, label="_")
        end = 100 * min(1, max(found.mean, found.high or 0))
        for mark in sorted((marks or {}).get(name, [])):
            end = max(end, mark) if mark < end + NUMBER_WIDTH else end
        _number(ax, end, 100 * found.mean, place)
        if name in published:
            _bar(ax, row + thick / 2, published[name], thick, {
                "facecolor": "white", "edgecolor": looks[name].colour, "hatch": "///"})
            _number(ax, published[name], published[name], row + thick / 2)
    ax.set_yticks(range(len(values)), [SHORT.get(name, name) for name in values])
    ax.set(xlabel=xlabel, ylim=(len(values) - 0.4, -0.6))
    ax.grid(visible=False, axis="y")
    if published:
        named_below(ax, [Patch(facecolor=GREY, label="measured here"),
                         Patch(facecolor="white", edgecolor=GREY, hatch="///", label=PUBLISHED)])


def _bar(ax, place: float, length: float, thick: float, how: dict) -> None:
    ax.barh(place, length, height=0.94 * thick, **how)


def _number(ax, end: float, value: float, place: float) -> None:
    ax.annotate(f"{value:.1f}", (max(end, 0), place), xytext=(4, 0), textcoords="offset points", va="center",
                fontsize=9.5)


def draw_dots(ax, values: dict[str, dict[str, Interval]], xlabel: str, published: dict[str, dict] | None = None,
              looks: dict[str, Look] = LOOKS) -> None:
    """{series: {row: interval}} as dots with their intervals, shares in percent; published numbers (in percent) as open
    markers. Rows run from top to bottom."""
    rows = list(dict.fromkeys(row for found in values.values() for row in found))
    published = published or {}
    lane = 0.76 / max(1, len(values))
    for place, (series, found) in enumerate(values.items()):
        look, shift = looks.get(series, Look(GREY)), lane * (place + 0.5) - 0.38
        for row, interval in found.items():
            at = rows.index(row) + shift
            if interval.low is not None:
                ax.plot([100 * interval.low, 100 * interval.high], [at, at], color=look.colour, linewidth=1.4,
                        label="_")
            ax.plot(100 * interval.mean, at, color=look.colour, marker=look.marker, markersize=7, label="_")
            paper = published.get(series, {}).get(row)
            if paper is not None:
                ax.plot(paper, at, marker=look.marker, markersize=8, markerfacecolor="white", label="_",
                        markeredgecolor=look.colour, markeredgewidth=1.5)
    ax.set_yticks(range(len(rows)), rows)
    ax.set(xlabel=xlabel, ylim=(len(rows) - 0.5, -0.5))
    key = [Line2D([], [], color=looks.get(series, Look(GREY)).colour, marker=looks.get(series, Look(GREY)).marker,
                  linestyle="-", label=SHORT.get(series, series)) for series in values]
    named_below(ax, key + ([Line2D([], [], color=GREY, marker="o", markerfacecolor="white", linestyle="",
                                   label=PUBLISHED)] if any(published.values()) else []))


def named_below(ax, handles: list) -> None:
    """What the marks mean, in one row below the axis's name."""
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.45, 0), borderaxespad=4.4, frameon=False,
              ncols=min(len(handles), 4), fontsize=10, columnspacing=1.2, handletextpad=0.5)
