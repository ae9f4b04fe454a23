"""Tables: measured numbers with intervals, the paper's beside them, written as CSV and Markdown."""
from __future__ import annotations

import pandas as pd

from rlvr_utils.arms import LABELS
from rlvr_utils.errors import UserError
from rlvr_utils.measures import best_step, main_benchmark, math_benchmarks, score
from rlvr_utils.published import published_value
from rlvr_utils.runs import Run
from rlvr_utils.statistics import mean_interval
from rlvr_utils.study import Study

# Which row of the paper's Tables 1 and 8 an arm reproduces.
PAPER_ROWS = {"base": {"dataset": "base"}, "one-shot": {"dataset": "{pi_1}"}, "one-shot-13": {"dataset": "{pi_13}"},
              "two-shot": {"dataset": "{pi_1,pi_13}"}, "full-set": {"dataset": "DSR-sub", "reward_type": "outcome"},
              "format-reward": {"dataset": "DSR-sub", "reward_type": "format"}}


def save_table(frame: pd.DataFrame, study: Study, name: str) -> pd.DataFrame:
    """Write `results/<profile>/tables/<name>.csv` and return the frame for display."""
    folder = study.results / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / f"{name}.csv")
    return frame


def paper_value(table: int, column: str, arm: str) -> float | None:
    """The published number of an arm's row, None where the paper has none."""
    try:
        return published_value(table, column, **PAPER_ROWS[arm])
    except (KeyError, UserError):
        return None


def arms_table(study: Study, runs: dict[str, list[Run]], benchmarks: list[str], table: int) -> pd.DataFrame:
    """One row an arm: each benchmark after the last step with its interval, the average, and the
    paper's number in the column of the same benchmark (`published`)."""
    stands = {benchmark.name: benchmark.stands_for for benchmark in study.config.benchmarks}
    rows = {}
    for arm, arm_runs in runs.items():
        row = {name: mean_interval([score(run, [name]) for run in arm_runs]).percent() for name in benchmarks}
        if len(benchmarks) > 1:
            row["average"] = mean_interval([score(run, benchmarks) for run in arm_runs]).percent()
        for name in benchmarks:
            value = paper_value(table, stands[name], arm)
            if value is not None:
                row[f"published {stands[name]}"] = value
        rows[LABELS[arm]] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def last_and_best(study: Study, runs: dict[str, list[Run]]) -> pd.DataFrame:
    """Last checkpoint beside the best one on the six-benchmark average (control X4): the best is
    chosen on the test sets themselves, as the paper does, and so is optimistic."""
    math, main = math_benchmarks(study.config), [main_benchmark(study.config)]
    bases = {run.config.seed: run for run in runs["base"]}
    rows = {}
    for arm, arm_runs in runs.items():
        if arm == "base":
            continue
        best = [best_step(run, bases[run.config.seed], math) for run in arm_runs]
        at_best = [score(run if step else bases[run.config.seed], math, step=step) for run, step in zip(arm_runs, best)]
        rows[LABELS[arm]] = {
            f"{main[0]}, last": mean_interval([score(run, main) for run in arm_runs]).percent(),
            "average, last": mean_interval([score(run, math) for run in arm_runs]).percent(),
            "average, best": mean_interval(at_best).percent(), "best steps": ", ".join(map(str, best))}
    return pd.DataFrame.from_dict(rows, orient="index")


def grader_table(runs: list[Run]) -> pd.DataFrame:
    """Each benchmark under both graders (control X5), with time-outs counted apart from wrong
    answers; mean over seeds, percent."""
    rows: dict[str, dict] = {}
    for benchmark in runs[0].config.benchmarks:
        records = [run.evaluations(benchmark.name)[-1] for run in runs]
        row = {grader: mean_interval([r["accuracy"][grader] for r in records]).percent()
               for grader in records[0]["accuracy"]}
        row["boxed"] = mean_interval([r["boxed"] for r in records]).percent()
        row["time-outs"] = sum(sum(r["timeouts"].values()) for r in records)
        row["mean tokens"] = round(sum(r["length"] for r in records) / len(records), 1)
        rows[benchmark.name] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def claims_frame(rows: list[dict]) -> pd.DataFrame:
    """The ledger for reading: claim, published, measured with its interval, verdict, notebook."""
    def measured(m: dict) -> str:
        if m["mean"] is None:
            return "-"
        return f"{m['mean']:.1f}" + ("" if m["low"] is None else f" [{m['low']:.1f}, {m['high']:.1f}]")

    return pd.DataFrame([{"claim": row["statement"], "unit": row["unit"], "published": row["published"],
                          "measured here": measured(row["measured"]), "verdict": row["verdict"],
                          "notebook": row["notebook"]} for row in rows], index=[row["id"] for row in rows])
