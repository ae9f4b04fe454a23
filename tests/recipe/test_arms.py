"""Arms: each changes the fields that it declares, and nothing else."""
from __future__ import annotations

import re

import pytest

from rlvr_utils.errors import UserError
from rlvr_utils.recipe.arms import ARMS, LABELS, with_arm
from rlvr_utils.recipe.config import load_profile
from rlvr_utils.recipe.identity import training_identity


def test_an_arm_changes_its_declared_fields_only():
    config = load_profile("pocket")
    for arm, fields in ARMS.items():
        changed = {name: value for name, value in with_arm(config, arm, 7) if value != getattr(config, name)}
        declared = {name: value for name, value in fields.items() if value != getattr(config, name)}
        assert changed == {**declared, "seed": 7, **({"arm": arm} if arm != config.arm else {})}


def test_arms_and_seeds_are_different_runs():
    config = load_profile("pocket")
    hashes = {training_identity(with_arm(config, arm, seed)) for arm in ARMS for seed in (0, 1)}
    assert len(hashes) == 2 * len(ARMS)


@pytest.mark.parametrize(("arm", "remedy"), [("two-shots", "did you mean 'two-shot'?"), ("x", "two-shot, full-set")])
def test_an_unknown_arm_is_one_line_that_lists_the_known_or_names_the_nearest(arm, remedy):
    with pytest.raises(UserError, match=f"arm '{arm}' does not exist; .*{re.escape(remedy)}"):
        with_arm(load_profile("pocket"), arm, 0)


def test_the_arms_of_the_papers_tables():
    assert ARMS["base"] == {"steps": 0}
    assert ARMS["one-shot"]["examples"] == (1,) and ARMS["two-shot"]["examples"] == (1, 13)
    assert ARMS["full-set"]["examples"] == () == ARMS["format-reward"]["examples"]
    entropy = ARMS["entropy-only"]  # Table 5, row 10: neither policy loss nor KL nor weight decay
    assert not entropy["policy_loss"] and entropy["kl_coef"] == entropy["weight_decay"] == 0
    assert ARMS["entropy-only-x10"] == {**entropy, "entropy_scale": 10.0}


def test_every_arm_has_its_own_label():
    assert set(LABELS) == set(ARMS) and len(set(LABELS.values())) == len(ARMS)
