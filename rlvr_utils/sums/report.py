"""What the finished runs on sums show: a table on the terminal and a figure of accuracy by step.

`python -m rlvr_utils.sums.report` reads `results/smollm2-135m-sums`.
"""
from __future__ import annotations

import sys

from rlvr_utils.analysis.intervals import interval_text, mean_interval
from rlvr_utils.analysis.measures import Runs, score
from rlvr_utils.errors import UserError, escape_output, take_no_options
from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.records.run import find
from rlvr_utils.study.study import Study, open_study
from rlvr_utils.sums.prompts import PROFILE

REWARDS = {"one-shot": "outcome reward", "format-reward-one-shot": "format reward", "random-reward": "random reward"}
SEEDS = (0, 1, 2)
AT = (2, 10, 60)  # steps of the table: the first evaluation, the best of one example, the last
SETS = {"two digits": "two digits, T = 0.6", "one digit": "one digit, greedy"}


def finished(study: Study) -> Runs:
    """The finished runs of each arm. Raises `UserError` if an arm has none."""
    found = {arm: [run for seed in study.seeds if (run := find(with_arm(study.config, arm, seed), study.results))]
             for arm in ("base", *REWARDS)}
    if missing := [arm for arm, runs in found.items() if not runs]:
        raise UserError(f"{study.results}: no finished run of {', '.join(missing)}; train it: python -m rlvr_utils "
                        f"train --profile {PROFILE} --arm {missing[0]} --seed 0")
    return found


def table(runs: Runs) -> str:
    """Accuracy in percent with its 95 % interval over seeds, in Markdown."""
    heads = ["sums of", "trained on one example", "seeds", "untrained", *(f"step {step}" for step in AT)]
    rows = [heads, ["---"] * len(heads)]
    for name, shown in SETS.items():
        start = _cell([score(run, [name]) for run in runs["base"]])
        for arm, reward in REWARDS.items():
            cells = [_cell([score(run, [name], step=step) for run in runs[arm]]) for step in AT]
            rows.append([shown, reward, str(len(runs[arm])), start, *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(shares: list[float]) -> str:
    """The mean, with its interval from three seeds on: with two, Student's interval is wider than the scale."""
    found = mean_interval([100 * share for share in shares])
    return interval_text(found.mean, found.low, found.high, found.n) if found.n > 2 else f"{found.mean:.1f}"


def figure(study: Study, runs: Runs) -> None:
    """Accuracy on the two sets by step, written to `results/<profile>/figures/sums.png` and `.svg`."""
    from rlvr_utils.study.figures import draw_arms, new_figure, save_figure

    fig, axes = new_figure(2)
    for ax, name in zip(axes, SETS):
        draw_arms(ax, runs, [*REWARDS], [name])
        ax.set(ylabel="accuracy, %", ylim=(0, 100), title=f"sums of {SETS[name]}")
    count = ", ".join(f"{len(some)} of {arm}" for arm, some in runs.items() if arm != "base")
    save_figure(fig, study, "sums", "SmolLM2-135M-Instruct on sums, by step of training on one sum: the outcome reward "
                "lifts it within ten steps and then lets some of it go, a format reward and a random reward ruin it.",
                note=f"measured here: SmolLM2-135M-Instruct, seeds: {count}; 95 % intervals over seeds")


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    take_no_options("rlvr_utils.sums.report", __doc__, arguments)
    escape_output()
    study = open_study(PROFILE, SEEDS)
    try:
        runs = finished(study)
    except UserError as error:
        sys.exit(f"rlvr_utils: {error}")
    print(table(runs))
    figure(study, runs)


if __name__ == "__main__":
    main()
