"""Rewards: the authors' outcome, the format alone, and chance."""
from __future__ import annotations

import os
import random

from rlvr_utils import grading
from rlvr_utils.recipe.config import REWARDS, RunConfig


def outcome(completions, answer, **_) -> list[float]:
    """The authors' training reward: 1 when the last box equals the answer (protocol, reward)."""
    return [float(verdict == grading.Verdict.RIGHT)
            for verdict in grading.grade_batch(completions, answer, "training")]


def format(completions, **_) -> list[float]:  # the reward's name in the paper and in TRL's log
    """The format reward (paper App. C.2.3): 1 when there is a closed, non-empty box."""
    return [grading.format_reward(text) for text in completions]


def coin(seed: int):
    """The random reward, a control: right or wrong by a coin that does not look at the answer."""
    def random_reward(completions, trainer_state, **_) -> list[float]:
        rng = random.Random(f"{seed} {trainer_state.global_step} {os.environ.get('RANK', 0)}")
        return [float(rng.random() < 0.5) for _ in completions]
    random_reward.__name__ = "random"
    return random_reward


def reward_weights(config: RunConfig) -> list[float]:
    """All rewards are always logged; without a policy loss none counts, so that every advantage is
    exactly 0."""
    return [float(config.policy_loss and config.reward == name) for name in REWARDS]
