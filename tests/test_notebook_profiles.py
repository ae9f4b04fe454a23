"""The notebooks on profiles that nobody has run here: made-up records, real cells, no claim about pocket."""
from __future__ import annotations

import ast
import json
import random
import warnings
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest

from rlvr_utils import models, public_data, reproduce
from rlvr_utils.arms import with_arm
from rlvr_utils.profiles import config_hash, load_profile, to_fields
from rlvr_utils.prompts import SUFFIX
from rlvr_utils.records import append_rows
from rlvr_utils.runs import run_name
from rlvr_utils.study import PARAMETERS

SUBJECTS = ("Algebra", "Counting & Probability", "Geometry", "Intermediate Algebra", "Number Theory", "Prealgebra",
            "Precalculus")
NOTEBOOKS = sorted(reproduce.NOTEBOOKS.glob("0[0-5]_*.ipynb"))


def evaluation(benchmark, step: int, rng: random.Random) -> dict:
    """A record with made-up numbers."""
    row = {"step": step, "benchmark": benchmark.name, "problems": 40, "samples": benchmark.samples}
    share = rng.uniform(0.2, 0.8)
    if benchmark.scoring == "likelihood":
        return {**row, "scoring": "likelihood", "accuracy": {"acc": share, "acc_norm": share / 2}}
    subjects = SUBJECTS if benchmark.name == "MATH500" else ()
    return {**row, "accuracy": {"qwen-eval": share, "math-verify": share - 0.1}, "solved_once": share,
            "timeouts": {"qwen-eval": 0, "math-verify": 1}, "boxed": 0.9, "length": 700.0, "truncated": 0.1,
            "reflection": {"rethink": 1, "recheck": 2, "recalculate": 0}, "reflecting": 3,
            "by_subject": {subject: {"n": 40, "accuracy": rng.uniform(0.2, 0.8)} for subject in subjects}}


def fabricate(config, results: Path) -> None:
    """A finished run of this configuration."""
    rng, folder = random.Random(run_name(config)), results / "runs" / run_name(config)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"config": to_fields(config), "hash": config_hash(config)}))
    (folder / "provenance.json").write_text(json.dumps({"wall_seconds": 3600.0, "seed": config.seed}))
    steps = [20, 40] if config.steps else [0]
    append_rows(folder / "evaluations.jsonl", [evaluation(benchmark, step, rng) for step in steps
                                               for benchmark in config.benchmarks])
    append_rows(folder / "responses.jsonl", [
        {"step": step, "benchmark": benchmark.name, "id": "0", "question": "1 + 1?", "answer": "2", "subject": None,
         "response": "So \\boxed{2}.", "qwen-eval": verdict, "math-verify": verdict}
        for step in steps for benchmark in config.benchmarks for verdict in ("right", "wrong")])
    if config.steps:
        names = ("outcome", "format", "loss", "policy_loss", "grad_norm", "entropy", "kl", "response_length")
        append_rows(folder / "metrics.jsonl", [{"step": step, **dict.fromkeys(names, 0.99)} for step in range(1, 41)])
        append_rows(folder / "samples.jsonl", [{"step": step, "answer": "2", "response": "two", "outcome": 1.0}
                                               for step in steps])


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


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("profile", ["qwen2.5-math-1.5b", "qwen2.5-math-7b", "deepseek-r1-distill-qwen-1.5b"])
def test_a_notebook_shows_the_profile_that_was_run(path, profile, results, tiny_model, monkeypatch, capsys):
    matplotlib.use("Agg")
    monkeypatch.setattr(public_data, "public_rows", public_rows)
    loaded = models.load_policy(str(tiny_model))
    monkeypatch.setattr(models, "load_policy", lambda *_, **__: loaded)
    folder = results(profile)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = run_cells(path, {"profile": profile, "seeds": [0, 1], "results_dir": str(folder)}, capsys)
    plt.close("all")
    assert "pocket" not in text.lower() and "P-MATH500" not in text
    assert f"profile {profile}" in text and "2 seeds" in text
    assert load_profile(profile).model.rsplit("/", 1)[-1] in text
    if path.stem.startswith("02") and profile == "qwen2.5-math-7b":
        assert "79.2" in text and "73.6" not in text  # Table 4's rows, not those of the smaller model
    if path.stem.startswith("04"):
        assert ("ARC-E likelihood, acc_norm" in text) == (not profile.startswith("deepseek"))
        assert ("no ARC sets here" in text) == profile.startswith("deepseek")


def test_the_common_parameters_stay_put():
    assert PARAMETERS == ("profile", "seeds", "results_dir", "model", "train_file", "eval_files", "max_steps", "arms")


def test_prose_names_the_pocket_profile_only_as_a_run_time():
    """Sentences that hold for one profile stand in `rlvr_utils.caveats`, which knows what was run."""
    for path in NOTEBOOKS[1:]:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown" and "pocket" in cell.source:
                assert "*Run time:*" in cell.source and cell.source.count("pocket") == 1, (path.stem, cell.source)
