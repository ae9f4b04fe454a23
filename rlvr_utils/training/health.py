"""Health checks: what stops a run at once, and what is looked for in its records afterwards.

Both use only rows of metrics.jsonl, so they apply to every recorded run. The limits were fixed before they were
applied to any record.
"""
from __future__ import annotations

import sys
from itertools import groupby
from statistics import fmean

from rlvr_utils.recipe.config import RunConfig
from rlvr_utils.records.run import Run

# The loss is a mean over tokens of advantage times ratio, plus a little entropy and KL. In groups of n an advantage is
# at most (n - 1) / sqrt(n), 2.5 for the paper's 8, and the ratio is about 1, so a healthy loss is far below this limit.
# A finite gradient is clipped to `max_grad_norm`, so its norm alone is not a problem.
LOSS_LIMIT = 100.0
# Ten steps of the smallest batch here are 320 rollouts: what never occurs in them is rarer than 1 % (rule of three).
IN_A_ROW = 10
# exp(entropy) is roughly the number of likely next tokens. Models start below 1 nat, so a tenth of that leaves about
# 1.1 tokens: nearly greedy.
ENTROPY_SHARE = 0.1


def diverged_value(row: dict) -> str | None:
    """The first value of a step that must stop the training, as text such as "loss is nan": one that is not finite,
    or a loss beyond LOSS_LIMIT. None if there is none."""
    for name, value in row.items():
        limit = LOSS_LIMIT if name in ("loss", "policy_loss") else sys.float_info.max
        if value is not None and not abs(value) <= limit:  # true of a NaN too
            return f"{name} is {value:.4g}"
    return None


def findings(config: RunConfig, rows: list[dict]) -> list[str]:
    """The problems that a run's metrics show, one line each; missing values are ignored."""
    found = [_streak(rows, "truncated", f"every response was cut at {config.max_response_tokens} tokens"),
             _collapse(rows)]
    if config.policy_loss:  # without it rewards do not matter
        found += [_streak(rows, "zero_std_groups", "no reward signal, the rewards were equal within every group"),
                  _unrewarded(rows, config.reward)]
    return [line for line in found if line]


def _streak(rows: list[dict], field: str, meaning: str) -> str:
    """The longest streak of steps in which this share was 1, if it has at least IN_A_ROW steps."""
    streaks = [list(streak) for whole, streak in groupby(rows, lambda row: row.get(field) == 1) if whole]
    longest = max(streaks, key=len, default=[])
    return f"{_steps(longest)}: {meaning}" if len(longest) >= IN_A_ROW else ""


def _collapse(rows: list[dict]) -> str:
    """The first step at which the entropy's running mean is below ENTROPY_SHARE of its first value."""
    known = [row for row in rows if row.get("entropy") is not None]
    means = [fmean(row["entropy"] for row in known[end - IN_A_ROW:end]) for end in range(IN_A_ROW, len(known) + 1)]
    for row, mean in zip(known[IN_A_ROW - 1:], means):
        if mean < ENTROPY_SHARE * means[0]:
            return (f"step {row['step']}: entropy has collapsed from {means[0]:.3g} to {mean:.3g} nats a token, "
                    f"means of {IN_A_ROW} steps")
    return ""


def _unrewarded(rows: list[dict], reward: str) -> str:
    never = bool(rows) and all(row.get(reward) == 0 for row in rows)
    return f"{_steps(rows)}: no rollout earned the {reward} reward" if never else ""


def _steps(rows: list[dict]) -> str:
    first, last = rows[0]["step"], rows[-1]["step"]
    return f"step {first}" if first == last else f"steps {first} to {last}"


def _epoch(run: Run) -> str:
    """Says so if a run on a whole file has seen no problem twice; else empty."""
    rows = {row for step in run.rows("history") for row in step["rows"]}
    asked = run.config.steps * run.config.prompts_per_step
    if run.config.examples or not rows or len(rows) < asked:
        return ""
    return f"saw {len(rows)} training problems, none of them twice: at most one epoch"


def report(runs: list[Run]) -> list[str]:
    """A line per problem, and one with the number of healthy runs; no lines if nothing was trained."""
    trained = {run.folder.name: findings(run.config, run.rows("metrics")) for run in runs if run.config.steps}
    short = {run.config.arm: line for run in runs if (line := _epoch(run))}
    lines = [f"problem in training, {name}: {finding}" for name, found in trained.items() for finding in found]
    sound = sum(not found for found in trained.values())
    lines += [f"{arm}: {line}" for arm, line in short.items()]
    return [*lines, f"trained without problems: {sound} of {len(trained)} runs"] if trained else []
