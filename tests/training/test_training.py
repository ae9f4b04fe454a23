"""Training: the order of the examples, the loss that the paper describes, complete and equal records."""
from __future__ import annotations

import json
from collections import Counter

import pytest
import torch

from rlvr_utils import grading
from rlvr_utils.errors import UserError
from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.records.run import JSON_LINES, run_name
from rlvr_utils.runs.obtain import obtain
from rlvr_utils.training import trainer
from rlvr_utils.training.examples import chosen_examples, training_dataset, training_order
from rlvr_utils.training.recorder import METRICS
from rlvr_utils.training.rewards import format, outcome, reward_weights
from rlvr_utils.training.setup import trainer_arguments


def records(run) -> dict[str, bytes]:
    """Everything but the timings, which no seed can fix."""
    return {name: (run.folder / name).read_bytes() for name in JSON_LINES if name != "timings.jsonl"}


@pytest.fixture(scope="module")
def reference(tiny_config, tmp_path_factory):
    """Three steps, evaluated at every one."""
    return obtain(tiny_config.changed(eval_every=1), tmp_path_factory.mktemp("reference"))


# ---- examples and their order ------------------------------------------------------------------

@pytest.mark.parametrize(("count", "prompts", "steps"), [
    (1, 8, 5), (2, 8, 40), (5, 2, 7), (130, 8, 40), (128, 128, 3)])
def test_every_epoch_shows_every_row_at_most_once(tiny_config, count, prompts, steps):
    config = tiny_config.changed(prompts_per_step=prompts, steps=steps, repeat_to=128)
    order = training_order(count, config)
    rows = max(count, 128)
    epoch = rows // prompts * prompts
    assert len(order) == steps * prompts and set(order) <= set(range(count))
    for start in range(0, len(order) - epoch + 1, epoch):
        shown = Counter(order[start:start + epoch])
        assert max(shown.values()) <= -(-rows // count)
        assert sum(shown.values()) == epoch
    if count == 2:
        assert Counter(order[:128]) == {0: 64, 1: 64}


def test_the_order_is_the_seeds_and_epochs_differ(tiny_config):
    config = tiny_config.changed(prompts_per_step=10, steps=20, repeat_to=1)
    order = training_order(50, config)
    assert order == training_order(50, config) != training_order(50, config.changed(seed=1))
    assert sorted(order[:50]) == sorted(order[50:100]) == list(range(50)) and order[:50] != order[50:100]
    assert training_order(50, config.changed(steps=7)) == order[:70]  # a longer run begins as a shorter one


def test_a_step_larger_than_the_rows_is_an_error(tiny_config):
    with pytest.raises(UserError, match="prompts_per_step=6 exceeds the 5 training rows"):
        training_order(5, tiny_config.changed(prompts_per_step=6))


def test_examples_are_chosen_by_rank_and_none_means_all(tiny_config):
    assert [problem.id for problem in chosen_examples(tiny_config)] == ["0", "1", "2", "3", "4"]
    ranked = with_arm(tiny_config, "two-shot", 0)
    assert [problem.id for problem in chosen_examples(ranked)] == ["3", "0"]  # ranks 1 and 13
    with pytest.raises(UserError, match="example 13, .*pool.jsonl .1."):
        chosen_examples(ranked.changed(ranking={1: "3"}))
    with pytest.raises(UserError, match="pool.jsonl: no row with index 77 .example 1."):
        chosen_examples(ranked.changed(ranking={1: "77", 13: "0"}))


def test_a_label_replaces_the_examples_answer(tiny_config):
    """Table 5, rows 11-13: the question stays, its answer is wrong."""
    config = with_arm(tiny_config, "label-far", 0).changed(labels={"near": "12.7", "far": "929725"})
    own, = chosen_examples(with_arm(tiny_config, "one-shot", 0))
    far, = chosen_examples(config)
    assert (far.question, far.answer) == (own.question, "929725") and own.answer != "929725"
    with pytest.raises(UserError, match="'label-guessable' .*'guessable'.*: near, far"):
        chosen_examples(with_arm(config, "label-guessable", 0))


def test_the_dataset_shows_prompts_with_their_own_answers(tiny_config, tiny_tokenizer):
    rows = training_dataset(tiny_config.changed(steps=10), tiny_tokenizer)
    problems = chosen_examples(tiny_config)
    assert len(rows) == 20
    for row in rows:
        problem, = (problem for problem in problems if f"\n{problem.question} Let's think" in row["prompt"])
        assert row["answer"] == problem.answer
        assert row["prompt"].endswith("<|im_start|>assistant\n")
    with pytest.raises(UserError, match="pool.jsonl: the prompt of row 1 has"):
        training_dataset(tiny_config.changed(max_prompt_tokens=20), tiny_tokenizer)


# ---- rewards and settings ----------------------------------------------------------------------

def test_rewards_are_the_training_grader_and_the_closed_box():
    texts = ["so \\boxed{12.8}.", "so \\boxed{12.9}.", "12.8", "\\boxed{12.8", "\\boxed{1}\\boxed{ }"]
    assert outcome(texts, ["12.8"] * 5) == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert format(texts) == [1.0, 1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(("arm", "weights"), [
    ("one-shot", [1.0, 0.0, 0.0]), ("format-reward", [0.0, 1.0, 0.0]), ("random-reward", [0.0, 0.0, 1.0]),
    ("entropy-only", [0.0, 0.0, 0.0])])
def test_which_reward_counts_is_the_arms(tiny_config, arm, weights):
    assert reward_weights(with_arm(tiny_config, arm, 0)) == weights


@pytest.mark.parametrize(("micro", "updates"), [(3, 1), (16, 1), (8, 2), (2, 3)])
def test_rollouts_that_do_not_split_are_an_error(tiny_config, tmp_path, micro, updates):
    config = tiny_config.changed(micro_batch=micro, updates_per_rollout=updates)
    with pytest.raises(UserError, match=f"micro_batch={micro} .*updates_per_rollout={updates} .*8 rollouts"):
        trainer_arguments(config, tmp_path, on_cpu=True)


def test_the_settings_that_trl_keeps(tiny_config, tmp_path):
    arguments = trainer_arguments(with_arm(tiny_config, "one-shot-entropy-x3", 5), tmp_path, on_cpu=True)
    assert (arguments.scale_rewards, arguments.num_iterations, arguments.beta) == ("none", 1, 0.001)
    assert (arguments.seed, arguments.top_p, arguments.top_k, arguments.max_steps) == (5, 1.0, 0, 3)
    assert not arguments.use_vllm and not arguments.bf16
    alone = with_arm(tiny_config, "entropy-only", 0)
    assert trainer_arguments(alone, tmp_path, on_cpu=True).beta == 0  # no reference model is loaded
    assert trainer_arguments(alone.changed(kl_in_reward=0.1), tmp_path, on_cpu=True).beta > 0


# ---- runs --------------------------------------------------------------------------------------

def test_the_records_of_a_run_are_complete(reference, tiny_config):
    assert [row["step"] for row in reference.rows("metrics")] == [1, 2, 3]
    for row in reference.rows("metrics"):
        assert set(row) == {"step", "reflecting", *METRICS.values()}
        assert all(value is not None for value in row.values()), row
    assert [(row["step"], row["benchmark"]) for row in reference.rows("evaluations")] == [
        (step, name) for step in (1, 2, 3) for name in ("six", "six-sampled")]
    assert [row["step"] for row in reference.rows("samples")] == [1] * 4 + [2] * 4 + [3] * 4
    assert Counter(row["step"] for row in reference.rows("responses")) == {1: 18, 2: 18, 3: 18}
    assert [row["step"] for row in reference.rows("timings")] == [1, 2, 3]
    assert reference.config == tiny_config.changed(eval_every=1)
    facts = reference.provenance
    assert {"config_hash", "seed", "git", "versions", "hardware", "started", "wall_seconds",
            "weights_sha256"} <= set(facts)
    assert reference.folder.name == run_name(reference.config)
    assert {path.name for path in reference.folder.iterdir()} == {
        "config.json", "provenance.json", "weights", *JSON_LINES}


def test_the_history_names_the_rows_and_their_accuracies(reference):
    order = training_order(5, reference.config)
    shown = [[str(i) for i in order[start:start + 2]] for start in (0, 2, 4)]
    for row, rows, metrics in zip(reference.rows("history"), shown, reference.rows("metrics"), strict=True):
        assert (row["step"], row["rows"]) == (metrics["step"], rows)
        assert sum(row["accuracies"]) / 2 == pytest.approx(metrics["outcome"])


def test_evaluation_records_agree_with_the_kept_responses(reference):
    for row in reference.evaluations("six-sampled"):
        kept = [response for response in reference.rows("responses")
                if (response["step"], response["benchmark"]) == (row["step"], "six-sampled")]
        right = [response["qwen-eval"] == "right" for response in kept]
        assert len(kept) == row["problems"] * row["samples"] == 12
        assert row["accuracy"]["qwen-eval"] == pytest.approx(sum(right) / 12)
        assert row["solved_once"] == pytest.approx(sum(any(right[i:i + 2]) for i in range(0, 12, 2)) / 6)
        assert row["right_counts"] == [sum(sum(right[i:i + 2]) == c for i in range(0, 12, 2)) for c in range(3)]
        assert row["boxed"] == pytest.approx(sum("\\boxed" in r["response"] for r in kept) / 12)
        assert sum(part["n"] for part in row["by_subject"].values()) == 12
    for row in reference.rows("responses"):
        assert (row["qwen-eval"] == "right") == grading.grade(row["response"], row["answer"])


def test_the_saved_policy_is_a_folder_that_loads_and_has_moved(reference, tiny_model):
    from rlvr_utils.models.loading import load_policy

    trained, _ = load_policy(str(reference.folder / "weights"))
    start, _ = load_policy(str(tiny_model))
    assert any(not torch.equal(new, old)
               for new, old in zip(trained.state_dict().values(), start.state_dict().values(), strict=True))


def test_the_same_seed_gives_the_same_records_and_weights(reference, tmp_path):
    again = obtain(reference.config, tmp_path)
    assert records(again) == records(reference)
    assert again.provenance["weights_sha256"] == reference.provenance["weights_sha256"]


def test_another_seed_gives_another_run(reference, tmp_path):
    other = obtain(reference.config.changed(seed=1), tmp_path)
    assert other.provenance["weights_sha256"] != reference.provenance["weights_sha256"]


def test_evaluations_do_not_disturb_the_training(reference, tmp_path):
    seldom = obtain(reference.config.changed(eval_every=1000), tmp_path)
    assert [row["step"] for row in seldom.evaluations("six")] == [3]
    for name in ("metrics.jsonl", "history.jsonl"):
        assert records(seldom)[name] == records(reference)[name]
    assert seldom.provenance["weights_sha256"] == reference.provenance["weights_sha256"]
    assert seldom.rows("evaluations") == [row for row in reference.rows("evaluations") if row["step"] == 3]


def test_a_finished_run_is_loaded_and_not_trained(reference, monkeypatch):
    monkeypatch.setattr("rlvr_utils.runs.obtain.execute", None)
    assert obtain(reference.config, reference.folder.parents[1]) == reference


def test_no_steps_mean_an_evaluation_of_the_model_itself(tiny_config, tmp_path):
    run = obtain(with_arm(tiny_config, "base", 0), tmp_path)
    assert [row["step"] for row in run.rows("evaluations")] == [0, 0]
    assert run.rows("metrics") == [] and not (run.folder / "weights").exists()


# ---- the loss ----------------------------------------------------------------------------------

def test_the_first_loss_is_the_token_mean_of_advantages(tiny_config, tiny_tokenizer, tmp_path, monkeypatch):
    """At the first step policy, sampler and reference are one model, so the clipped ratio is 1 and
    the KL 0: what is left of the objective can be computed by hand from the rollouts."""
    seen = []
    original = trainer.sample
    monkeypatch.setattr(trainer, "sample", lambda *words, **rest: seen.append(original(*words, **rest)) or seen[-1])
    run = obtain(tiny_config.changed(steps=1, seed=8), tmp_path)
    examples = chosen_examples(tiny_config)
    golds = [examples[i].answer for i in training_order(5, run.config) for _ in range(4)]
    texts = tiny_tokenizer.batch_decode(seen[0], skip_special_tokens=True)
    rewards = torch.tensor(outcome(texts, golds)).view(2, 4)
    advantages = ((rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-6)).flatten()
    lengths = torch.tensor([len(ids) for ids in seen[0]])
    row, = run.rows("metrics")
    assert rewards.std() > 0 and len(set(lengths.tolist())) > 1
    assert row["outcome"] == pytest.approx(float(rewards.mean()))
    assert row["policy_loss"] == pytest.approx(float(-(advantages * lengths).sum() / lengths.sum()), abs=1e-5)
    assert row["kl"] == pytest.approx(0.0, abs=1e-6)
    assert row["response_length"] == pytest.approx(float(lengths.float().mean()))


@pytest.mark.slow
def test_the_loss_is_the_policys_minus_the_entropy_bonus_plus_the_divergence(reference, tmp_path):
    stronger = with_arm(reference.config, "one-shot-entropy-x3", 0)
    for config, weight in ((reference.config, 0.001), (stronger, 0.003)):
        for row in obtain(config, tmp_path).rows("metrics"):
            parts = row["policy_loss"] - weight * row["entropy"] + 0.001 * row["kl"]
            assert row["loss"] == pytest.approx(parts, abs=1e-6)


@pytest.mark.slow
def test_entropy_alone_has_no_policy_loss_and_still_learns(tiny_config, reference, tmp_path):
    run = obtain(with_arm(tiny_config, "entropy-only-x10", 0), tmp_path)
    for row in run.rows("metrics"):
        assert row["policy_loss"] == 0.0 and row["reward_std"] == 0.0 and row["zero_std_groups"] == 1.0
        assert row["loss"] == pytest.approx(-0.01 * row["entropy"], abs=1e-7)
    assert any(row["outcome"] > 0 for row in run.rows("metrics"))  # watched, though it does not count
    weights = obtain(with_arm(tiny_config, "entropy-only", 0), tmp_path).provenance["weights_sha256"]
    assert len({weights, run.provenance["weights_sha256"], reference.provenance["weights_sha256"]}) == 3


def test_the_format_arm_learns_from_the_format_reward(tiny_config, tmp_path):
    more = tiny_config.changed(steps=1, num_generations=8)  # a group with right, wrong and missing boxes
    first, other = (obtain(with_arm(more, arm, 0), tmp_path).rows("metrics")[0]
                    for arm in ("format-reward", "full-set"))
    for name in ("outcome", "format", "entropy", "response_length"):
        assert first[name] == other[name]  # the same rollouts of the same model ...
    assert first["policy_loss"] != other["policy_loss"]  # ... rewarded differently
    assert first["format"] != first["outcome"]


def test_without_an_entropy_bonus_the_records_are_complete_too(tiny_config, tmp_path):
    run = obtain(with_arm(tiny_config, "one-shot-no-entropy", 0), tmp_path)
    for row in run.rows("metrics"):
        assert row["loss"] == pytest.approx(row["policy_loss"] + 0.001 * row["kl"], abs=1e-6)


@pytest.mark.slow
def test_several_updates_a_rollout_count_rollout_steps(tiny_config, tmp_path):
    config = tiny_config.changed(updates_per_rollout=2, micro_batch=4)
    run = obtain(config, tmp_path / "two")
    assert [row["step"] for row in run.rows("metrics")] == [1, 2, 3] == [
        row["step"] for row in run.rows("timings")]
    assert [row["step"] for row in run.evaluations("six")] == [2, 3]
    accumulated = obtain(tiny_config.changed(micro_batch=4), tmp_path / "one")
    first, other = run.rows("metrics")[0], accumulated.rows("metrics")[0]
    assert first["outcome"] == other["outcome"]
    assert first["kl"] > other["kl"]  # the second update starts from a moved policy
    assert run.provenance["weights_sha256"] != accumulated.provenance["weights_sha256"]


@pytest.mark.slow
def test_logged_means_are_those_of_tokens_in_whatever_pieces_the_loss_is_computed(tiny_config, tmp_path):
    whole, cut = (obtain(tiny_config.changed(steps=1, eval_every=0, micro_batch=size), tmp_path).rows("metrics")[0]
                  for size in (8, 2))
    assert whole["entropy"] == pytest.approx(cut["entropy"], rel=1e-5)
    assert whole["policy_loss"] == pytest.approx(cut["policy_loss"], abs=1e-6)


@pytest.mark.slow
def test_sharing_prompts_changes_the_work_and_not_the_training(tiny_config, tmp_path):
    config = tiny_config.changed(steps=2, num_generations=2, micro_batch=4)
    shared, plain = (obtain(config.changed(share_prompts=share), tmp_path) for share in (True, False))
    assert shared.folder != plain.folder
    for row, other in zip(shared.rows("metrics"), plain.rows("metrics"), strict=True):
        assert row == pytest.approx(other, rel=1e-4, abs=1e-6)


def test_every_parameter_decays(tiny_config, tmp_path, monkeypatch):
    """Norms and biases too, as in the authors' optimizer."""
    groups = []
    original = trainer.OneShotTrainer.create_optimizer

    def spy(self, *words, **rest):
        optimizer = original(self, *words, **rest)
        groups.extend(group for group in optimizer.param_groups if group["params"])
        return optimizer

    monkeypatch.setattr(trainer.OneShotTrainer, "create_optimizer", spy)
    obtain(tiny_config.changed(steps=1), tmp_path)
    assert [group["weight_decay"] for group in groups] == [0.01]


def test_the_configuration_is_written_as_it_can_be_read(reference):
    written = json.loads((reference.folder / "config.json").read_text())
    assert written["hash"] == reference.provenance["config_hash"] and written["config"]["seed"] == 0
