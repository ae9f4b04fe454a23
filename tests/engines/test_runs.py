"""Runs in which vLLM takes part: it evaluates kept policies, and it writes the responses of a training."""
from __future__ import annotations

import shutil

import pytest

from rlvr_utils.evaluation.kept_policies import evaluate_run
from rlvr_utils.models.engines import VllmRollouts
from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.records.run import Run
from rlvr_utils.runs.obtain import obtain
from rlvr_utils.training import trainer

PROBLEMS = 200
SAME = ("outcome", "format", "reward_std", "loss", "policy_loss", "grad_norm", "entropy", "kl", "response_length",
        "truncated")


@pytest.fixture(scope="module")
def short(pocket):
    """Four steps that move the policy far; one benchmark greedy, one sampled."""
    sampled, greedy = pocket.benchmarks[:2]
    benchmarks = tuple(benchmark.model_copy(update={"limit": PROBLEMS}) for benchmark in (greedy, sampled))
    return with_arm(pocket, "one-shot", 0).changed(steps=4, eval_every=0, save_every=2, keep_every=2,
                                                   learning_rate=1e-3, reward="random", benchmarks=benchmarks)


@pytest.fixture(scope="module")
def ours(short, tmp_path_factory):
    run = obtain(short, tmp_path_factory.mktemp("ours"))
    evaluate_run(run)
    return run


def test_kept_policies_do_as_well_through_vllm(ours, short, tmp_path):
    folder = shutil.copytree(ours.folder, tmp_path / ours.folder.name)
    theirs = Run(folder, short.changed(engine="vllm"))
    evaluate_run(theirs)
    assert [row["step"] for row in theirs.rows("evaluations")] == [2, 2, 4, 4]
    for benchmark in short.benchmarks:
        for own, other in zip(ours.evaluations(benchmark.name), theirs.evaluations(benchmark.name), strict=True):
            answers = own["problems"] * own["samples"]
            for field in ("boxed", "truncated"):
                assert other[field] == pytest.approx(own[field], abs=interval(own[field], answers)), field
            for grader, share in own["accuracy"].items():
                assert other["accuracy"][grader] == pytest.approx(share, abs=interval(share, answers)), grader
    greedy = [[row["response"] for row in run.rows("responses") if row["benchmark"] == short.benchmarks[0].name]
              for run in (ours, theirs)]
    assert greedy[0] == greedy[1] and len(greedy[0]) > 10


def interval(share: float, answers: int) -> float:
    """Half the width of the 95 % interval of the difference of two shares; no smaller than one answer."""
    return max(1.96 * (2 * share * (1 - share) / answers) ** 0.5, 1 / answers)


class Remembering(VllmRollouts):
    said: list = []

    def sample(self, prompts):
        answer = super().sample(prompts)
        self.said.append(answer[0])
        return answer


@pytest.fixture(scope="module")
def trained(short, tmp_path_factory):
    """A run with vLLM's responses, and those responses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "VllmRollouts", Remembering)
        Remembering.said = []
        run = obtain(short.changed(engine="vllm"), tmp_path_factory.mktemp("trained"))
    return run, Remembering.said


def test_vllm_has_the_trainers_weights_at_every_step(trained):
    """The policy moves far at each of them; with the weights of the step before, the distance would be seen."""
    rows = trained[0].rows("metrics")
    assert [row["step"] for row in rows] == [1, 2, 3, 4] and max(row["kl"] for row in rows) > 0.05
    assert all(0 < row["engine_difference"] < 1e-5 for row in rows)


def test_vllm_has_the_adapters_weights_at_every_step(short, tmp_path):
    """The merged weights: with the base's, the distance would be as large as the policy has moved."""
    run = obtain(short.changed(engine="vllm", lora_rank=8, learning_rate=1e-2, keep_every=0), tmp_path)
    rows = run.rows("metrics")
    assert len(rows) == 4 and max(row["kl"] for row in rows) > 0.05
    assert all(0 < row["engine_difference"] < 1e-5 for row in rows)


def test_first_steps_are_ours_on_the_same_responses(trained, short, tmp_path, monkeypatch):
    run, said = trained
    waiting = iter(said)
    monkeypatch.setattr(trainer, "sample", lambda model, prompts, *rest, **named: next(waiting))
    other = obtain(short, tmp_path)
    for theirs, own in zip(run.rows("metrics"), other.rows("metrics"), strict=True):
        assert {name: own[name] for name in SAME} == {name: pytest.approx(theirs[name], rel=1e-4) for name in SAME}


def test_the_correction_is_next_to_none_where_both_compute_alike(trained, short, tmp_path):
    run = obtain(short.changed(engine="vllm", engine_ratio_cap=2.0, steps=1, save_every=1, keep_every=0), tmp_path)
    assert run.rows("metrics")[0]["loss"] == pytest.approx(trained[0].rows("metrics")[0]["loss"], rel=1e-4)


def test_a_run_with_vllm_is_resumed_to_the_bit(trained, short, tmp_path):
    config = short.changed(engine="vllm")
    assert obtain(config, tmp_path, stop_after=2) is None
    again = obtain(config, tmp_path)
    assert again.provenance["resumed_from"] == 2
    assert again.provenance["weights_sha256"] == trained[0].provenance["weights_sha256"]
    assert again.rows("metrics") == trained[0].rows("metrics")
