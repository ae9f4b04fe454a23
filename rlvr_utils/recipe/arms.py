"""Arms: what is compared. An arm changes a few fields of the configuration and never the code path."""
from __future__ import annotations

from rlvr_utils.errors import UserError, nearest
from rlvr_utils.recipe.config import RunConfig

# Changes that several rows of Table 5 share.
NO_POLICY = {"examples": (1,), "policy_loss": False}
POLICY_ALONE = {"examples": (1,), "weight_decay": 0.0, "kl_coef": 0.0, "entropy_coef": 0.0}
ENTROPY_ALONE = {"examples": (1,), "policy_loss": False, "kl_coef": 0.0, "weight_decay": 0.0}

ARMS: dict[str, dict] = {
    "base": {"steps": 0},                                               # no training
    "one-shot": {"examples": (1,)},                                     # {pi_1}, Table 8
    "one-shot-13": {"examples": (13,)},                                 # {pi_13}, Table 8
    "two-shot": {"examples": (1, 13)},                                  # {pi_1, pi_13}, Table 8
    "full-set": {"examples": ()},                                       # DSR-sub, Table 8
    "format-reward": {"examples": (), "reward": "format"},              # Table 14
    "format-reward-one-shot": {"examples": (1,), "reward": "format"},   # Table 14, last row
    "random-reward": {"examples": (1,), "reward": "random"},            # a control that the paper lacks
    "entropy-only": ENTROPY_ALONE,                                      # Table 6, Table 5 row 10
    "entropy-only-x10": {**ENTROPY_ALONE, "entropy_scale": 10.0},
    "one-shot-no-entropy": {"examples": (1,), "entropy_coef": 0.0},     # Table 5 row 4, Figure 5
    "one-shot-entropy-x3": {"examples": (1,), "entropy_scale": 3.0},    # Table 5 row 6
    "one-shot-no-loss": {**POLICY_ALONE, "policy_loss": False},         # Table 5 row 1
    "one-shot-policy-only": POLICY_ALONE,                               # Table 5 row 2
    "one-shot-no-kl-no-entropy": {"examples": (1,), "kl_coef": 0.0, "entropy_coef": 0.0},     # Table 5 row 3
    "one-shot-policy-entropy": {"examples": (1,), "weight_decay": 0.0, "kl_coef": 0.0},       # Table 5 row 7
    "one-shot-decay-kl": {**NO_POLICY, "entropy_coef": 0.0},            # Table 5 row 8
    "one-shot-no-policy": NO_POLICY,                                    # Table 5 row 9
    "label-near": {"examples": (1,), "label": "near"},                  # Table 5 row 11: 12.7
    "label-guessable": {"examples": (1,), "label": "guessable"},        # Table 5 row 12: 4
    "label-far": {"examples": (1,), "label": "far"},                    # Table 5 row 13: 929725
}
# The rows of Table 5, in order.
TABLE5 = ("one-shot-no-loss", "one-shot-policy-only", "one-shot-no-kl-no-entropy", "one-shot-no-entropy", "one-shot",
          "one-shot-entropy-x3", "one-shot-policy-entropy", "one-shot-decay-kl", "one-shot-no-policy", "entropy-only",
          "label-near", "label-guessable", "label-far")
LABELS = {
    "base": "base", "one-shot": r"$\{\pi_1\}$", "one-shot-13": r"$\{\pi_{13}\}$",
    "two-shot": r"$\{\pi_1,\pi_{13}\}$", "full-set": "full set",
    "format-reward": "format reward, full set", "format-reward-one-shot": r"format reward, $\{\pi_1\}$",
    "random-reward": r"random reward, $\{\pi_1\}$",
    "entropy-only": "entropy only", "entropy-only-x10": "entropy only, 10x coefficient",
    "one-shot-no-entropy": r"$\{\pi_1\}$, no entropy bonus",
    "one-shot-entropy-x3": r"$\{\pi_1\}$, 3x entropy bonus",
    "one-shot-no-loss": "no loss at all", "one-shot-policy-only": "policy loss only",
    "one-shot-no-kl-no-entropy": "policy loss, weight decay", "one-shot-policy-entropy": "policy loss, entropy bonus",
    "one-shot-decay-kl": "weight decay, KL", "one-shot-no-policy": "weight decay, KL, entropy bonus",
    "label-near": "label nearly right", "label-guessable": "label wrong, guessable",
    "label-far": "label wrong, out of reach",
}


def with_arm(config: RunConfig, arm: str, seed: int) -> RunConfig:
    """The configuration of this arm and seed. Raises `UserError` for an unknown arm."""
    if arm not in ARMS:
        raise UserError(f"arm {arm!r} does not exist; {nearest(arm, ARMS) or 'choose one of: ' + ', '.join(ARMS)}")
    return config.changed(arm=arm, seed=seed, **ARMS[arm])
