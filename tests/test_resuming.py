"""Runs that are killed, held by another process, or damaged on disk end as if nothing had happened."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from conftest import line_of

from rlvr_utils.errors import UserError, shown
from rlvr_utils.profiles import to_fields
from rlvr_utils.records import append_rows, drop_rows_after, read_rows
from rlvr_utils.runs import JSON_LINES, discard, find, held, obtain, run_name, whole_checkpoint

RECORDS = sorted({*JSON_LINES} - {"timings.jsonl"})
# Where the process dies, and the step that the run goes on from: a checkpoint every second step.
DEATHS = {"before any checkpoint": None, "after the row of step 3": 2, "with a row half written": 4,
          "with a checkpoint half written": 2, "before the weights are saved": 6,
          "before the provenance": None, "before the run has its name": None}
# Imports once, then forks for every death: the child trains and kills itself with signal 9.
EXECUTIONER = r'''
import json, os, sys
from pathlib import Path
import rlvr_utils.training
from rlvr_utils import runs
from rlvr_utils.profiles import from_fields
from rlvr_utils.recording import Recorder

def die():
    os.kill(os.getpid(), 9)

def at_row(step, act):
    original = Recorder.on_log
    def on_log(self, args, state, control, **rest):
        original(self, args, state, control, **rest)
        if state.global_step == step * self.config.updates_per_rollout:
            act(self)
    Recorder.on_log = on_log

def half_row(recorder):
    for name in ("metrics", "evaluations", "responses"):
        with (recorder.folder / f"{name}.jsonl").open("a") as stream:
            stream.write('{"step": 5, "outco')
    die()

def half_checkpoint():
    original = Recorder.on_save
    def on_save(self, args, state, control, **rest):
        if state.global_step == 4 * self.config.updates_per_rollout:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            (folder / "model.safetensors").write_bytes(b"cut short")
            die()
        original(self, args, state, control, **rest)
    Recorder.on_save = on_save

def before_weights():
    runs._save_weights = lambda *_: die()

def before_provenance():
    original = runs._write_json
    runs._write_json = lambda path, data: die() if path.name == "provenance.json" else original(path, data)

def before_name():
    Path.rename = lambda *_: die()

PLANS = {"before any checkpoint": lambda: at_row(1, lambda _: die()),
         "after the row of step 3": lambda: at_row(3, lambda _: die()),
         "with a row half written": lambda: at_row(5, half_row),
         "with a checkpoint half written": half_checkpoint,
         "before the weights are saved": before_weights, "before the provenance": before_provenance,
         "before the run has its name": before_name}
results, signals = Path(sys.argv[1]), {}
for variant, names in json.loads(sys.argv[2]).items():
    config = from_fields(json.loads((results / f"{variant}.json").read_text()), variant)
    for name in names:
        child = os.fork()
        if child == 0:
            PLANS[name]()
            runs.obtain(config, results / variant / name)
            os._exit(0)
        signals[f"{variant} {name}"] = os.WTERMSIG(os.waitpid(child, 0)[1])
(results / "signals.json").write_text(json.dumps(signals))
'''


@pytest.fixture(scope="module")
def variants(tiny_config):
    six_steps = tiny_config.changed(steps=6, save_every=2, eval_every=2)
    return {"plain": six_steps, "two updates": six_steps.changed(updates_per_rollout=2, micro_batch=4)}


@pytest.fixture(scope="module")
def killed(variants, tmp_path_factory):
    """A folder in which every variant was killed at every place."""
    results = tmp_path_factory.mktemp("killed")
    plan = {"plain": list(DEATHS), "two updates": ["after the row of step 3"]}
    for name, config in variants.items():
        (results / f"{name}.json").write_text(json.dumps(to_fields(config)))
    subprocess.run([sys.executable, "-c", EXECUTIONER, str(results), json.dumps(plan)], check=True,
                   capture_output=True)
    signals = json.loads((results / "signals.json").read_text())
    assert set(signals.values()) == {signal.SIGKILL} and len(signals) == len(DEATHS) + 1
    return results


@pytest.fixture(scope="module")
def whole(variants, tmp_path_factory):
    """Every variant, trained without interruption."""
    return {name: obtain(config, tmp_path_factory.mktemp("whole")) for name, config in variants.items()}


@pytest.mark.parametrize(("variant", "death"), [
    *(("plain", death) for death in DEATHS), ("two updates", "after the row of step 3")])
def test_a_killed_run_ends_as_if_it_had_not_been(variants, killed, whole, variant, death):
    results = killed / variant / death
    assert find(variants[variant], results) is None  # nothing unfinished bears a run's name
    run, other = obtain(variants[variant], results), whole[variant]
    assert run.provenance["weights_sha256"] == other.provenance["weights_sha256"]
    for name in RECORDS:
        assert (run.folder / name).read_bytes() == (other.folder / name).read_bytes(), name
    assert [row["step"] for row in run.rows("timings")] == [1, 2, 3, 4, 5, 6]
    assert run.provenance["resumed_from"] == DEATHS[death]
    assert [path.name for path in (results / "runs").iterdir()] == [run.folder.name]


def test_rows_after_the_checkpoint_and_torn_lines_are_dropped(tmp_path):
    path = tmp_path / "metrics.jsonl"
    append_rows(path, [{"step": step, "text": "a\u2028b\n"} for step in (1, 1, 2, 3)])
    with path.open("a") as stream:
        stream.write('{"step": 1, "te')
    drop_rows_after(path, 2)
    assert [row["step"] for row in read_rows(path)] == [1, 1, 2]
    drop_rows_after(path, -1)
    assert read_rows(path) == [] and os.listdir(tmp_path) == ["metrics.jsonl"]
    drop_rows_after(tmp_path / "never", 0)
    assert read_rows(tmp_path / "never") == []


def test_the_latest_whole_checkpoint_counts_by_number(tmp_path):
    assert whole_checkpoint(tmp_path) is None
    for step, whole in ((2, True), (8, True), (10, True), (12, False)):
        folder = tmp_path / "checkpoints" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        if whole:
            (folder / "whole").touch()
    assert whole_checkpoint(tmp_path).name == "checkpoint-10"


def test_a_run_that_another_process_holds_is_refused_in_one_line(tiny_config, tmp_path):
    partial = tmp_path / "runs" / f"{run_name(tiny_config)}.partial"
    partial.mkdir(parents=True)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(to_fields(tiny_config)))
    with held(partial):
        done = subprocess.run([sys.executable, "-m", "rlvr_utils", "train", "--config", str(config),
                               "--results", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 2
    line, = done.stderr.splitlines()
    assert line.startswith("rlvr_utils: ") and f"by process {os.getpid()};" in line and partial.stem in line
    assert os.listdir(partial) == ["lock"]  # nothing of the holder's was touched


@pytest.mark.parametrize("damage", [
    b'{"step": 2', b"\xff\xfe", b"\0" * 20, b"[" * 100_000, b"3", b"9" * 5000, b"", b"{}", b'{"step": "2"}'], ids=shown)
def test_a_damaged_record_is_one_line_unless_it_may_be_cut_short(tmp_path, damage):
    path = tmp_path / "metrics.jsonl"
    append_rows(path, [{"step": 1}])
    path.write_bytes(path.read_bytes() + damage + b"\n")
    assert line_of(read_rows, path).startswith(f"{path}: line 2 is no record")
    assert read_rows(path, partial=True) == [{"step": 1}]
    drop_rows_after(path, 1)
    assert read_rows(path) == [{"step": 1}]


def test_a_lock_goes_with_its_process(tmp_path):
    holder = ("import os, sys; from pathlib import Path; from rlvr_utils.runs import held\n"
              "with held(Path(sys.argv[1])): os.kill(os.getpid(), 9)")
    assert subprocess.run([sys.executable, "-c", holder, str(tmp_path)]).returncode == -signal.SIGKILL
    with held(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())
        with pytest.raises(UserError, match=f"process {os.getpid()}"), held(tmp_path):
            pass


def test_a_discarded_run_is_trained_anew(tiny_config, tmp_path):
    config = tiny_config.changed(steps=1)
    first = obtain(config, tmp_path)
    marker = first.folder / "marker"
    marker.touch()
    discard(config, tmp_path)
    assert find(config, tmp_path) is None
    again = obtain(config, tmp_path)
    assert not marker.exists() and len(again.rows("metrics")) == 1
    discard(config.changed(seed=9), tmp_path)  # what is not there is no error
    assert find(config, tmp_path) == again


def test_results_that_cannot_be_written_are_one_line(tiny_config, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write results to .*; choose another") as caught:
        obtain(tiny_config, tmp_path / "file")
    assert "\n" not in str(caught.value)
