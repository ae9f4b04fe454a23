"""What a training step leaves out could not have changed a weight: the plain path gives the same."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.runs.obtain import obtain
from rlvr_utils.sampling import shared_prompt
from rlvr_utils.training import trainer

# Outcomes of two groups of four: in the second one nothing is to be learned.
MIXED = [0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]


@pytest.fixture
def given_rewards(monkeypatch):
    """A function that sets the outcomes of every step."""
    def give(*steps):
        waiting = list(steps)

        def outcome(**_):
            return waiting.pop(0)
        monkeypatch.setattr("rlvr_utils.training.setup.outcome", outcome)
    return give


@pytest.fixture
def computed(monkeypatch):
    """How many sequences each forward pass of the training saw."""
    seen = []
    original = shared_prompt.token_log_probs
    monkeypatch.setattr(trainer, "token_log_probs",
                        lambda model, ids, *rest: seen.append(len(ids)) or original(model, ids, *rest))
    return seen


def weights(folder) -> torch.Tensor:
    return torch.cat([tensor.flatten() for _, tensor in sorted(load_file(folder / "model.safetensors").items())])


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["one-shot-policy-only", "one-shot-no-kl-no-entropy"])
@pytest.mark.parametrize("micro_batch", [8, 2])
def test_groups_that_agree_are_left_out_and_nothing_changes(tiny_config, tmp_path, given_rewards, computed, arm,
                                                            micro_batch):
    config = with_arm(tiny_config, arm, 0).changed(micro_batch=micro_batch, steps=3, eval_every=0, max_grad_norm=1e9)
    runs = {}
    for shortcuts in (True, False):
        given_rewards(MIXED, [1.0] * 8, MIXED)
        computed.clear()
        runs[shortcuts] = obtain(config.changed(shortcuts=shortcuts), tmp_path), sum(computed)
    (quick, few), (plain, all_) = runs[True], runs[False]
    assert (few, all_) == (8, 24)
    assert [row["entropy"] is None for row in quick.rows("metrics")] == [True] * 3
    for row, other in zip(quick.rows("metrics"), plain.rows("metrics"), strict=True):
        assert other.pop("entropy") > 0 and other.pop("kl") is None
        assert {name: row[name] for name in other} == pytest.approx(other, rel=1e-6, abs=1e-6)
    # Without a gradient the weights still move, by the optimizer's momentum: the second step counts.
    assert [row["grad_norm"] > 0 for row in plain.rows("metrics")] == [True, False, True]
    ours, theirs = weights(quick.folder / "weights"), weights(plain.folder / "weights")
    assert (ours - theirs).norm() <= 1e-3 * (theirs - weights(Path(config.model))).norm()


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["one-shot", "one-shot-policy-entropy", "one-shot-no-entropy"])
def test_with_entropy_or_divergence_in_the_loss_every_group_is_computed(tiny_config, tmp_path, given_rewards, computed,
                                                                        arm):
    given_rewards([1.0] * 8)
    run = obtain(with_arm(tiny_config, arm, 0).changed(steps=1, eval_every=0), tmp_path)
    references = 8 if run.config.kl_coef else 0  # and no pass for the old policy, which is the policy itself
    assert sum(computed) == 8 + references
    assert run.rows("metrics")[0]["entropy"] > 0


@pytest.mark.slow
def test_rollouts_are_the_same_whether_their_prompt_is_shared(tiny_config, tmp_path):
    config = tiny_config.changed(steps=2, examples=(1,), eval_every=0)
    shared, plain = (obtain(config.changed(shortcuts=shortcuts), tmp_path) for shortcuts in (True, False))
    assert shared.folder != plain.folder
    assert shared.rows("history") == plain.rows("history")
    for row, other in zip(shared.rows("metrics"), plain.rows("metrics"), strict=True):
        assert row == pytest.approx(other, rel=1e-5, abs=1e-6)
