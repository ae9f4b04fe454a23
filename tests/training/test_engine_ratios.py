"""The correction for an engine whose probabilities are not the trainer's, and how far the two are apart, on a stand-in
for vLLM that says of every token how probable it was by a factor too little."""
from __future__ import annotations

import math

import pytest
import torch
from conftest import line_of

from rlvr_utils.models import engines
from rlvr_utils.runs.obtain import obtain
from rlvr_utils.sampling.rollouts import sample
from rlvr_utils.sampling.shared_prompt import token_log_probs
from rlvr_utils.training import trainer
from rlvr_utils.training.objective import engine_ratios

FACTOR = 1.5


class Modest:
    """Our own sampler in vLLM's place."""

    def __init__(self, config, stops, model, tokenizer):
        self.config, self.stops, self.loaded = config, stops, None

    def load(self, model):
        self.model = model

    def sample(self, prompts):
        responses = sample(self.model, prompts, self.config.max_response_tokens, self.config.temperature, self.stops)
        said = []
        for prompt, response in zip(prompts, responses):
            ids = torch.tensor([prompt + response])
            with torch.no_grad():
                own, _ = token_log_probs(self.model, ids, torch.ones_like(ids), len(response), self.config.temperature)
            said.append((own[0] - math.log(FACTOR)).tolist())
        return responses, said


@pytest.fixture
def first_steps(tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "check_engine", lambda engine: None)
    monkeypatch.setattr(trainer, "VllmRollouts", Modest)
    return lambda **fields: obtain(tiny_config.changed(engine="vllm", steps=1, eval_every=0, reward="random", **fields),
                                   tmp_path).rows("metrics")[0]


@pytest.mark.slow
def test_a_token_weighs_by_how_much_more_probable_it_is_to_the_trainer(first_steps):
    plain, corrected, capped = (first_steps(engine_ratio_cap=cap) for cap in (0.0, 2.0, 1.2))
    assert plain["policy_loss"] != 0
    assert corrected["policy_loss"] == pytest.approx(FACTOR * plain["policy_loss"], rel=1e-3)
    assert capped["policy_loss"] == pytest.approx(1.2 * plain["policy_loss"], rel=1e-3)
    for row in (plain, corrected, capped):
        assert row["engine_difference"] == pytest.approx(math.log(FACTOR), rel=1e-3)


@pytest.mark.slow
def test_several_updates_correct_by_the_policy_that_they_began_with(first_steps):
    plain, corrected = (first_steps(engine_ratio_cap=cap, updates_per_rollout=2, micro_batch=4) for cap in (0.0, 2.0))
    assert plain["engine_difference"] == pytest.approx(math.log(FACTOR), rel=1e-3)
    assert corrected["engine_difference"] == pytest.approx(math.log(FACTOR), rel=1e-3)
    assert corrected["policy_loss"] != plain["policy_loss"]


def test_ratios_are_those_of_trl_cut_token_by_token():
    """Its mode `token_truncate`, and a ratio of 1 where vLLM has no number."""
    trainer_says, engine_says = torch.tensor([[-1.0, -1.0, -1.0]]), torch.tensor([[-1.5, -9.0, math.nan]])
    ratios = engine_ratios(trainer_says, engine_says, 3.0)
    assert ratios.tolist() == [[pytest.approx(math.exp(0.5)), 3.0, 1.0]]


def test_a_correction_without_another_engine_is_refused(tiny_config):
    assert "'engine_ratio_cap' is 2" in line_of(tiny_config.changed, engine_ratio_cap=2.0)
