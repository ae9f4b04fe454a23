"""Runs as processes of their own: started, followed, evaluated, launched on several processes."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from rlvr_utils import schedule
from rlvr_utils.arms import with_arm
from rlvr_utils.errors import UserError
from rlvr_utils.profiles import to_fields
from rlvr_utils.runs import find, holder, kept_steps, partial_folder
from rlvr_utils.schedule import Follower, obtain_all

LAUNCH = Path(__file__).resolve().parents[1] / "launch"


def test_runs_are_trained_and_their_kept_policies_evaluated(tiny_config, tmp_path):
    config = with_arm(tiny_config, "one-shot", 0).changed(eval_every=0, save_every=3, keep_every=3)
    run, = obtain_all([config], tmp_path)
    assert kept_steps(run) == [3] and [row["step"] for row in run.rows("evaluations")] == [3, 3]
    assert not {"evaluation.txt", "log.txt", "lock", "request.json"} & {path.name for path in run.folder.iterdir()}


def test_a_run_that_somebody_else_trains_is_followed(tiny_config, tmp_path):
    """As after the restart of a notebook's kernel: the process that trains has outlived it."""
    config = with_arm(tiny_config, "one-shot", 0).changed(steps=30, save_every=30, eval_every=30)
    folder = partial_folder(config, tmp_path)
    started = schedule._start(config, tmp_path)
    while not holder(folder):
        assert started.poll() is None
        time.sleep(0.1)
    assert isinstance(schedule._start(config, tmp_path), Follower) and holder(folder) == str(started.pid)
    run, = obtain_all([config], tmp_path)
    assert started.wait(timeout=60) == 0 and run.provenance["resumed_from"] is None


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
    assert follower.poll() == 0 and find(config, tmp_path) is None and holder(folder) is None


def test_a_run_that_fails_is_named_with_the_last_line_of_its_log(tiny_config, tmp_path):
    with pytest.raises(UserError, match="ended with exit code 2: rlvr_utils: .*no such file") as caught:
        obtain_all([tiny_config.changed(pool="nowhere.jsonl")], tmp_path)
    assert "\n" not in str(caught.value)


def test_the_launcher_is_plain_python_or_accelerate_with_the_file_that_is_named(monkeypatch):
    assert schedule._launcher() == [sys.executable, "-m", "rlvr_utils"]
    monkeypatch.setenv("RLVR_LAUNCH", "launch/eight-gpus-ddp.yaml")
    assert schedule._launcher()[1:] == ["-m", "accelerate.commands.launch", "--config_file",
                                        "launch/eight-gpus-ddp.yaml", "-m", "rlvr_utils"]


def test_two_processes_train_one_run_and_resume_it(tiny_config, tmp_path):
    """Data parallel on the CPU: the same code as on eight GPUs, with gloo in place of NCCL."""
    config = with_arm(tiny_config, "one-shot", 0).changed(
        prompts_per_step=4, micro_batch=8, eval_every=0, save_every=1, keep_every=3, share_prompts=False,
        micro_batch_tokens=200, reward="random")
    (tmp_path / "config.json").write_text(json.dumps(to_fields(config)))
    options = "--cpu --num_processes 2 --num_machines 1 --mixed_precision no --dynamo_backend no --main_process_port 0"
    command = [sys.executable, "-m", "accelerate.commands.launch", *options.split(), "-m", "rlvr_utils", "train",
               "--config", str(tmp_path / "config.json"), "--results", str(tmp_path)]
    for more, finished in ((["--stop-after", "1"], False), ([], True)):
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert bool(find(config, tmp_path)) == finished
    run = find(config, tmp_path)
    assert [row["step"] for row in run.rows("metrics")] == [1, 2, 3] and run.provenance["resumed_from"] == 1
    assert all(len(row["rows"]) == len(row["accuracies"]) == 4 for row in run.rows("history"))
    assert kept_steps(run) == [3] and (run.folder / "weights" / "model.safetensors").exists()


def test_several_processes_cannot_evaluate_inside_the_training(tiny_config, monkeypatch):
    from rlvr_utils.training import micro_steps, prepare

    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="eval_every=2 evaluates inside the training.*keep_every"):
        prepare(tiny_config.changed(micro_batch=4), None)
    with pytest.raises(UserError, match="2 prompts a step do not split over 3 processes"):
        micro_steps(tiny_config, 3)
    assert micro_steps(tiny_config.changed(micro_batch=2), 2) == 2
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UserError, match="cannot write responses with a sharded model; set engine to vllm"):
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
