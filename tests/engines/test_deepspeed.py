"""DeepSpeed's division of the optimizer and of the weights, on its CPU accelerator, by the shipped files."""
from __future__ import annotations

import pytest
from processes import Setting, accelerate, as_one_process, trained


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    return Setting(tmp_path_factory.mktemp("architectures"))


@pytest.mark.parametrize("stage", [2, 3])
def test_a_model_divided_by_deepspeed_is_trained_as_a_whole_one(setting, tmp_path, stage):
    config, alone = setting.of("tied qwen2")
    config = config.changed(engine="vllm-server")  # a sharded model writes nothing itself; the responses are fixed
    launcher = [*accelerate("eight-gpus-zero3.yaml"), "--zero_stage", str(stage)]
    assert trained(launcher, config, tmp_path, "--stop-after", "1", DS_ACCELERATOR="cpu") is None
    run = trained(launcher, config, tmp_path, DS_ACCELERATOR="cpu")
    assert run.provenance["resumed_from"] == 1
    as_one_process(run, alone)
