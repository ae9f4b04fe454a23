"""What tests of several processes share: tiny runs by `launched.py`, and when two of them count as the same."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, write_lines
from safetensors.torch import load_file

from rlvr_utils.models.shapes import model_config
from rlvr_utils.recipe.config import RunConfig, load_profile, to_fields
from rlvr_utils.records.run import Run, find, kept_policy
from rlvr_utils.scale.stand_ins import shrunk, write_model

SCRIPT = str(ROOT / "tests" / "launched.py")
TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
# Each architecture in the profiles, by a shape that it is made from.
SHAPES = {"qwen2": "deepseek-r1-distill-qwen-1.5b", "tied qwen2": "qwen2.5-math-1.5b", "llama": "llama-3.2-3b-instruct"}
SAME = ("outcome", "format", "reward_std", "loss", "policy_loss", "grad_norm", "entropy", "kl", "response_length")
# Sums over two processes and over one are rounded differently, which Adam makes larger: a step of the learning rate
# 1e-4 moves a weight by about as much, whatever its gradient.
METRICS, WEIGHTS = 1e-3, 3e-6


def accelerate(launch_file: str) -> list[str]:
    """As `accelerate launch` starts the shipped configuration, with two processes and without bfloat16."""
    return ["accelerate.commands.launch", "--config_file", str(ROOT / "launch" / launch_file), "--num_processes", "2",
            "--mixed_precision", "no", "--main_process_port", "0"]


def train(launcher: list[str], configs: list[RunConfig], results: Path, *more: str, **environment: str):
    """The command for each configuration, one after another, in one process, or through a launcher in two."""
    results.mkdir(parents=True, exist_ok=True)
    words = []
    for place, config in enumerate(configs):
        request = results / f"config-{place}.json"
        request.write_text(json.dumps(to_fields(config)))
        words += ["next", "train", "--config", str(request), "--results", str(results), *more]
    program = ["-m", *launcher, SCRIPT] if launcher else [SCRIPT]
    return subprocess.run([sys.executable, *program, *words], capture_output=True, text=True, timeout=600,
                          env={**os.environ, "ACCELERATE_USE_CPU": "true", **environment})


def all_trained(launcher: list[str], configs: list[RunConfig], results: Path, *more: str) -> list[Run | None]:
    done = train(launcher, configs, results, *more)
    assert done.returncode == 0, done.stderr[-3000:]
    return [find(config, results) for config in configs]


def trained(launcher: list[str], config: RunConfig, results: Path, *more: str) -> Run | None:
    return all_trained(launcher, [config], results, *more)[0]


class Setting:
    """The configuration for a tiny random model of each architecture, and the runs that one process trains of them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.pool = write_lines(folder / "pool.jsonl", [
            {"id": i, "problem": f"What is {i}+1?", "answer": str(i % 3 + 1)} for i in range(4)])
        self.configs = {kind: self._config(kind) for kind in SHAPES}
        self.alone = dict(zip(SHAPES, all_trained([], [*self.configs.values()], folder)))

    def _config(self, kind: str) -> RunConfig:
        model, profile, pocket = self.folder / kind, load_profile(SHAPES[kind]), load_profile("pocket")
        write_model(model, shrunk(model_config(profile.model), 2, 32), profile.eval_template, "float32")
        return pocket.changed(
            model=str(model), pool=str(self.pool), ranking={1: "0"}, repeat_to=4, prompts_per_step=4,
            num_generations=4, micro_batch=4, max_prompt_tokens=400, max_response_tokens=24, steps=3, eval_every=0,
            save_every=1, keep_every=1, share_prompts=False, learning_rate=1e-4, entropy_coef=0.01,
            eval_template="chat", benchmarks=pocket.benchmarks[:1])


def as_one_process(run: Run, alone: Run) -> None:
    """The same metrics, and the same weights at every step, but for rounding."""
    for row, other in zip(run.rows("metrics"), alone.rows("metrics"), strict=True):
        assert {name: row[name] for name in SAME} == {
            name: pytest.approx(other[name], rel=METRICS, abs=1e-6) for name in SAME}
    moved = 0.0
    start = load_file(Path(run.config.model) / "model.safetensors")
    for step in (1, 2, 3):
        weights, others = (load_file(kept_policy(one.folder, step) / "model.safetensors") for one in (run, alone))
        assert weights.keys() == others.keys()
        for name, value in weights.items():
            assert (value - others[name]).abs().max() < WEIGHTS, (step, name)
            moved = max(moved, (value - start[name]).abs().max().item())
    assert moved > 20 * WEIGHTS
    assert [row["policy_loss"] != 0 for row in run.rows("metrics")] == [True] * 3
