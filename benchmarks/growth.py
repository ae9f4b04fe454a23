"""Growth: time and memory by the number of rollouts, the length of responses and the size of an evaluation.

    python -m benchmarks.growth
"""
from __future__ import annotations

import json
import math
import os
import resource
import tempfile

import matplotlib
import torch
from scipy.stats import linregress

from benchmarks.measure import HERE, load, pocket, record, seconds
from benchmarks.step import our_steps
from rlvr_utils.data.prompts import training_prompt
from rlvr_utils.errors import take_no_options
from rlvr_utils.evaluation.benchmarks import evaluate, load_benchmarks
from rlvr_utils.models.engines import TransformersPolicy
from rlvr_utils.recipe.config import RunConfig, local_path
from rlvr_utils.sampling.rollouts import sample
from rlvr_utils.training.examples import chosen_examples

matplotlib.use("Agg")
AXES = {"rollouts": (64, 128, 256, 512, 1024, 2048), "response tokens": (32, 64, 128, 256, 512, 900),
        "problems": (63, 125, 250, 500)}
LENGTHS_ROLLOUTS = 128


def step_of(config: RunConfig, rollouts: int) -> float:
    """Seconds for a training step with this many rollouts: the second step of a trainer."""
    return our_steps(config.changed(prompts_per_step=rollouts // 8, repeat_to=rollouts // 8, steps=2, eval_every=0,
                                    save_every=2))[1]["seconds"]


def responses_of(config: RunConfig, tokens: int) -> float:
    """Seconds for 128 responses of exactly `tokens` tokens to one prompt: no token stops them."""
    model, tokenizer = load(local_path(config.model))
    prompt = tokenizer(training_prompt(tokenizer, chosen_examples(config)[0].question))["input_ids"]
    torch.manual_seed(0)
    return seconds(lambda: sample(model, [prompt] * LENGTHS_ROLLOUTS, tokens, config.temperature, {-1}))


def evaluation_of(config: RunConfig, problems: int) -> float:
    benchmark, rows = load_benchmarks(config)[0]
    policy = TransformersPolicy(*load(local_path(config.model)))
    return seconds(lambda: evaluate(policy, [(benchmark, rows[:problems])], config, config.seed))


def in_a_child(work) -> dict:
    """The seconds that the work takes, and the MiB by which a process forked for it grows."""
    with tempfile.TemporaryFile("w+") as answer:
        child = os.fork()
        if child == 0:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            took = work()
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            json.dump({"seconds": round(took, 3), "mib": round(grown / 1024, 1)}, answer)
            answer.flush()
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            raise SystemExit("a measurement failed; see its message above")
        answer.seek(0)
        return json.load(answer)


def exponent(points: list[dict], field: str) -> float:
    """The exponent of a power law fitted to the points; 1 is linear growth."""
    points = [point for point in points if point[field] > 0]
    line = linregress([math.log(point["size"]) for point in points], [math.log(point[field]) for point in points])
    return round(line.slope, 2)


def bench(config: RunConfig) -> dict:
    works = dict(zip(AXES, (step_of, responses_of, evaluation_of)))
    results = {}
    for axis, sizes in AXES.items():
        points = [{"size": size, **in_a_child(lambda size=size, work=works[axis]: work(config, size))}
                  for size in sizes]
        results[axis] = {"points": points, "seconds_exponent": exponent(points, "seconds"),
                         "mib_exponent": exponent(points, "mib")}
        print(axis, results[axis], flush=True)
    return results


def draw(results: dict) -> None:
    """Two rows, time and memory, with a dashed line of slope one through the last point."""
    from matplotlib import pyplot, ticker

    fig, axes = pyplot.subplots(2, len(results), figsize=(11, 6), constrained_layout=True)
    for column, (axis, found) in enumerate(results.items()):
        sizes = [point["size"] for point in found["points"]]
        for row, (field, label) in enumerate((("seconds", "seconds"), ("mib", "memory added, MiB"))):
            ax, values = axes[row][column], [point[field] for point in found["points"]]
            ax.loglog(sizes, values, marker="o", label=f"measured, exponent {found[f'{field}_exponent']}")
            ax.loglog(sizes, [values[-1] * size / sizes[-1] for size in sizes], "--", color="grey", label="linear")
            ax.set(xlabel=axis, ylabel=label)
            ax.set_xticks(sizes, map(str, sizes))
            ax.yaxis.set(major_locator=ticker.LogLocator(subs=(1, 2, 5)), major_formatter="{x:g}")
            ax.minorticks_off()
            ax.legend(fontsize=8)
    axes[0][0].set_title("training step")
    axes[0][1].set_title(f"{LENGTHS_ROLLOUTS} responses of one length")
    axes[0][2].set_title("evaluation, two graders")
    fig.suptitle("Growth, measured here on the pocket profile, one thread")
    fig.savefig(HERE / "figures" / "growth.png", dpi=150)


if __name__ == "__main__":
    take_no_options("benchmarks.growth", __doc__)
    settings = pocket()
    draw(record("growth", settings, lambda: bench(settings))["results"])
