"""DeepSpeed's division of the optimizer and of the weights, on its CPU accelerator, by the shipped file."""
from __future__ import annotations

import pytest
from processes import Setting, accelerate, as_one_process, trained


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    return Setting(tmp_path_factory.mktemp("architectures"))


@pytest.mark.parametrize("stage", [2, 3])
def test_a_model_divided_by_deepspeed_is_trained_as_a_whole_one(setting, tmp_path, monkeypatch, stage):
    """It stops after a step, so that a checkpoint of divided weights is written and read."""
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    # A sharded model writes nothing itself; the responses are fixed.
    config = setting.configs["tied qwen2"].changed(engine="vllm-server")
    launcher = [*accelerate("eight-gpus-zero3.yaml"), "--zero_stage", str(stage)]
    assert trained(launcher, config, tmp_path, "--stop-after", "1") is None
    run = trained(launcher, config, tmp_path)
    assert run.provenance["resumed_from"] == 1
    as_one_process(run, setting.alone["tied qwen2"])
