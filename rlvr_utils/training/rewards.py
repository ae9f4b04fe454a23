"""Rewards: the authors' outcome reward, the format reward, and a random reward."""
from __future__ import annotations

import os
import random

from rlvr_utils import grading
from rlvr_utils.recipe.config import REWARDS, RunConfig


def outcome(completions, answer, **_) -> list[float]:
    """The authors' training reward: 1 if the last box equals the answer, else 0."""
    return [float(verdict == grading.Verdict.RIGHT)
            for verdict in grading.grade_batch(completions, answer, "training")]


def format(completions, **_) -> list[float]:  # the reward's name in the paper and in TRL's log
    """The format reward (paper App. C.2.3): 1 if there is a closed, non-empty box, else 0."""
    return [grading.format_reward(text) for text in completions]


def coin(seed: int):
    """The random reward, a control: 0 or 1 by the toss of a coin, whatever the answer."""
    def random_reward(completions, trainer_state, **_) -> list[float]:
        rng = random.Random(f"{seed} {trainer_state.global_step} {os.environ.get('RANK', 0)}")
        return [float(rng.random() < 0.5) for _ in completions]
    random_reward.__name__ = "random"
    return random_reward


def reward_weights(config: RunConfig) -> list[float]:
    """1 for the reward that is trained on, 0 for the others, which are only logged. Without a policy loss all are 0,
    so that every advantage is exactly 0."""
    return [float(config.policy_loss and config.reward == name) for name in REWARDS]
