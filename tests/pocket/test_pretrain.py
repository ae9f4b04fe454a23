"""Pretraining, in a small form: it can be stopped anywhere, and goes on to the same weights."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from rlvr_utils.errors import UserError
from rlvr_utils.pocket import pretrain
from rlvr_utils.pocket.pretrain import Pretraining


@pytest.fixture
def small(monkeypatch):
    sizes = {"ROWS": 2, "ROW_TOKENS": 64, "PART_STEPS": 2, "TOKENIZER_DOCUMENTS": 300, "WARMUP": 2}
    for name, value in sizes.items():
        monkeypatch.setattr(pretrain, name, value)


def weights(folder: Path) -> dict:
    return {name: tensor.tolist() for name, tensor in load_file(folder / "model.safetensors").items()}


@pytest.mark.slow
def test_a_pretraining_that_was_interrupted_ends_with_the_same_weights(small, tmp_path, monkeypatch):
    pretrain.pretrain(Pretraining(tmp_path / "whole", 0, 3))
    train, calls = pretrain.train_part, []

    def interrupted(work, part, *rest):
        calls.append(part)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return train(work, part, *rest)
    monkeypatch.setattr(pretrain, "train_part", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pretrain.pretrain(Pretraining(tmp_path / "parts", 0, 3))
    assert (tmp_path / "parts" / pretrain.STATE).exists()
    pretrain.pretrain(Pretraining(tmp_path / "parts", 0, 3))
    assert calls == [0, 1, 2, 2]
    assert weights(tmp_path / "whole") == weights(tmp_path / "parts")
    log = [json.loads(line) for line in (tmp_path / "parts" / pretrain.LOG).read_text().splitlines()]
    assert log[0] == {"seed": 0, "parts": 3} and [row["parts"] for row in log[1:]] == [1, 2, 3]
    assert sorted(path.name for path in (tmp_path / "parts" / "after").iterdir()) == ["1", "2"]
    assert not (tmp_path / "parts" / pretrain.STATE).exists()


@pytest.mark.slow
def test_another_seed_is_another_pretraining(small, tmp_path):
    pretrain.pretrain(Pretraining(tmp_path / "a", 0, 1))
    pretrain.pretrain(Pretraining(tmp_path / "b", 1, 1))
    assert weights(tmp_path / "a") != weights(tmp_path / "b")
    with pytest.raises(UserError, match="another pretraining"):
        pretrain.pretrain(Pretraining(tmp_path / "a", 1, 1))


def test_the_learning_rate_warms_up_stays_and_falls():
    work = Pretraining(Path(), 0, 10)
    rates = [work.learning_rate(step) for step in range(work.steps)]
    assert rates[0] == pytest.approx(pretrain.PEAK / pretrain.WARMUP) and max(rates) == pretrain.PEAK
    assert rates[int(0.29 * work.steps)] == pretrain.PEAK > rates[int(0.6 * work.steps)]
    assert rates[-1] == pytest.approx(pretrain.PEAK * pretrain.FLOOR)


def test_parts_read_different_documents_and_seeds_too():
    seeds = [Pretraining(Path(), seed, 60).corpus_seed(part) for seed in (0, 1) for part in range(-1, 60)]
    assert len(set(seeds)) == len(seeds)


def test_a_gpu_that_is_not_there_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit, match="2"):
        pretrain.main([str(tmp_path / "base"), "--device", "cuda"])
    assert "--device cuda: torch sees no GPU" in capsys.readouterr().err and not (tmp_path / "base").exists()
