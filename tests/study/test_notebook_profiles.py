"""The notebooks on profiles that nobody has run here: made-up records, real cells, no claim about pocket."""
from __future__ import annotations

import ast
import json
import random
import shutil
import warnings
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from conftest import write_lines

from rlvr_utils.data import problems
from rlvr_utils.data.prompts import SUFFIX
from rlvr_utils.errors import UserError
from rlvr_utils.models import loading as models
from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import load_profile, to_fields
from rlvr_utils.recipe.identity import evaluation_identity, training_identity
from rlvr_utils.records.files import append_rows
from rlvr_utils.records.run import run_name
from rlvr_utils.runs import pool as schedule
from rlvr_utils.study import reproduce
from rlvr_utils.study.study import PARAMETERS, open_study

pytestmark = pytest.mark.slow

SUBJECTS = ("Algebra", "Counting & Probability", "Geometry", "Intermediate Algebra", "Number Theory", "Prealgebra",
            "Precalculus")
NOTEBOOKS = sorted(reproduce.NOTEBOOKS.glob("0[0-5]_*.ipynb"))
KEPT = range(20, 201, 20)  # the steps whose policies the made-up runs have evaluated
MACHINE = "made-up accelerator"
# What each notebook writes: figures, then tables.
WRITTEN = {
    "00": (["headline"], []),
    "01": (["base_by_subject"], ["graders", "sampled", "table8_base"]),
    "02": (["figure13_format", "figure1_comparison", "loop", "table3_subjects", "training_curves"],
           ["last_and_best", "solved_once", "table3", "table8"]),
    "03": (["entropy_terms", "figure12_entropy_only"], ["table5"]),
    "04": (["table1_arc"], ["table1", "table1_likelihood"]),
    "05": (["figure16_signal", "figure2_saturation", "figure3_own_outputs", "figure4_reflection", "published_curves"],
           ["after_saturation"]),
}
SHOWN: dict[tuple, str] = {}  # by notebook, profile and folder
LABEL_COLUMNS = ["arm", "benchmark", "quantity", "subject", "published_set"]


def evaluation(benchmark, step: int, rng: random.Random, noise: float) -> dict:
    """A record with made-up numbers, all above any that the paper has."""
    row = {"step": step, "benchmark": benchmark.name, "problems": 40, "samples": benchmark.samples}
    share = rng.uniform(0.95, 0.98) + noise
    if benchmark.scoring == "likelihood":
        return {**row, "scoring": "likelihood", "accuracy": {"acc": share, "acc_norm": share - 0.01}}
    subjects = SUBJECTS if benchmark.name == "MATH500" else ()
    return {**row, "accuracy": {"qwen-eval": share, "math-verify": share - 0.01}, "solved_once": share + 0.01,
            "timeouts": {"qwen-eval": 0, "math-verify": 1}, "boxed": 0.9, "length": 700.0, "truncated": 0.1,
            "reflection": {"rethink": 1, "recheck": 2, "recalculate": 0}, "reflecting": 3, "openings": {"We see.": 40},
            "by_subject": {subject: {"n": 40, "accuracy": rng.uniform(0.95, 0.98) + noise} for subject in subjects}}


def fabricate(config, results: Path) -> None:
    """A finished run of this configuration."""
    rng, folder = random.Random(config.arm), results / "runs" / run_name(config)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"config": to_fields(config), "hash": training_identity(config)}))
    (folder / "provenance.json").write_text(json.dumps({
        "wall_seconds": 3600.0, "seed": config.seed, "hardware": {"cpu": "", "cores": 1, "gpus": [MACHINE]}}))
    steps = list(KEPT) if config.steps else [0]
    append_rows(folder / "evaluations.jsonl", [{**evaluation(benchmark, step, rng, config.seed / 5000),
                                                **evaluation_identity(config, benchmark)}
                                               for step in steps for benchmark in config.benchmarks])
    append_rows(folder / "responses.jsonl", [
        {"step": step, "benchmark": benchmark.name, "id": "0", "question": "1 + 1?", "answer": "2", "subject": None,
         "response": "So \\boxed{2}.", "qwen-eval": verdict, "math-verify": verdict,
         **evaluation_identity(config, benchmark)}
        for step in steps for benchmark in config.benchmarks if benchmark.scoring == "generation"
        for verdict in ("right", "wrong")])
    if config.steps:
        names = ("outcome", "format", "loss", "policy_loss", "grad_norm", "entropy", "kl", "response_length",
                 "zero_std_groups", "reflecting")
        append_rows(folder / "metrics.jsonl", [{"step": step, **dict.fromkeys(names, 0.99)} for step in range(1, 201)])
        append_rows(folder / "samples.jsonl", [{"step": step, "row": "124", "answer": "2", "response": "two",
                                                "outcome": 1.0} for step in steps])
        append_rows(folder / "history.jsonl", [{"step": 1, "rows": ["124"], "accuracies": [0.5]}])
        append_rows(folder / "timings.jsonl", [{"step": 1, "seconds": 1.0}])


def public_rows(name: str) -> list[dict]:
    """A few rows in the columns of the public set."""
    if "dsr_sub" in name:
        return [{"prompt": [{"role": "user", "content": f"What is {i} + 1? {SUFFIX}"}],
                 "reward_model": {"ground_truth": str(i + 1)}, "extra_info": {"index": i}} for i in (124, 682)]
    if "ARC" in name:
        return [{"id": "a", "question": "What is wet?", "answerKey": "A", "choices": {"text": ["water", "sand"],
                                                                                      "label": ["A", "B"]}}]
    return [{"problem": f"What is {i} + 1?", "answer": str(i + 1), "subject": "Algebra"} for i in range(8)]


def run_cells(path: Path, parameters: dict, capsys) -> str:
    """Run the notebook's code in one namespace; everything that it shows as text."""
    space, shown = {}, []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        body = ast.parse(cell.source).body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), path.name, "exec"), space)
        if "parameters" in cell.metadata.get("tags", []):
            space.update(parameters)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), path.name, "eval"), space)
            whole = value.to_string() if isinstance(value, pd.DataFrame) else getattr(value, "data", value)
            shown.append(str(whole))
    return "\n".join(shown) + capsys.readouterr().out


def refuse(what: str):
    """A function that fails the test: nothing is to be trained or loaded."""
    def never(*_, **__):
        raise AssertionError(f"a notebook asked for {what}")
    return never


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """Made-up public data, no training, no weights, no window."""
    matplotlib.use("Agg")
    monkeypatch.setattr(problems, "public_rows", public_rows)
    monkeypatch.setattr(schedule, "_start", refuse("a training"))
    monkeypatch.setattr(models, "load_policy", refuse("a model's weights"))
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A results folder of a profile with made-up runs of every arm that the notebooks name."""
    made = {}

    def folder(profile: str) -> Path:
        if profile not in made:
            made[profile] = tmp_path_factory.mktemp(profile)
            arms = dict.fromkeys(arm for path in NOTEBOOKS for arm in reproduce.declared_arms(path))
            for arm in arms:
                for seed in (0, 1):
                    fabricate(with_arm(load_profile(profile), arm, seed), made[profile])
        return made[profile]
    return folder


def shown(number: str, profile: str, folder: Path, capsys, **parameters) -> str:
    """What a notebook shows for a profile; any warning fails. Run once if several tests ask for the same."""
    if (number, profile, folder) in SHOWN and not parameters:
        return SHOWN[number, profile, folder]
    path = next(path for path in NOTEBOOKS if path.stem.startswith(number))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = run_cells(path, {"profile": profile, "seeds": [0, 1], "results_dir": str(folder), **parameters}, capsys)
    return text if parameters else SHOWN.setdefault((number, profile, folder), text)


def after_figures(path: Path) -> list[str]:
    """For each cell that draws from records, the cell that follows it."""
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells]
    return [after for cell, after in zip(cells, cells[1:]) if "drawings." in cell and "drawings.loop" not in cell]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_figure_is_followed_by_what_is_seen_in_it(path):
    assert after_figures(path) and all(after == "Markdown(seen)" for after in after_figures(path))


def check_numbers(table: pd.DataFrame) -> None:
    """A saved table holds labels and numbers, no text made of numbers, and an interval around every mean."""
    numbers = table.drop(columns=LABEL_COLUMNS, errors="ignore")
    assert len(table) and all(dtype.kind in "if" for dtype in numbers.dtypes), numbers.dtypes
    if "mean" in table:
        assert set(table["n"]) == {2} and (table["low"] <= table["mean"]).all()
        assert (table["mean"] <= table["high"]).all()


@pytest.mark.parametrize("number", WRITTEN)
@pytest.mark.parametrize("profile", ["qwen2.5-math-1.5b", "qwen2.5-math-7b", "deepseek-r1-distill-qwen-1.5b"])
def test_a_notebook_shows_the_profile_that_was_run(number, profile, results, capsys):
    folder = results(profile)
    text = shown(number, profile, folder, capsys)
    assert "pocket" not in text.lower() and "P-MATH500" not in text and "P-ARC" not in text
    assert f"profile {profile}" in text and "2 seeds" in text
    assert load_profile(profile).model.rsplit("/", 1)[-1] in text
    figures, tables = WRITTEN[number]
    if number == "04" and profile.startswith("deepseek"):
        assert f"nothing, as profile {profile} has no ARC benchmarks" in text
        figures, tables = [], []
    for name in figures:
        assert all((folder / "figures" / f"{name}.{kind}").stat().st_size > 5000 for kind in ("png", "svg"))
    for name in tables:
        check_numbers(pd.read_csv(folder / "tables" / f"{name}.csv"))


def test_without_arc_notebook_04_writes_nothing(results, capsys):
    folder = results("deepseek-r1-distill-qwen-1.5b")
    shown("04", "deepseek-r1-distill-qwen-1.5b", folder, capsys)
    assert not list(folder.glob("*/table1*"))


def test_likelihood_and_generation_stand_side_by_side(results, capsys):
    text = shown("04", "qwen2.5-math-1.5b", results("qwen2.5-math-1.5b"), capsys)
    for column in ("ARC-E likelihood acc ", "ARC-C likelihood acc_norm", "published ARC-E", "55.8"):
        assert column in text


@pytest.mark.parametrize(("number", "profile", "there", "not_there"), [
    ("02", "qwen2.5-math-1.5b", ["72.8", "(Table 8)", "88.7", "(Table 3)"], ["not published"]),
    ("02", "qwen2.5-math-7b", ["79.2", "(Table 4)", "of Table 3: not published for this model"], ["72.8", "88.7"]),
    ("02", "deepseek-r1-distill-qwen-1.5b", ["83.9", "AIME24 pass@64"], ["72.8", "(Table 8)"]),
    ("03", "qwen2.5-math-1.5b", ["63.4", "73.6"], ["not published"]),
    ("03", "qwen2.5-math-7b", ["57.2", "51.0", "(Tables 6, 4)"], ["63.4", "73.6"]),
    ("04", "qwen2.5-math-7b", ["of Table 1: not published for this model"], ["55.8", "48.0"]),
    ("00", "qwen2.5-math-7b", ["79.2", "(Table 4)"], ["72.8"])])
def test_published_numbers_are_those_of_the_model_that_was_run(number, profile, there, not_there, results, capsys):
    text = shown(number, profile, results(profile), capsys)
    assert all(part in text for part in there), [part for part in there if part not in text]
    assert not [part for part in not_there if part in text]


def test_subjects_solved_once_and_the_machine_of_the_runs_are_shown(results, capsys):
    text = shown("02", "qwen2.5-math-1.5b", results("qwen2.5-math-1.5b"), capsys)
    assert "AMC23 pass@8" in text and "Counting & Probability" in text and MACHINE in text
    assert "[Algebra]" in text  # of pi_1: the authors' file does not say it, Table 3 does
    text = shown("01", "qwen2.5-math-1.5b", results("qwen2.5-math-1.5b"), capsys)
    assert "pass@8" in text and "1,543.71 million parameters" in text


@pytest.mark.parametrize(("number", "arms"), [("03", 1), ("05", 2)])
def test_of_many_kept_steps_six_are_read(number, arms, results, capsys):
    text = shown(number, "qwen2.5-math-1.5b", results("qwen2.5-math-1.5b"), capsys)
    lines = [line for line in text.splitlines() if line.startswith("step ") and "two" in line]
    assert len(lines) == 6 * arms and lines[0].startswith("step  20") and lines[-1].startswith("step 200")


@pytest.mark.parametrize("number", ["02", "03", "04", "05"])
def test_arms_may_be_left_out(number, results, capsys):
    arm = "entropy-only" if number == "03" else "full-set"
    text = shown(number, "qwen2.5-math-1.5b", results("qwen2.5-math-1.5b"), capsys, arms=[arm])
    assert "profile qwen2.5-math-1.5b" in text


@pytest.mark.parametrize("number", ["01", "02", "04"])
def test_records_are_read_where_the_public_data_cannot_be_had(number, results, tmp_path, capsys, monkeypatch):
    def missing(name: str):
        raise UserError(f"{name}: not in /private/data, no network")
    monkeypatch.setenv("RLVR_DATA", "/private/data")
    monkeypatch.setattr(problems, "public_rows", missing)
    folder = shutil.copytree(results("qwen2.5-math-1.5b"), tmp_path / "results")  # not as it was shown with data
    text = shown(number, "qwen2.5-math-1.5b", folder, capsys)
    lines = [line for line in text.splitlines() if "are not shown: public:" in line]
    assert lines and len(set(lines)) == len(lines) and "2 seeds" in text and "/private" not in text


def test_a_file_of_ones_own_has_to_be_there():
    study = open_study("qwen2.5-math-1.5b", [0], eval_files=["nowhere.jsonl"])
    with pytest.raises(UserError, match="nowhere.jsonl: no such file"):
        study.questions()


@pytest.mark.parametrize("profile", ["qwen2.5-math-1.5b", "deepseek-r1-distill-qwen-1.5b"])
def test_the_ledger_of_a_profile_has_every_claim(profile, results):
    """Without ARC sets there is nothing to say about transfer."""
    rows = {row["id"]: row for row in reproduce.write_claims(open_study(profile, [0, 1], str(results(profile))))}
    assert len(rows) == 12 and rows["C01"]["verdict"] != "not measured"
    assert (rows["C06"]["verdict"] == "not measured") == profile.startswith("deepseek")


@pytest.mark.parametrize("problems", [1, 2])
def test_a_training_file_of_ones_own_is_reproduced_to_the_ledger(problems, tmp_path, monkeypatch, capsys):
    """One problem, or two without subjects: what cannot be compared is not measured, and nothing dies."""
    rows = [{"question": f"{i} + 1?", "answer": str(i + 1)} for i in range(problems)]
    file = write_lines(tmp_path / "mine.jsonl", rows)
    study = open_study("pocket", [0, 1], str(tmp_path / "results"), train_file=str(file), eval_files=str(file))
    for config in reproduce.wanted(study, NOTEBOOKS):
        fabricate(config, study.results)
    monkeypatch.setattr(reproduce, "execute", lambda *_: None)
    reproduce.reproduce(study)
    claims = {row["id"]: row for row in json.loads((study.results / "claims.json").read_text())}
    assert len(claims) == 12 and "not measured" in capsys.readouterr().out
    assert claims["C05"]["verdict"] == "not measured" and claims["C05"]["reason"]
    assert ("one-shot-13" in claims["C01"].get("reason", "")) == (problems == 1)
    for number in ("02",) if problems == 1 else ("02", "04", "05"):
        shown(number, "pocket", study.results, capsys, train_file=str(file), eval_files=str(file))


def test_the_common_parameters_stay_put():
    assert PARAMETERS == ("profile", "seeds", "results_dir", "model", "train_file", "eval_files", "max_steps",
                          "settings", "arms")


def test_prose_names_the_pocket_profile_only_as_a_run_time():
    """Sentences that hold for one profile stand beside it; `rlvr_utils.study.caveats` knows what was run."""
    for path in NOTEBOOKS[1:]:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown" and "pocket" in cell.source:
                assert "*Run time:*" in cell.source and cell.source.count("pocket") == 1, (path.stem, cell.source)
