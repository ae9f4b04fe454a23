"""Figures: drawn from records only and saved by `save_figure`, which notes on each whose numbers it shows."""
from __future__ import annotations

from io import BytesIO
from pathlib import Path

import matplotlib
import seaborn as sns
from IPython import get_ipython
from IPython.display import Image, display
from matplotlib.figure import Figure

from rlvr_utils.analysis.intervals import Interval, mean_interval
from rlvr_utils.analysis.measures import ACCURACY, Runs, curves, training_curve
from rlvr_utils.recipe.arms import ARMS, LABELS
from rlvr_utils.records.files import write_atomically
from rlvr_utils.records.run import Run
from rlvr_utils.study.study import Study

# A reader's matplotlibrc may, for example, switch LaTeX on; figures should look the same everywhere.
matplotlib.rcdefaults()
sns.set_theme(style="whitegrid", context="notebook", font_scale=0.9)
# An arm has the same colour in every figure; the random-reward control was added last.
COLOURS = dict(zip(sorted(ARMS, key="random-reward".__eq__),
                   sns.color_palette("colorblind", 10) + sns.color_palette("dark", len(ARMS) - 10)))
MEASURED, PUBLISHED = "measured here", "published (arXiv 2504.20571)"
Points = list[tuple[int, float]]


def save_figure(fig, study: Study, name: str) -> Path:
    """Write the figure to `results/<profile>/figures/<name>.png`, with a note on its origin, and show it in a
    notebook, whatever matplotlib backend is set."""
    path = study.results / "figures" / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.text(0.995, -0.04, f"{MEASURED}: profile {study.config.profile}, {len(study.seeds)} seed(s), 95 % intervals",
             ha="right", va="top", fontsize=7, color="grey")
    image = BytesIO()
    fig.savefig(image, dpi=110, bbox_inches="tight", metadata={"Software": None}, format="png")
    write_atomically(path, image.getvalue())
    if get_ipython():
        display(Image(image.getvalue()))
    return path


def draw_seeds(ax, seeds: list[Points], label: str, colour) -> None:
    """The mean over seeds of (step, value) points, in the units given, with the 95 % interval as a band. Steps that
    some seed lacks are left out."""
    shared = sorted(set.intersection(*({step for step, _ in points} for points in seeds)))
    intervals = [mean_interval([dict(points)[step] for points in seeds]) for step in shared]
    ax.plot(shared, [i.mean for i in intervals], marker="o" if len(shared) < 25 else None, markersize=4,
            label=label, color=colour)
    if all(i.low is not None for i in intervals):
        ax.fill_between(shared, [i.low for i in intervals], [i.high for i in intervals], alpha=0.15, color=colour,
                        linewidth=0)


def draw_arms(ax, runs: Runs, arms: list[str], benchmarks: list[str], measure: str = ACCURACY,
              factor: float = 100.0) -> None:
    """One line per arm: an evaluation measure by rollout step, averaged over benchmarks and scaled by `factor`."""
    for arm in arms:
        seeds = [[(step, factor * value) for step, value in points]
                 for points in curves(runs, arm, benchmarks, measure)]
        draw_seeds(ax, seeds, LABELS[arm], COLOURS[arm])
    ax.set_xlabel("rollout step")
    ax.legend(fontsize=8)


def draw_training(ax, runs: list[Run], metric: str, label: str, colour, window: int = 1, factor: float = 1.0) -> None:
    """A training metric by step, smoothed with a trailing mean over `window` steps; steps without a value are left
    out."""
    seeds = []
    for run in runs:
        known = [(step, factor * value) for step, value in training_curve(run, metric)]
        windows = [known[max(0, end - window):end] for end in range(1, len(known) + 1)]
        seeds.append([(part[-1][0], sum(value for _, value in part) / len(part)) for part in windows])
    draw_seeds(ax, seeds, label, colour)
    ax.set_xlabel("rollout step")


def draw_bars(ax, groups: dict[str, dict[str, Interval]], ylabel: str) -> None:
    """Grouped bars in percent: {series: {group: interval}}, with whiskers if the interval is known."""
    width = 0.8 / len(groups)
    for place, (series, intervals) in enumerate(groups.items()):
        xs = [x - 0.4 + width * (place + 0.5) for x in range(len(intervals))]
        heights = [100 * i.mean for i in intervals.values()]
        colour = COLOURS.get(series, f"C{place}")
        ax.bar(xs, heights, width=0.92 * width, color=colour, label=LABELS.get(series, series))
        for x, i in zip(xs, intervals.values()):
            if i.low is not None:
                ax.plot([x, x], [100 * i.low, 100 * i.high], color="black", linewidth=1)
    names = list(next(iter(groups.values())))
    ax.set_xticks(range(len(names)), names)
    if len(names) > 4:
        for text in ax.get_xticklabels():
            text.set(rotation=25, ha="right")
    ax.set_ylabel(ylabel)
    ax.legend(fontsize=8)


def new_figure(panels: int = 1, height: float = 3.8) -> tuple[Figure, list]:
    """A row of panels, as (figure, list of axes). `height` is in inches. No backend knows the figure: `save_figure`
    shows it."""
    width = 6.0 if panels < 3 else 4.4
    fig = Figure(figsize=(width * panels, height), layout="constrained")
    return fig, list(fig.subplots(1, panels, squeeze=False)[0])
