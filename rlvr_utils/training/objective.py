"""The authors' objective: advantages, clipped policy loss, k3 estimate of the KL, entropy (paper §2, Eqs. 1-6).

The released code averages tokens differently from the paper's Equation 4: within each micro-batch over its tokens,
then over micro-batches in proportion to their numbers of sequences. Here this is one loss weight per sequence
(`sequence_weights`), so that the value does not depend on how the computation is split.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch

# The released code's constants (paper Eq. 6 has no epsilon).
ADVANTAGE_EPSILON = 1e-6
KL_BOUND = 10.0


@dataclass(frozen=True)
class Terms:
    """Values per response token, [sequences, tokens] each; `kl` is None without a reference model."""

    policy: torch.Tensor
    entropy: torch.Tensor
    kl: torch.Tensor | None
    clipped: torch.Tensor


def group_advantages(scores: torch.Tensor, group: int) -> torch.Tensor:
    """Scores [sequences] standardised within each group of `group` neighbours, with the sample
    standard deviation (ddof 1). A group of equal scores gets 0."""
    groups = scores.view(-1, group)
    centred = groups - groups.mean(1, keepdim=True)
    return (centred / (groups.std(1, keepdim=True) + ADVANTAGE_EPSILON)).flatten()


def k3_kl(log_probs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """The low-variance estimate exp(d) - d - 1 with d = reference - policy, bounded as in the released code."""
    difference = reference - log_probs
    return (difference.exp() - difference - 1).clamp(-KL_BOUND, KL_BOUND)


def token_terms(log_probs, entropies, advantages, old_log_probs=None, reference=None, clip_ratio: float = 0.2) -> Terms:
    """The terms of the objective for every token.

    `log_probs`, `entropies`, `old_log_probs` and `reference` are [sequences, tokens], from temperature-scaled
    logits; `advantages` is [sequences]. Without `old_log_probs` the policy is the one that generated the responses:
    the ratio is 1, with the policy's gradient.
    """
    advantages = advantages.unsqueeze(1)
    ratio = (log_probs - (log_probs.detach() if old_log_probs is None else old_log_probs)).exp()
    unclipped, clipped = -advantages * ratio, -advantages * ratio.clamp(1 - clip_ratio, 1 + clip_ratio)
    kl = None if reference is None else k3_kl(log_probs, reference)
    return Terms(torch.maximum(unclipped, clipped), entropies, kl, (clipped > unclipped).float())


def engine_ratios(log_probs, drawn_log_probs, cap: float) -> torch.Tensor:
    """How much more probable each token is to the trainer than it was to the engine that drew it, at most `cap`,
    [sequences, tokens]: truncated importance sampling, TRL's `token_truncate`. 1 where the engine gave no number."""
    return torch.nan_to_num(log_probs - drawn_log_probs, nan=0.0).exp().clamp(max=cap)


def sequence_weights(response_lengths: list[int], parts: list[list[int]]) -> list[float]:
    """The loss weight of each token of a sequence: n / (N T) in a micro-batch of n of the N sequences with T response
    tokens in total. `parts` holds the rows of each micro-batch."""
    weights = [0.0] * len(response_lengths)
    for part in parts:
        tokens = sum(response_lengths[row] for row in part)
        for row in part:
            weights[row] = len(part) / len(response_lengths) / max(tokens, 1)
    return weights


def weighted_sum(values: torch.Tensor, weights: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Sum over unpadded tokens, each times the weight of its sequence [sequences]."""
    return (values * mask * weights.unsqueeze(1)).sum()
