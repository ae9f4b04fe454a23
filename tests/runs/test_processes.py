"""Runs of two processes on the CPU, with gloo in place of NCCL: they train what one process trains, whether the model
is on each of them or divided by FSDP, stopped or killed."""
from __future__ import annotations

import signal

import pytest
from processes import SHAPES, TORCHRUN, Setting, accelerate, all_trained, as_one_process, train, trained
from safetensors.torch import load_file

from rlvr_utils.models.loading import load_policy
from rlvr_utils.records.run import find, partial_folder
from rlvr_utils.runs.export import export

pytestmark = pytest.mark.slow


TIED = "tied qwen2"


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    return Setting(tmp_path_factory.mktemp("architectures"))


@pytest.fixture(scope="module")
def stopped_and_resumed(setting, tmp_path_factory):
    """A run of each architecture by two processes that torchrun started and that stopped after a step, resumed by
    accelerate with the shipped file."""
    results, configs = tmp_path_factory.mktemp("two processes"), [*setting.configs.values()]
    assert all_trained(TORCHRUN, configs, results, "--stop-after", "1") == [None] * 3
    for config in configs:  # each process has saved the state of its own generators
        states = (partial_folder(config, results) / "checkpoints" / "checkpoint-1").glob("rng_state_*.pth")
        assert len(list(states)) == 2
    return dict(zip(SHAPES, all_trained(accelerate("eight-gpus-ddp.yaml"), configs, results)))


@pytest.mark.parametrize("kind", SHAPES)
def test_two_processes_stop_resume_and_export_what_one_trains(setting, stopped_and_resumed, tmp_path, kind):
    run = stopped_and_resumed[kind]
    assert run.provenance["resumed_from"] == 1
    as_one_process(run, setting.alone[kind])
    assert [len(row["rows"]) for row in run.rows("history")] == [4, 4, 4]
    export(run, tmp_path / "exported")
    model, _ = load_policy(str(tmp_path / "exported"), "bfloat16")
    weights = load_file(run.folder / "weights" / "model.safetensors")
    exported = {name: value for name, value in model.state_dict().items() if name in weights}
    assert exported and all((value == weights[name].to(value.dtype)).all() for name, value in exported.items())


def test_a_process_that_is_killed_in_the_middle_loses_nothing(setting, tmp_path):
    config = setting.configs[TIED]
    done = train(TORCHRUN, [config], tmp_path, RLVR_DIES="1 2")
    assert done.returncode != 0 and find(config, tmp_path) is None
    assert f"Signal {signal.SIGKILL.value} " in done.stderr
    run = trained(TORCHRUN, config, tmp_path)
    assert run.provenance["resumed_from"] == 2
    as_one_process(run, setting.alone[TIED])


def test_a_model_divided_by_fsdp_is_trained_as_a_whole_one(setting, tmp_path):
    """By the shipped file; it stops after a step, so that a checkpoint of divided weights is written and read."""
    # A sharded model writes nothing itself; the responses are fixed.
    config = setting.configs[TIED].changed(engine="vllm-server")
    assert trained(accelerate("eight-gpus-fsdp.yaml"), config, tmp_path, "--stop-after", "1") is None
    run = trained(accelerate("eight-gpus-fsdp.yaml"), config, tmp_path)
    assert run.provenance["resumed_from"] == 1
    as_one_process(run, setting.alone[TIED])
