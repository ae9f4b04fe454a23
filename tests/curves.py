"""What tests of live curves share: a run with everything that can be shown, and what is to be seen of it."""
from __future__ import annotations

from rlvr_utils.recipe.config import RunConfig
from rlvr_utils.records.run import Run


def watched(tiny_config: RunConfig) -> RunConfig:
    """Two updates a step, so that steps are no updates; entropy alone leaves something unknown."""
    return tiny_config.changed(steps=2, eval_every=2, save_every=1, updates_per_rollout=2, micro_batch=4, kl_coef=0.0)


def expected(run: Run) -> list[tuple[int, dict]]:
    """What the records say, by rollout step."""
    rows = {row["step"]: {name: value for name, value in row.items() if value is not None and name != "step"}
            for row in run.rows("metrics")}
    for row in run.rows("evaluations"):
        rows[row["step"]] |= {f"{row['benchmark']}/accuracy/{grader}": value
                              for grader, value in row["accuracy"].items()}
    return sorted(rows.items())
