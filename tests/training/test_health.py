"""Trouble in training: what ends a run, with what it leaves behind, and what the records are read for."""
from __future__ import annotations

import json
import math
import re
from types import SimpleNamespace

import pytest
from conftest import ROOT

from rlvr_utils.cli import main
from rlvr_utils.errors import UserError
from rlvr_utils.models.loading import load_policy
from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import to_fields
from rlvr_utils.records.files import read_rows
from rlvr_utils.records.run import Run, find, partial_folder, run_name
from rlvr_utils.runs.obtain import latest_complete_checkpoint, obtain
from rlvr_utils.study.study import Study
from rlvr_utils.training.health import diverged_value, findings, report
from rlvr_utils.training.recorder import METRICS, Recorder
from rlvr_utils.training.trainer import OneShotTrainer

COMMITTED = [Run(path.parent) for path in sorted((ROOT / "results").glob("*/runs/*/provenance.json"))]
# What goes wrong in the loss of one step, and what is seen of it first.
PLANTED = {"no number": (lambda loss: loss * math.nan, "loss is nan"),
           "a loss far away": (lambda loss: loss * 0 + 150, "loss is 150"),
           "a gradient without end": (lambda loss: loss + (loss - loss.detach()).sqrt(), "grad_norm is (nan|inf)")}
RECORDS = ("metrics", "history", "timings", "evaluations", "responses", "samples")


# ---- what ends a run ---------------------------------------------------------------------------

@pytest.fixture(scope="module")
def config(tiny_config):
    """Checkpoints and evaluations at every step; nothing moves at the first."""
    return tiny_config.changed(save_every=1, eval_every=1, idle_first_step=True)


@pytest.fixture(scope="module")
def undisturbed(config, tmp_path_factory):
    return obtain(config, tmp_path_factory.mktemp("undisturbed"))


def stopped(config, results) -> str:
    """Train until the run is stopped; the line that says so."""
    with pytest.raises(UserError) as caught:
        obtain(config, results)
    assert "\n" not in str(caught.value) and find(config, results) is None
    return str(caught.value)


def left(folder) -> dict[str, list[int]]:
    """The steps of each kind of record."""
    return {name: sorted({row["step"] for row in read_rows(folder / f"{name}.jsonl")}) for name in RECORDS}


@pytest.mark.slow
@pytest.mark.parametrize("what", PLANTED)
def test_a_step_gone_wrong_ends_the_run_before_anything_of_it_is_kept(what, config, undisturbed, tmp_path, monkeypatch):
    plant, seen = PLANTED[what]
    original = OneShotTrainer._compute_loss

    def spoiled(self, model, inputs):
        loss = original(self, model, inputs)
        return plant(loss) if self.state.global_step == 2 else loss

    monkeypatch.setattr(OneShotTrainer, "_compute_loss", spoiled)
    line, folder = stopped(config, tmp_path), partial_folder(config, tmp_path)
    checkpoint = folder / "checkpoints" / "checkpoint-2"
    assert latest_complete_checkpoint(folder) == checkpoint
    assert re.match(rf"run {run_name(config)} was stopped at step 3: {seen}; lower learning_rate \(now 0.001\); ", line)
    assert f"{checkpoint}, is of step 2" in line
    assert left(folder) == dict.fromkeys(RECORDS, [1, 2])
    monkeypatch.undo()  # where the trouble was the machine's, the same command ends as if there had been none
    run = obtain(config, tmp_path)
    assert run.provenance["resumed_from"] == 2
    assert run.provenance["weights_sha256"] == undisturbed.provenance["weights_sha256"]
    assert run.rows("metrics") == undisturbed.rows("metrics")


@pytest.mark.slow
def test_a_policy_that_an_update_has_wrecked_is_neither_saved_nor_evaluated_nor_sampled(config, tmp_path):
    """The loss was computed before the update; the next rollouts would end in a traceback."""
    wild = config.changed(learning_rate=1e10)
    line, folder = stopped(wild, tmp_path), partial_folder(wild, tmp_path)
    assert "step 2: the largest logit after the update is nan; lower learning_rate (now 1e+10); " in line
    assert left(folder) == dict.fromkeys(RECORDS, [1])
    model, _ = load_policy(str(latest_complete_checkpoint(folder)))
    assert latest_complete_checkpoint(folder).name == "checkpoint-1"
    assert all(part.isfinite().all() for part in model.parameters())
    before = {name: (folder / f"{name}.jsonl").read_bytes() for name in RECORDS}
    assert stopped(wild, tmp_path) == line  # resumed
    assert {name: (folder / f"{name}.jsonl").read_bytes() for name in RECORDS} == before


def test_a_run_that_diverges_by_its_learning_rate_is_one_line_on_the_command_line(config, tmp_path, capsys):
    wild = config.changed(learning_rate=1e9, idle_first_step=False)
    (tmp_path / "wild.json").write_text(json.dumps(to_fields(wild)))
    assert main(["train", "--quiet", "--config", str(tmp_path / "wild.json"), "--results", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert err.startswith(f"rlvr_utils: run {run_name(wild)} was stopped at step 1: ")
    assert err.endswith("; it has no checkpoint yet\n")


def test_every_process_stops_and_not_only_the_one_that_writes(config, tmp_path):
    """What is logged is the same in all of them; one that went on would wait for the others for ever."""
    checkpoint = tmp_path / "checkpoints" / "checkpoint-4"  # checkpoints are numbered by updates
    checkpoint.mkdir(parents=True)
    (checkpoint / "whole").touch()
    recorder = Recorder(config.changed(updates_per_rollout=2), tmp_path, None, [])
    logs = {"rewards/outcome/mean": 0.5, "loss": math.nan}
    with pytest.raises(UserError, match="at step 3: loss is nan; .*checkpoint-4, is of step 2;"):
        recorder.on_log(None, SimpleNamespace(global_step=6, is_world_process_zero=False), None, logs=logs)


@pytest.mark.parametrize(("name", "value", "ends"), [
    ("loss", 100.0, False), ("loss", 100.1, True), ("policy_loss", -100.0, False), ("policy_loss", -100.1, True),
    ("grad_norm", 1e30, False), ("entropy", None, False), ("policy_loss", None, False)])
def test_the_limits_of_a_step(name, value, ends):
    line = diverged_value({"step": 7, **dict.fromkeys(METRICS.values(), 0.5), name: value})
    assert line == (f"{name} is {value:.4g}" if ends else None)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_ends_a_run_whatever_it_is_a_value_of(value):
    for name in METRICS.values():
        line = diverged_value({"step": 7, **dict.fromkeys(METRICS.values(), 0.5), name: value})
        assert line and line.startswith(f"{name} is ")


def test_no_step_that_was_ever_recorded_would_have_ended_its_run():
    rows = [row for run in COMMITTED for row in run.rows("metrics")]
    assert len(rows) > 500 and not [row for row in rows if diverged_value(row)]


# ---- what is reported --------------------------------------------------------------------------

def metrics(count: int, **values) -> list[dict]:
    """Rows of so many sound steps; a list of values begins at step 5, anything else holds throughout."""
    rows = [{"step": step, "outcome": 0.5, "format": 0.5, "zero_std_groups": 0.5, "truncated": 0.5, "entropy": 0.5}
            for step in range(1, count + 1)]
    for name, given in values.items():
        if isinstance(given, list):
            for row, value in zip(rows[4:], given):
                row[name] = value
        else:
            rows = [{**row, name: given} for row in rows]
    return rows


LONG, SHORT = [1.0] * 10, [1.0] * 9


@pytest.mark.parametrize(("arm", "rows", "expected"), [
    ("one-shot", metrics(40), []), ("one-shot", [], []), ("one-shot", [{"step": 1}], []),
    ("one-shot", metrics(40, zero_std_groups=LONG),
     ["steps 5 to 14: no reward signal, the rewards were equal within every group"]),
    ("one-shot", metrics(40, zero_std_groups=SHORT), []),
    ("one-shot", metrics(40, zero_std_groups=[*SHORT, 0.99, *SHORT]), []),
    ("one-shot", metrics(40, zero_std_groups=[*SHORT, 0.9, *LONG, 1.0]),
     ["steps 15 to 25: no reward signal, the rewards were equal within every group"]),
    ("entropy-only", metrics(40, zero_std_groups=1.0, outcome=0.0), []),
    ("one-shot", metrics(40, truncated=LONG), ["steps 5 to 14: every response was cut at 8 tokens"]),
    ("one-shot", metrics(40, truncated=SHORT), []), ("one-shot", metrics(40, truncated=0.99), []),
    ("entropy-only", metrics(12, truncated=1.0), ["steps 1 to 12: every response was cut at 8 tokens"]),
    ("one-shot", metrics(3, outcome=0.0), ["steps 1 to 3: no rollout earned the outcome reward"]),
    ("one-shot", metrics(40, outcome=[0.0] * 30), []), ("one-shot", metrics(40, format=0.0), []),
    ("format-reward", metrics(40, format=0.0), ["steps 1 to 40: no rollout earned the format reward"]),
    ("random-reward", metrics(40, outcome=0.0), [])])
def test_what_rows_show(arm, rows, expected, tiny_config):
    assert findings(with_arm(tiny_config, arm, 0), rows) == expected


@pytest.mark.parametrize(("share", "count", "found"), [
    (0.099, 16, True), (0.101, 16, False), (0.099, 15, False)])
def test_entropy_has_collapsed_when_ten_steps_have_a_tenth_of_what_the_first_ten_had(share, count, found, tiny_config):
    """Steps without a value are passed over: 5 of high entropy, which the first mean shares with 5 of low."""
    high, low = 1.0, share * 5 / (10 - 5 * share)
    rows = [{"step": step, "entropy": None if step == 3 else high if step < 7 else low} for step in range(1, count + 1)]
    start = (high + low) / 2
    expected = f"step 16: entropy has collapsed from {start:.3g} to {low:.3g} nats a token, means of 10 steps"
    assert findings(with_arm(tiny_config, "entropy-only", 0), rows) == ([expected] if found else [])


@pytest.mark.slow
def test_a_run_in_trouble_says_so_in_its_summary_and_in_a_notebook(tiny_config, tmp_path, capsys):
    """Two tokens are too few for a box, and the wrong label was out of reach anyway."""
    study = Study(tiny_config.changed(labels={"far": "929725"}, max_response_tokens=2, steps=10, eval_every=100),
                  (0,), tmp_path, {})
    config = with_arm(study.config, "label-far", 0)
    (tmp_path / "far.json").write_text(json.dumps(to_fields(config)))
    assert main(["train", "--config", str(tmp_path / "far.json"), "--results", str(tmp_path)]) == 0
    expected = ["steps 1 to 10: every response was cut at 2 tokens",
                "steps 1 to 10: no reward signal, the rewards were equal within every group",
                "steps 1 to 10: no rollout earned the outcome reward"]
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("problem")] == [
        f"problem in training: {line}" for line in expected]
    obtain(with_arm(study.config, "base", 0), tmp_path)
    study.runs("base", "label-far")
    *lines, count = capsys.readouterr().out.splitlines()
    assert lines == [f"problem in training, {run_name(config)}: {line}" for line in expected]
    assert count == "trained without problems: 0 of 1 runs"
    study.runs("base")
    assert capsys.readouterr().out == ""


def test_every_committed_run_can_be_read():
    """Which pocket runs are named is theirs; the small real model has never earned a reward."""
    trained = [run for run in COMMITTED if run.config.steps]
    assert report(COMMITTED)[-1].endswith(f" of {len(trained)} runs") and len(trained) > 15
    real, = (run for run in trained if run.config.profile == "smollm2-135m")
    assert findings(real.config, real.rows("metrics")) == ["steps 1 to 3: no rollout earned the outcome reward"]
