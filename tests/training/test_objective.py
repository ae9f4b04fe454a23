"""The trainer's gradient against the authors' loss, written down once more, sequence by sequence, in float64."""
from __future__ import annotations

import math

import pytest
import torch
from transformers import TrainerCallback

from rlvr_utils.models.loading import load_policy
from rlvr_utils.recipe.arms import TABLE5, with_arm
from rlvr_utils.training.micro_batches import balanced_parts, token_micro_batches
from rlvr_utils.training.objective import group_advantages, k3_kl, sequence_weights, token_terms
from rlvr_utils.training.recorder import Recorder
from rlvr_utils.training.setup import build_trainer, prepare

TEMPERATURE, GROUP, BUDGET = 0.6, 4, 150
REWARDS = [0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0]


# ---- the reference: nothing of the package in it ------------------------------------------------

def token_values(model, prompt: list[int], response: list[int]):
    """(log-probabilities, entropies) of one response's tokens under logits / temperature."""
    logits = model(input_ids=torch.tensor([prompt + response])).logits[0, len(prompt) - 1:-1].double() / TEMPERATURE
    table = logits - logits.logsumexp(-1, keepdim=True)
    return table[range(len(response)), response], -(table.exp() * table).sum(-1)


def authors_advantages(scores: list[float]) -> list[float]:
    advantages = []
    for start in range(0, len(scores), GROUP):
        group = scores[start:start + GROUP]
        mean = sum(group) / GROUP
        deviation = math.sqrt(sum((score - mean) ** 2 for score in group) / (GROUP - 1))
        advantages += [(score - mean) / (deviation + 1e-6) for score in group]
    return advantages


def authors_loss(model, rows: list[dict], micro_batches: list[list[int]], config) -> torch.Tensor:
    """Each micro-batch's token means, weighted by its share of the sequences."""
    total = 0.0
    for part in micro_batches:
        policy, entropy, kl = [], [], []
        for row in (rows[i] for i in part):
            new, entropies = token_values(model, row["prompt"], row["response"])
            for token, log_prob in enumerate(new):
                ratio = torch.exp(log_prob - row["old"][token])
                bounded = torch.clamp(ratio, 0.8, 1.2)
                policy.append(torch.max(-row["advantage"] * ratio, -row["advantage"] * bounded))
                gap = row["reference"][token] - log_prob
                kl.append(torch.clamp(torch.exp(gap) - gap - 1, -10, 10))
            entropy += list(entropies)
        mean = [torch.stack(values).mean() for values in (policy, entropy, kl)]
        loss = config.policy_loss * mean[0] - config.entropy_coef * config.entropy_scale * mean[1]
        total = total + (loss + config.kl_coef * mean[2]) * len(part) / len(rows)
    return total


# ---- the trainer, with rollouts and rewards given -----------------------------------------------

def fresh(model):
    """A copy in float64 with the library's own forward pass, which TRL replaces."""
    copied = type(model)(model.config).double().eval()
    copied.load_state_dict(model.state_dict())
    return copied


class Watch(TrainerCallback):
    """Keeps, before every optimizer step, the weights and gradients and what they came from."""

    def __init__(self):
        self.updates, self.trainer = [], None

    def on_pre_optimizer_step(self, args, state, control, model=None, **_):
        first = len(self.updates) % self.trainer.run_config.updates_per_rollout * args.gradient_accumulation_steps
        chunks = self.trainer._buffered_inputs[first:first + args.gradient_accumulation_steps]
        self.updates.append({"model": fresh(model), "chunks": chunks,
                             "gradient": [parameter.grad.clone() for parameter in model.parameters()]})


def responses(prompts: list[list[int]]) -> list[list[int]]:
    """Ragged, random, one of them a single token; equal for equal calls."""
    generator = torch.Generator().manual_seed(5)
    lengths = [1, *torch.randint(2, 24, (len(prompts) - 1,), generator=generator).tolist()]
    return [torch.randint(5, 300, (size,), generator=generator).tolist() for size in lengths]


def train(config, folder) -> Watch:
    """One rollout step on given responses and rewards, in float64."""
    model, tokenizer = load_policy(config.model)
    watch = Watch()
    recorder = Recorder(config, folder, tokenizer, [])
    trainer = build_trainer(config, model, tokenizer, prepare(config, tokenizer), folder, recorder)
    watch.trainer = trainer
    trainer.add_callback(watch)
    trainer.model.double()
    if trainer.ref_model is not None:  # a reference apart from the start, so that the divergence is not 0
        torch.manual_seed(3)
        for parameter in trainer.ref_model.double().parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
    trainer._generate_single_turn = lambda prompt_ids, *_, **__: (responses(prompt_ids), None)
    trainer.reward_funcs = [recorder.watch(lambda **_: REWARDS), *[lambda **_: REWARDS] * 2]
    watch.start, watch.reference = fresh(trainer.model), fresh(trainer.ref_model or trainer.model)
    trainer.train()
    return watch


def reference_rows(watch: Watch, chunks: list[dict], config) -> list[dict]:
    """What the update consists of, every value computed anew from token ids and rewards."""
    prompts = [row for chunk in chunks for row in unpadded(chunk["prompt_ids"], chunk["prompt_mask"])]
    answers = [row for chunk in chunks for row in unpadded(chunk["completion_ids"], chunk["completion_mask"])]
    given = responses([[]] * len(REWARDS))
    with torch.no_grad():
        rows = [{"prompt": prompt, "response": answer, "place": given.index(answer),
                 "old": token_values(watch.start, prompt, answer)[0],
                 "reference": token_values(watch.reference, prompt, answer)[0]}
                for prompt, answer in zip(prompts, answers)]
    return rows


def unpadded(ids, mask) -> list[list[int]]:
    return [row[keep.bool()].tolist() for row, keep in zip(ids, mask)]


def check(watch: Watch, config) -> None:
    """Every update's gradient, within 1e-5 of its norm."""
    every = [row for update in watch.updates for row in reference_rows(watch, update["chunks"], config)]
    scores = list(REWARDS)
    for row in every:
        penalty = float((row["old"] - row["reference"]).sum()) if config.kl_in_reward else 0.0
        scores[row["place"]] -= config.kl_in_reward * penalty
    advantages = authors_advantages(scores)
    for update in watch.updates:
        rows = reference_rows(watch, update["chunks"], config)
        for row in rows:
            row["advantage"] = advantages[row["place"]]
        parts = token_micro_batches([len(row["prompt"] + row["response"]) for row in rows], config.micro_batch_tokens)
        update["model"].zero_grad()
        authors_loss(update["model"], rows, parts, config).backward()
        theirs = torch.cat([parameter.grad.flatten() for parameter in update["model"].parameters()])
        ours = torch.cat([gradient.flatten() for gradient in update["gradient"]])
        assert (ours - theirs).norm() <= 1e-5 * theirs.norm()
        assert len(parts) > 1 or not config.micro_batch_tokens


@pytest.fixture
def step(tiny_config):
    """One rollout step of 4 prompts with 4 responses, gradients not clipped."""
    return tiny_config.changed(prompts_per_step=4, num_generations=GROUP, steps=1, micro_batch=16, eval_every=0,
                               temperature=TEMPERATURE, max_response_tokens=24, max_grad_norm=1e9,
                               labels={"near": "2", "guessable": "4", "far": "929725"})


@pytest.mark.slow
@pytest.mark.parametrize("arm", dict.fromkeys(TABLE5[1:]))
def test_the_gradient_is_the_authors_for_every_arm_of_table_5(step, tmp_path, arm):
    config = with_arm(step, arm, 0).changed(micro_batch_tokens=BUDGET)
    watch = train(config, tmp_path)
    check(watch, config)
    assert max(float(part.abs().max()) for part in watch.updates[0]["gradient"]) > 0


@pytest.mark.slow
def test_an_arm_without_any_loss_has_no_gradient(step, tmp_path):
    watch = train(with_arm(step, TABLE5[0], 0), tmp_path)
    assert all(not part.any() for part in watch.updates[0]["gradient"])


@pytest.mark.parametrize("changes", [
    {"updates_per_rollout": 2, "micro_batch": 8, "micro_batch_tokens": BUDGET},   # off-policy mini-batches
    {"updates_per_rollout": 4, "micro_batch": 2, "clip_ratio": 0.2},              # several pieces an update
    {"micro_batch": 2, "micro_batch_tokens": BUDGET},                             # the pieces are not the micro-batches
    {"share_prompts": False, "micro_batch_tokens": BUDGET},                       # TRL's own forward pass
    {"kl_coef": 0.0, "kl_in_reward": 0.05, "micro_batch_tokens": BUDGET},         # the released code's other KL
], ids=["off-policy", "four-updates", "pieces", "plain-forward", "kl-in-reward"])
@pytest.mark.slow
def test_the_gradient_is_the_authors_however_it_is_computed(step, tmp_path, changes):
    config = with_arm(step, "one-shot", 0).changed(learning_rate=3e-3, **changes)
    watch = train(config, tmp_path)
    assert len(watch.updates) == config.updates_per_rollout
    check(watch, config)


@pytest.mark.slow
def test_an_update_is_clipped_adamw_with_decay_of_everything(step, tmp_path):
    """The parameters after the step, by AdamW's formulas (betas 0.9 and 0.999, epsilon 1e-8)."""
    config = with_arm(step, "one-shot", 0).changed(max_grad_norm=0.01, weight_decay=0.1, learning_rate=1e-3)
    watch = train(config, tmp_path)
    before, after = (list(model.parameters()) for model in (watch.updates[0]["model"], watch.trainer.model))
    clipped = watch.updates[0]["gradient"]
    assert torch.cat([part.flatten() for part in clipped]).norm() == pytest.approx(0.01, rel=1e-4)
    for old, new, gradient in zip(before, after, clipped):
        expected = old * (1 - 1e-3 * 0.1) - 1e-3 * gradient / (gradient.abs() + 1e-8)
        assert torch.allclose(new, expected, rtol=0, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("updates", [1, 2])
def test_the_released_schedule_idles_in_the_first_rollout_step(step, tmp_path, updates):
    config = with_arm(step, "one-shot", 0).changed(steps=2, idle_first_step=True, updates_per_rollout=updates,
                                                   micro_batch=16 // updates)
    watch = train(config, tmp_path)
    weights = [torch.cat([p.detach().flatten() for p in update["model"].parameters()]) for update in watch.updates]
    end = torch.cat([p.detach().flatten() for p in watch.trainer.model.parameters()])
    assert all(torch.equal(weights[0], later) for later in weights[:updates + 1])
    assert not torch.equal(weights[updates], end)


# ---- the parts ---------------------------------------------------------------------------------

def test_advantages_are_standardised_with_ddof_1():
    advantages = group_advantages(torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]), 4)
    assert advantages.tolist() == pytest.approx([1.5, -0.5, -0.5, -0.5, 0, 0, 0, 0], abs=1e-5)


def test_the_divergence_is_bounded_at_10():
    log_probs = torch.tensor([-1.0, -1.0, -9.0])
    kl = k3_kl(log_probs, torch.tensor([-1.0, -2.0, -1.0]))
    assert kl.tolist() == pytest.approx([0.0, math.exp(-1) + 1 - 1, 10.0], abs=1e-6)


def test_the_ratio_is_clipped_on_the_side_that_would_gain():
    new, old = torch.tensor([[0.5, -0.5], [0.5, -0.5]]), torch.zeros(2, 2)
    terms = token_terms(new, torch.zeros(2, 2), torch.tensor([1.0, -1.0]), old)
    up, down = math.exp(0.5), math.exp(-0.5)
    assert terms.policy.tolist() == [pytest.approx([-1.2, -down]), pytest.approx([up, 0.8])]
    assert terms.clipped.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_weights_are_shares_of_sequences_over_tokens():
    weights = sequence_weights([10, 2, 3, 5], [[0], [1, 2, 3]])
    assert weights == pytest.approx([1 / 4 / 10, 3 / 4 / 10, 3 / 4 / 10, 3 / 4 / 10])
    assert sequence_weights([2, 6], [[0, 1]]) == pytest.approx([1 / 8, 1 / 8])  # one micro-batch: the token mean


def test_micro_batches_are_few_and_balanced():
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(200, 3200, (128,), generator=generator).tolist()
    parts = token_micro_batches(lengths, 24_000)
    sizes = [sum(lengths[row] for row in part) for part in parts]
    assert sorted(row for part in parts for row in part) == list(range(128))
    assert len(parts) == math.ceil(sum(lengths) / 24_000) and max(sizes) - min(sizes) < 100
    assert token_micro_batches(lengths, 0) == [list(range(128))]
    assert len(token_micro_batches(lengths, 24_000, at_least=20)) == 20


def test_differencing_beats_what_greedy_filling_can_do():
    """The textbook case: 8, 7, 6, 5, 4 into two parts differ by 2 under differencing, by 4 under greedy filling."""
    parts = balanced_parts([8, 7, 6, 5, 4], 2)
    sums = sorted(sum([8, 7, 6, 5, 4][row] for row in part) for part in parts)
    assert sums == [14, 16]
    with pytest.raises(ValueError, match="2 rows .*3 parts"):
        balanced_parts([1, 2], 3)
