"""Runs as processes of their own: started, followed, evaluated, launched on several processes."""
from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from rlvr_utils.errors import UserError
from rlvr_utils.evaluation.kept_policies import evaluate_run, missing_evaluations
from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import to_fields
from rlvr_utils.records.locks import lock_holder
from rlvr_utils.records.run import find, kept_steps, lock_file, lock_run, partial_folder
from rlvr_utils.runs import pool as schedule
from rlvr_utils.runs.obtain import obtain
from rlvr_utils.runs.pool import Follower, obtain_all

LAUNCH = Path(__file__).resolve().parents[2] / "launch"


@pytest.mark.slow
def test_runs_are_trained_and_their_kept_policies_evaluated(tiny_config, tmp_path):
    config = with_arm(tiny_config, "one-shot", 0).changed(eval_every=0, save_every=3, keep_every=3)
    run, = obtain_all([config], tmp_path)
    assert kept_steps(run) == [3] and [row["step"] for row in run.rows("evaluations")] == [3, 3]
    assert not {"evaluation.txt", "log.txt", "request.json"} & {path.name for path in run.folder.iterdir()}
    assert list(run.folder.parent.iterdir()) == [run.folder]


@pytest.mark.slow
def test_a_run_that_somebody_else_trains_is_followed(tiny_config, tmp_path):
    """As after the restart of a notebook's kernel: the process that trains has outlived it."""
    config = with_arm(tiny_config, "one-shot", 0).changed(steps=120, save_every=120, eval_every=120)
    folder = partial_folder(config, tmp_path)
    started = schedule._start(config, tmp_path)
    while not lock_holder(lock_file(folder)):
        assert started.poll() is None
        time.sleep(0.1)
    assert isinstance(schedule._start(config, tmp_path), Follower)
    assert lock_holder(lock_file(folder)) == str(started.pid)
    run, = obtain_all([config], tmp_path)
    assert started.wait(timeout=60) == 0 and run.provenance["resumed_from"] is None


@pytest.mark.slow
@pytest.mark.parametrize("kept", [0, 3])
def test_a_process_that_comes_second_is_no_failure(tiny_config, tmp_path, monkeypatch, kept):
    """Somebody else has taken the run, or its kept policies, while this one's process was starting."""
    config = with_arm(tiny_config, "one-shot", 0).changed(eval_every=0, save_every=3, keep_every=kept)
    elsewhere = obtain(config, tmp_path / "elsewhere")
    folder = partial_folder(config, tmp_path)
    if kept:
        folder.rmdir()
        folder = shutil.copytree(elsewhere.folder, tmp_path / "runs" / elsewhere.folder.name)
    taken = ExitStack()

    def comes_second(command, log, threads):
        taken.enter_context(lock_run(folder))
        threading.Timer(1, finish).start()
        return subprocess.Popen([sys.executable, "-c", "import sys; sys.exit(2)"])

    def finish():
        evaluate_run(elsewhere)
        shutil.copytree(elsewhere.folder, tmp_path / "runs" / elsewhere.folder.name, dirs_exist_ok=True)
        shutil.rmtree(partial_folder(config, tmp_path))
        taken.close()

    monkeypatch.setattr(schedule, "_process", comes_second)
    run, = obtain_all([config], tmp_path)
    assert run.folder.parent == tmp_path / "runs" and missing_evaluations(run) == []
    assert list(run.folder.parent.iterdir()) == [run.folder]


def test_a_process_that_could_not_say_why_it_failed(tiny_config, tmp_path, monkeypatch):
    """As on a disk so full that its log had no room for the line."""
    monkeypatch.setattr(schedule, "_process", lambda command, log, threads: subprocess.Popen(["false"]))
    with pytest.raises(UserError, match=r"ended with exit code 1: no output, \d+ MiB free on the disk \(whole log: "):
        obtain_all([tiny_config], tmp_path)


def test_all_processes_are_told_to_end_before_one_is_waited_for(tiny_config, tmp_path, monkeypatch):
    told = []

    class Running:
        def poll(self):
            raise KeyboardInterrupt

        def terminate(self):
            told.append("end")

        def wait(self):
            told.append("wait")

    monkeypatch.setattr(schedule, "_process", lambda *_: Running())
    monkeypatch.setattr(schedule, "parallel", lambda _: 3)
    with pytest.raises(KeyboardInterrupt):
        obtain_all([tiny_config.changed(seed=seed) for seed in range(3)], tmp_path)
    assert told == ["end"] * 3 + ["wait"] * 3


@pytest.mark.slow
def test_a_run_whose_process_dies_is_taken_over(tiny_config, tmp_path):
    config = with_arm(tiny_config, "one-shot", 0).changed(steps=400, save_every=2, eval_every=400)
    started = schedule._start(config, tmp_path)
    folder = partial_folder(config, tmp_path)
    while not list(folder.glob("checkpoints/*/whole")):
        assert started.poll() is None
        time.sleep(0.1)
    follower = schedule._start(config, tmp_path)
    os.kill(started.pid, signal.SIGKILL)
    started.wait()
    assert follower.poll() == 0 and find(config, tmp_path) is None and lock_holder(lock_file(folder)) is None


@pytest.mark.slow
def test_a_run_that_fails_is_named_with_the_last_line_of_its_log(tiny_config, tmp_path):
    with pytest.raises(UserError, match="ended with exit code 2: .*no such file") as caught:
        obtain_all([tiny_config.changed(pool="nowhere.jsonl")], tmp_path)
    assert "\n" not in str(caught.value)


def test_what_a_launcher_adds_below_our_line_is_not_quoted(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("loading\nrlvr_utils: no such file\nTraceback\n=======\n")
    assert schedule._last_line(log) == "no such file"
    log.write_text("loading\nKilled\n")
    assert schedule._last_line(log) == "Killed"


def test_the_launcher_is_plain_python_or_accelerate_with_the_file_that_is_named(monkeypatch):
    assert schedule._launcher() == [sys.executable, "-m", "rlvr_utils"]
    monkeypatch.setenv("RLVR_LAUNCH", "launch/eight-gpus-ddp.yaml")
    assert schedule._launcher()[1:] == ["-m", "accelerate.commands.launch", "--config_file",
                                        "launch/eight-gpus-ddp.yaml", "-m", "rlvr_utils"]


@pytest.mark.slow
def test_two_processes_train_one_run_on_responses_of_their_own(tiny_config, tmp_path):
    """Data parallel on the CPU: the same code as on eight GPUs, with gloo in place of NCCL. `test_processes.py` stops
    and resumes such runs."""
    config = with_arm(tiny_config, "one-shot", 0).changed(
        prompts_per_step=4, micro_batch=8, eval_every=0, save_every=1, keep_every=3, share_prompts=False,
        micro_batch_tokens=200, reward="random")

    (tmp_path / "config.json").write_text(json.dumps(to_fields(config)))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m",
               "rlvr_utils", "train", "--config", str(tmp_path / "config.json"), "--results", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300,
                          env={**os.environ, "ACCELERATE_USE_CPU": "true"})
    assert done.returncode == 0, done.stderr
    run = find(config, tmp_path)
    assert [row["step"] for row in run.rows("metrics")] == [1, 2, 3]
    assert all(len(row["rows"]) == len(row["accuracies"]) == 4 for row in run.rows("history"))
    assert kept_steps(run) == [3] and (run.folder / "weights" / "model.safetensors").exists()


def test_several_processes_cannot_evaluate_inside_the_training(tiny_config, monkeypatch):
    from rlvr_utils.training.checks import micro_steps
    from rlvr_utils.training.setup import prepare

    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="eval_every=2: .*keep_every"):
        prepare(tiny_config.changed(micro_batch=4), None)
    with pytest.raises(UserError, match="prompts_per_step=2 .*3 processes"):
        micro_steps(tiny_config, 3)
    assert micro_steps(tiny_config.changed(micro_batch=2), 2) == 2
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UserError, match="sharded.*set engine to vllm"):
        prepare(tiny_config.changed(micro_batch=4, eval_every=0), None)


@pytest.mark.parametrize("path", sorted(LAUNCH.glob("*.yaml")), ids=lambda path: path.stem)
def test_accelerate_reads_the_shipped_configurations(path):
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.commands.launch import launch_command_parser

    read, fields = load_config_from_file(str(path)), yaml.safe_load(path.read_text())
    assert (read.num_processes, str(read.mixed_precision)) == (fields["num_processes"], "bf16")
    assert path.read_text().startswith("# ")
    options = {action.dest for action in launch_command_parser()._actions}
    given = {**fields.get("deepspeed_config", {}), **fields.get("fsdp_config", {})}
    assert set(given) <= options
    assert (given.get("offload_optimizer_device") == "cpu") == ("24gb" in path.stem)
