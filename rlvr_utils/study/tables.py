"""Tables: measured numbers with intervals, the paper's beside them, written as CSV and Markdown."""
from __future__ import annotations

import pandas as pd

from rlvr_utils.analysis.intervals import mean_interval
from rlvr_utils.analysis.measures import GRADER, best_step, main_benchmark, math_benchmarks, score
from rlvr_utils.analysis.published import MAIN_MODEL, MAIN_TABLE, published, published_model, published_value, table_of
from rlvr_utils.recipe.arms import LABELS, TABLE5
from rlvr_utils.records.files import write_whole
from rlvr_utils.records.run import Run
from rlvr_utils.study.study import Study

# Which row of the paper's Tables 1 and 8 an arm reproduces.
PAPER_ROWS = {"base": {"dataset": "base"}, "one-shot": {"dataset": "{pi_1}"}, "one-shot-13": {"dataset": "{pi_13}"},
              "two-shot": {"dataset": "{pi_1,pi_13}"}, "full-set": {"dataset": "DSR-sub", "reward_type": "outcome"},
              "format-reward": {"dataset": "DSR-sub", "reward_type": "format"}}


def save_table(frame: pd.DataFrame, study: Study, name: str) -> pd.DataFrame:
    """Write `results/<profile>/tables/<name>.csv` and return the frame for display."""
    folder = study.results / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{name}.csv", frame.to_csv())
    return frame


def paper_row(table: int, arm: str, model: str | None) -> dict[str, float]:
    """The published numbers (GRPO) of an arm's row by column, in `table` or where the paper has this
    model's; empty where it has none, or several."""
    number = table_of(model, table)
    if number is None or arm not in PAPER_ROWS:
        return {}
    wanted = PAPER_ROWS[arm]
    rows = [row for row in published(number, model=model) if row["dataset"] == wanted["dataset"]
            and row.get("algorithm", "GRPO") == "GRPO"
            and row.get("reward_type", "outcome") == wanted.get("reward_type", "outcome")]
    return rows[0]["values"] if len(rows) == 1 else {}


def paper_value(table: int, column: str, arm: str, model: str | None = MAIN_MODEL) -> float | None:
    """One number of `paper_row`, None where it is not published."""
    return paper_row(table, arm, model).get(column)


def ablation_value(arm: str, model: str | None) -> float | None:
    """The published MATH500 accuracy of an arm of the entropy study: Table 5 for the main model,
    Table 6 for the entropy-only runs of others, else the main results."""
    if arm in TABLE5 and table_of(model, 5):
        return published_value(5, "MATH500", row=TABLE5.index(arm) + 1)
    if arm == "entropy-only" and table_of(model, 6):
        return published_value(6, "MATH500", model=model, condition="entropy-only")
    return paper_value(MAIN_TABLE, "MATH500", arm, model)


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
            value = paper_value(table, stands[name], arm, published_model(study.config))
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
    for benchmark in _generated(runs[0]):
        records = [run.evaluations(benchmark.name)[-1] for run in runs]
        row = {grader: mean_interval([r["accuracy"][grader] for r in records]).percent()
               for grader in records[0]["accuracy"]}
        row["boxed"] = mean_interval([r["boxed"] for r in records]).percent()
        row["time-outs"] = sum(sum(r["timeouts"].values()) for r in records)
        row["mean tokens"] = round(sum(r["length"] for r in records) / len(records), 1)
        rows[benchmark.name] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def _generated(run: Run) -> list:
    return [benchmark for benchmark in run.config.benchmarks if benchmark.scoring == "generation"]


def sampled_table(runs: list[Run]) -> pd.DataFrame:
    """The sets of several samples: mean accuracy of all (avg@n) and share of problems solved at
    least once (pass@n); mean over seeds, percent."""
    rows = {}
    for benchmark in [each for each in _generated(runs[0]) if each.samples > 1]:
        records = [run.evaluations(benchmark.name)[-1] for run in runs]
        rows[benchmark.name] = {
            "samples": benchmark.samples, "avg@n": mean_interval([r["accuracy"][GRADER] for r in records]).percent(),
            "pass@n": mean_interval([r["solved_once"] for r in records]).percent()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["samples", "avg@n", "pass@n"])


def solved_table(runs: dict[str, list[Run]]) -> pd.DataFrame:
    """One row an arm: share of problems that at least one of the samples solves (pass@n) after the
    last step, on the sets of several samples; without columns where there are none."""
    rows = {}
    for arm, arm_runs in runs.items():
        table = sampled_table(arm_runs)
        rows[LABELS[arm]] = {f"{name} pass@{row['samples']}": row["pass@n"] for name, row in table.iterrows()}
    return pd.DataFrame.from_dict(rows, orient="index")


def subject_table(study: Study, runs: dict[str, list[Run]]) -> pd.DataFrame:
    """One row a subject of the main benchmark: each arm's accuracy after the last step, and Table 3's
    where it has the model; empty for a benchmark without subjects."""
    main, model = main_benchmark(study.config), published_model(study.config)
    columns: dict[str, dict] = {}
    for arm, arm_runs in runs.items():
        last = [run.evaluations(main)[-1]["by_subject"] for run in arm_runs]
        columns[LABELS[arm]] = {subject: mean_interval([row[subject]["accuracy"] for row in last]).percent()
                                for subject in last[0]}
    for arm in runs:
        subjects = columns[LABELS[arm]]
        paper = {subject: value for subject, value in paper_row(3, arm, model).items() if subject in subjects}
        if paper:
            columns[f"published {LABELS[arm]}"] = paper
    return pd.DataFrame(columns)


def likelihood_table(study: Study, runs: dict[str, list[Run]]) -> pd.DataFrame:
    """One row an arm: the sets whose choices were scored by likelihood, after the last step;
    without columns where the profile has none."""
    names = [benchmark.name for benchmark in study.config.benchmarks if benchmark.scoring == "likelihood"]
    rows = {}
    for arm, arm_runs in runs.items():
        last = {name: [run.evaluations(name)[-1]["accuracy"] for run in arm_runs] for name in names}
        rows[LABELS[arm]] = {f"{name}, {metric}": mean_interval([scores[metric] for scores in last[name]]).percent()
                             for name in names for metric in ("acc", "acc_norm")}
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
