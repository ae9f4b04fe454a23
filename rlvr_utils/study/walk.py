"""One step of training by hand: from a group of recorded rollouts to the loss, through the package's own objective."""
from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import torch

from rlvr_utils.data.prompts import training_prompt
from rlvr_utils.models.loading import load_policy
from rlvr_utils.recipe.config import RunConfig, local_path
from rlvr_utils.records.run import Run
from rlvr_utils.sampling.shared_prompt import token_log_probs
from rlvr_utils.training.examples import chosen_examples
from rlvr_utils.training.objective import group_advantages, sequence_weights, token_terms, weighted_sum


@dataclass(frozen=True)
class Walk:
    """A group of rollouts of the first step on its way to the loss. All but `loss` are per rollout."""

    run: Run
    responses: list[str]
    rewards: list[float]
    advantages: list[float]
    tokens: list[int]
    log_probs: list[float]   # mean over the rollout's tokens
    entropies: list[float]   # mean over the rollout's tokens, in nats
    policy_terms: list[float]
    pushed: list[float]      # by how much one update on this loss changes the mean log-probability
    loss: dict[str, float]   # the terms of the loss, each with its sign and coefficient, and their sum
    gradient_norm: float     # before clipping

    def table(self) -> pd.DataFrame:
        """The way of each rollout through the step, a row each."""
        frame = pd.DataFrame({"reward": self.rewards, "advantage": self.advantages, "tokens": self.tokens,
                              "mean log-probability": self.log_probs, "mean entropy": self.entropies,
                              "part of the policy loss": self.policy_terms,
                              "log-probability after − before": self.pushed})
        frame.index = pd.RangeIndex(1, len(frame) + 1, name="rollout")
        return frame.round(4)


def first_group(runs: list[Run]) -> tuple[Run, list[dict]] | None:
    """The first recorded group of the first step whose rewards differ, in the order of the runs; else the first group;
    None if no run has recorded the tokens of one."""
    groups = [(run, [row for row in run.rows("samples") if row["step"] == 1 and "tokens" in row]) for run in runs]
    groups = [(run, rows) for run, rows in groups if rows]
    telling = [(run, rows) for run, rows in groups if len({row["outcome"] for row in rows}) > 1]
    return next(iter(telling or groups), None)


def walk(run: Run, rows: list[dict]) -> Walk:
    """Compute what training computed for this group, and one update from it alone. The model is the initial one, which
    wrote the rollouts: the ratio of new to old probability is 1, and the KL term is 0."""
    config = run.config
    model, tokenizer = load_policy(local_path(config.model), config.dtype)
    model.eval()
    ids, mask, width = _padded(_prompt(config, tokenizer, rows[0]["row"]), [row["tokens"] for row in rows])
    answered = mask[:, -width:]
    lengths = answered.sum(1)
    rewards = torch.tensor([row["outcome"] for row in rows])
    advantages = group_advantages(rewards, len(rows))
    weights = torch.tensor(sequence_weights(lengths.tolist(), [list(range(len(rows)))]))

    log_probs, entropies = token_log_probs(model, ids, mask, width, config.temperature)
    terms = token_terms(log_probs, entropies, advantages, reference=log_probs.detach(), clip_ratio=config.clip_ratio)
    loss = {"policy": weighted_sum(terms.policy, weights, answered),
            "KL": config.kl_coef * weighted_sum(terms.kl, weights, answered),
            "entropy bonus": -config.entropy_coef * config.entropy_scale
            * weighted_sum(terms.entropy, weights, answered)}
    whole = sum(loss.values())
    norm = _update(model, whole, config)
    with torch.no_grad():
        after, _ = token_log_probs(model, ids, mask, width, config.temperature)

    def mean(values: torch.Tensor) -> list[float]:
        return ((values.detach() * answered).sum(1) / lengths).tolist()

    each = (terms.policy.detach() * answered * weights.unsqueeze(1)).sum(1)
    return Walk(run, [row["response"] for row in rows], rewards.tolist(), advantages.tolist(), lengths.tolist(),
                mean(log_probs), mean(entropies), each.tolist(), mean(after - log_probs),
                {name: value.item() for name, value in {**loss, "sum": whole}.items()}, norm)


def _update(model, loss: torch.Tensor, config: RunConfig) -> float:
    """One step of AdamW as training takes it; returns the norm of the gradient before clipping."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
    optimizer.step()
    return float(norm)


def _prompt(config: RunConfig, tokenizer, row: str) -> list[int]:
    example = next(example for example in chosen_examples(config) if example.id == row)
    return tokenizer(training_prompt(tokenizer, example.question), add_special_tokens=False)["input_ids"]


def _padded(prompt: list[int], responses: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Prompt and responses side by side, [responses, tokens], with their mask, and the width of the responses."""
    width = max(map(len, responses))
    ids = torch.tensor([prompt + tokens + [0] * (width - len(tokens)) for tokens in responses])
    mask = torch.tensor([[1] * (len(prompt) + len(tokens)) + [0] * (width - len(tokens)) for tokens in responses])
    return ids, mask, width
