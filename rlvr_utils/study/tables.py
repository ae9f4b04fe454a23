"""Tables: measured numbers with intervals, next to the paper's.

A table contains numbers and is saved as numbers: a row per arm (or benchmark, or subject) and quantity, with `mean`,
`low`, `high` (95 % over seeds; NaN with one seed), `n` (seeds) and, if the paper has it, `published`. Shares are in
percent. `as_text` formats a table for a notebook.
"""
from __future__ import annotations

import json
from collections.abc import Iterable
from statistics import pstdev

import pandas as pd

from rlvr_utils.analysis.intervals import Interval, interval_text, mean_interval
from rlvr_utils.analysis.measures import (
    Runs,
    arm_interval,
    best_step,
    machines,
    main_benchmark,
    math_benchmarks,
    saturation,
    score,
    steps,
    steps_after_saturation,
    subjects,
    training_curve,
)
from rlvr_utils.analysis.published import MAIN_MODEL, MAIN_TABLE, published, published_model, published_value, table_of
from rlvr_utils.recipe.arms import LABELS, TABLE5
from rlvr_utils.recipe.config import AVERAGE
from rlvr_utils.records.files import write_atomically
from rlvr_utils.records.run import Run
from rlvr_utils.study.study import Study

# Which row of the paper's Tables 1 and 8 an arm reproduces.
PAPER_ROWS = {"base": {"dataset": "base"}, "one-shot": {"dataset": "{pi_1}"}, "one-shot-13": {"dataset": "{pi_13}"},
              "two-shot": {"dataset": "{pi_1,pi_13}"}, "full-set": {"dataset": "DSR-sub", "reward_type": "outcome"},
              "format-reward": {"dataset": "DSR-sub", "reward_type": "format"}}

README_ORDER = ("contradicted", "inconclusive", "reproduced", "not measured", "not testable here")
POCKET_POOL = "package:pocket/data/pool.parquet"


def save_table(frame: pd.DataFrame, study: Study, name: str) -> pd.DataFrame:
    """Write the table to `results/<profile>/tables/<name>.csv`, with six significant digits, and return it."""
    folder = study.results / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"{name}.csv", frame.to_csv(float_format="%.6g"))
    return frame


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """The table as text: a row per entry of its first index level, a column per entry of the others, cells such as
    `78.2 [76.9, 79.5]`, and the published numbers last. Arms are shown by their labels."""
    frame = frame.rename(index=LABELS, level="arm") if "arm" in frame.index.names else frame
    cells = [interval_text(*row) for row in frame[["mean", "low", "high", "n"]].itertuples(index=False)]
    shown = _pivot(zip(frame.index, cells))
    if "published" in frame:
        paper = frame[frame["published"].notna()]
        places = paper.index
        if "published_set" in frame:
            places = zip(places.get_level_values(0), paper["published_set"])
        shown = shown.join(_pivot(zip(places, paper["published"])).add_prefix("published "))
    return shown


def _pivot(cells: Iterable[tuple[tuple, object]]) -> pd.DataFrame:
    """Cells in a grid, in order of appearance: the first entry of the index is the row, the others are the column."""
    columns: dict[str, dict] = {}
    for (row, *column), value in cells:
        columns.setdefault(" ".join(column), {})[row] = value
    return pd.DataFrame(columns)


def _table(rows: dict[tuple, dict], *names: str) -> pd.DataFrame:
    """A table of these rows, given by index; `names` are the names of the index levels."""
    frame = pd.DataFrame(list(rows.values()), index=pd.MultiIndex.from_tuples(list(rows), names=names))
    return frame.astype({"published": float}) if "published" in frame else frame  # otherwise objects, if all are None


def _numbers(interval: Interval, factor: float = 100.0) -> dict:
    """The columns of an interval, multiplied by `factor`, which turns shares into percent by default."""
    scaled = {name: float("nan") if value is None else factor * value
              for name, value in (("mean", interval.mean), ("low", interval.low), ("high", interval.high))}
    return {**scaled, "n": interval.n}


def paper_row(table: int, arm: str, model: str | None) -> dict[str, float]:
    """The published numbers (GRPO) of an arm by column, from `table` or from the table with this model; empty if the
    paper has no such row, or several."""
    number = table_of(model, table)
    if number is None or arm not in PAPER_ROWS:
        return {}
    wanted = PAPER_ROWS[arm]
    rows = [row for row in published(number, model=model) if row["dataset"] == wanted["dataset"]
            and row.get("algorithm", "GRPO") == "GRPO"
            and row.get("reward_type", "outcome") == wanted.get("reward_type", "outcome")]
    return rows[0]["values"] if len(rows) == 1 else {}


def paper_value(table: int, column: str, arm: str, model: str | None = MAIN_MODEL) -> float | None:
    """One number of `paper_row`; None if it is not published."""
    return paper_row(table, arm, model).get(column)


def ablation_value(arm: str, model: str | None) -> float | None:
    """The published MATH500 accuracy of an arm of the entropy study: Table 5 for the main model,
    Table 6 for the entropy-only runs of others, else the main results."""
    if arm in TABLE5 and table_of(model, 5):
        return published_value(5, "MATH500", row=TABLE5.index(arm) + 1)
    if arm == "entropy-only" and table_of(model, 6):
        return published_value(6, "MATH500", model=model, condition="entropy-only")
    return paper_value(MAIN_TABLE, "MATH500", arm, model)


def form_value(arm: str, model: str | None) -> float | None:
    """The published MATH500 accuracy (Table 14, with the entropy loss) of an arm that is rewarded for the outcome or
    for the form."""
    rows = {"one-shot": ("{pi_1}", "outcome"), "format-reward-one-shot": ("{pi_1}", "format"),
            "full-set": ("DSR-sub", "outcome"), "format-reward": ("DSR-sub", "format")}
    if table_of(model, 14) is None:
        return None
    if arm == "base":
        return published_value(14, "MATH500", dataset="base")
    dataset, reward = rows.get(arm, ("", ""))
    return (published_value(14, "MATH500", dataset=dataset, reward_type=reward, entropy_loss=True)
            if dataset else None)


def arms_table(study: Study, runs: Runs, benchmarks: list[str], table: int) -> pd.DataFrame:
    """Accuracy in percent by arm and benchmark after the last step, the average over several benchmarks, and
    the paper's number, measured on the set `published_set`."""
    stands = {benchmark.name: benchmark.stands_for for benchmark in study.config.benchmarks}
    model, rows = published_model(study.config), {}
    for arm, arm_runs in runs.items():
        for name in benchmarks:
            paper = paper_value(table, stands[name], arm, model)
            rows[arm, name] = {**_numbers(arm_interval(arm_runs, [name])), "published": paper,
                               "published_set": stands[name] if paper is not None else None}
        if len(benchmarks) > 1:
            rows[arm, AVERAGE] = _numbers(arm_interval(arm_runs, benchmarks))
    return _table(rows, "arm", "benchmark")


def ablation_table(study: Study, runs: Runs) -> pd.DataFrame:
    """Accuracy in percent on the main benchmark after the last step, by arm, next to the paper's best checkpoint."""
    main, model = main_benchmark(study.config), published_model(study.config)
    rows = {(arm, main): {**_numbers(arm_interval(arm_runs, [main])), "published": ablation_value(arm, model),
                          "published_set": "MATH500"} for arm, arm_runs in runs.items()}
    return _table(rows, "arm", "benchmark")


def last_and_best(study: Study, runs: Runs) -> pd.DataFrame:
    """The last checkpoint and the best one on the six-benchmark average, by arm, in percent. The best
    is chosen on the test sets themselves, as in the paper, and is therefore optimistic. `earliest_step` and
    `latest_step` are the range of those checkpoints' rollout steps over the seeds."""
    math, main = math_benchmarks(study.config), main_benchmark(study.config)
    bases = {run.config.seed: run for run in runs["base"]}
    rows = {}
    for arm in [arm for arm in runs if arm != "base"]:
        last = [steps(run)[-1] for run in runs[arm]]
        best = [best_step(run, bases[run.config.seed], math) for run in runs[arm]]
        for quantity, sets, at in ((f"{main}, last", [main], last), ("average, last", math, last),
                                   ("average, best", math, best)):
            scores = [score(run if step else bases[run.config.seed], sets, step=step)
                      for run, step in zip(runs[arm], at)]
            rows[arm, quantity] = {**_numbers(mean_interval(scores)), "earliest_step": min(at), "latest_step": max(at)}
    return _table(rows, "arm", "quantity")


def grader_table(runs: list[Run]) -> pd.DataFrame:
    """Accuracy on each benchmark by both graders in percent, boxed answers in percent, the number of
    answers whose grading timed out (they count as wrong) and the mean length in tokens."""
    quantities = {"qwen-eval": ("accuracy.qwen-eval", 100), "math-verify": ("accuracy.math-verify", 100),
                  "boxed": ("boxed", 100), "qwen-eval time-outs": ("timeouts.qwen-eval", 1),
                  "math-verify time-outs": ("timeouts.math-verify", 1), "tokens": ("length", 1)}
    return _table({(benchmark.name, quantity): _numbers(arm_interval(runs, [benchmark.name], measure), factor)
                   for benchmark in _generated(runs[0]) for quantity, (measure, factor) in quantities.items()},
                  "benchmark", "quantity")


def _generated(run: Run) -> list:
    return [benchmark for benchmark in run.config.benchmarks if benchmark.scoring == "generation"]


def sampled_table(runs: list[Run]) -> pd.DataFrame:
    """The sets with n > 1 samples per problem, in percent: mean accuracy over all samples (avg@n) and problems
    solved at least once (pass@n)."""
    rows = {}
    for benchmark in [each for each in _generated(runs[0]) if each.samples > 1]:
        rows[benchmark.name, f"avg@{benchmark.samples}"] = _numbers(arm_interval(runs, [benchmark.name]))
        rows[benchmark.name, f"pass@{benchmark.samples}"] = _numbers(
            arm_interval(runs, [benchmark.name], "solved_once"))
    return _table(rows, "benchmark", "quantity")


def solved_table(runs: Runs) -> pd.DataFrame:
    """By arm: problems that at least one sample solves (pass@n) after the last step, in percent; empty if no set has
    several samples."""
    rows = {(arm, benchmark, quantity): row for arm, arm_runs in runs.items()
            for (benchmark, quantity), row in sampled_table(arm_runs).to_dict("index").items()
            if quantity.startswith("pass@")}
    return _table(rows, "arm", "benchmark", "quantity")


def subject_table(study: Study, runs: Runs) -> pd.DataFrame:
    """Accuracy in percent by subject of the main benchmark and by arm after the last step, next to Table 3's if it
    has the model; empty for a benchmark without subjects."""
    main, model = main_benchmark(study.config), published_model(study.config)
    by_arm = {arm: [subjects(run, main) for run in arm_runs] for arm, arm_runs in runs.items()}
    rows = {(subject, arm): {**_numbers(mean_interval([each[subject] for each in last])),
                             "published": paper_value(3, subject, arm, model)}
            for arm, last in by_arm.items() for subject in last[0]}
    return _table(rows, "subject", "arm")


def likelihood_table(study: Study, runs: Runs) -> pd.DataFrame:
    """Accuracy in percent by arm on the sets scored by likelihood, after the last step; empty if the profile has
    none."""
    names = [benchmark.name for benchmark in study.config.benchmarks if benchmark.scoring == "likelihood"]
    return _table({(arm, name, metric): _numbers(arm_interval(arm_runs, [name], f"accuracy.{metric}"))
                   for arm, arm_runs in runs.items() for name in names for metric in ("acc", "acc_norm")},
                  "arm", "benchmark", "quantity")


def saturation_table(runs: Runs, benchmarks: list[str]) -> pd.DataFrame:
    """One row per run: the step at which training saturates, the average accuracy in percent at the first evaluation
    from then on (both NaN if it never saturates) and at the last one, and the last gradient norm."""
    rows = {}
    for run in [run for arm_runs in runs.values() for run in arm_runs]:
        later = steps_after_saturation(run)
        rows[run.config.arm, run.config.seed] = {
            "saturated_at": saturation(run),
            "accuracy_then": 100 * score(run, benchmarks, step=later[0]) if later else None,
            "accuracy_at_end": 100 * score(run, benchmarks),
            "gradient_norm_at_end": training_curve(run, "grad_norm")[-1][1]}
    return _table(rows, "arm", "seed").astype(float)


def markdown(frame: pd.DataFrame) -> str:
    """The table as Markdown, which cuts no text short; the index is the first column."""
    rows = [[frame.index.name or "", *frame], ["---"] * (1 + len(frame.columns))]
    rows += [[name, *row] for name, row in zip(frame.index, frame.itertuples(index=False))]
    return "\n".join("| " + " | ".join("" if pd.isna(cell) else str(cell) for cell in row) + " |" for row in rows)


def claims_frame(rows: list[dict]) -> pd.DataFrame:
    """The ledger as text: claim, published, the quantity that decides, its bound, measured with its interval, verdict,
    notebook. Measured numbers keep the ledger's two decimals: rounding twice would turn 109.148 into 109.2."""
    def measured(m: dict) -> str:
        return "-" if m["mean"] is None else interval_text(m["mean"], m["low"], m["high"], m["seeds"], decimals=2)

    def bound(row: dict) -> str:
        return "".join(f"{part['above']:g}" for part in row["quantities"] if part["name"] == row["deciding"])

    return pd.DataFrame([{"claim": row["statement"], "unit": row["unit"], "published": row["published"],
                          "what decides": row["deciding"] or row.get("reason", ""), "must lie above": bound(row),
                          "measured here": measured(row["measured"]), "verdict": row["verdict"],
                          "notebook": row["notebook"][:2]} for row in rows],
                        index=pd.Index([row["id"] for row in rows], name="id"))


def deviations(study: Study, runs: Runs) -> dict[str, float]:
    """The standard deviation of each training problem's accuracy, by row: of the history that ranked the package's
    pool, else of the full-set run's problems that it visited more than once. Empty where there is neither."""
    from rlvr_utils.pocket.ranking import HISTORY

    history: dict[str, list[float]] = {}
    if study.config.pool == POCKET_POOL:
        history = json.loads(HISTORY.read_text(encoding="utf-8"))
    elif "full-set" in runs:
        for step in runs["full-set"][0].rows("history"):
            for row, accuracy in zip(step["rows"], step["accuracies"]):
                history.setdefault(row, []).append(accuracy)
    return {str(row): pstdev(visits) for row, visits in history.items() if len(visits) > 1}


def run_times(runs: Runs) -> pd.DataFrame:
    """By arm: the number of seeds, the mean duration of a run, and the machines."""
    rows = {arm: {"seeds": len(some), "on": "; ".join(machines(some)),
                  "seconds a run": round(sum(run.provenance["wall_seconds"] for run in some) / len(some))}
            for arm, some in runs.items()}
    return pd.DataFrame(rows).T.rename_axis("arm")


def claims_markdown(rows: list[dict]) -> str:
    """The ledger as the README shows it: a row per claim, what contradicts the paper first."""
    lines = ["| claim | published | deciding quantity: measured here, 95 % interval | must be above | verdict |",
             "|---|---|---|---|---|"]
    for row in sorted(rows, key=lambda row: README_ORDER.index(row["verdict"])):
        published = "–" if row["published"] is None else f"{row['published']:+.1f}"
        found, bound = row.get("reason", ""), "–"
        if not found:
            numbers = (row["measured"][name] for name in ("mean", "low", "high", "seeds"))
            found = f"{row['deciding']}: {interval_text(*numbers)}"
            bound = f"{next(each['above'] for each in row['quantities'] if each['name'] == row['deciding']):g}"
        lines.append(f"| {row['id']} {row['statement']} | {published} | {found} | {bound} | {row['verdict']} |")
    return "\n".join(lines)
