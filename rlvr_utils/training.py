"""Training: TRL's GRPOTrainer, configured to the authors' recipe.

Departures from TRL's defaults follow the paper's §2 and App. B and the authors' released code:
token-mean loss, k3 KL without ratio correction, entropy bonus, constant learning rate, weight
decay on every parameter. The rollouts are our own (`rlvr_utils.rollouts`).
"""
from __future__ import annotations

import random
import warnings
from pathlib import Path

import torch
from transformers import PrinterCallback
from trl import GRPOConfig, GRPOTrainer

from rlvr_utils import grading
from rlvr_utils.errors import UserError
from rlvr_utils.problems import Problem, distinct, load_training
from rlvr_utils.profiles import RunConfig, local_path
from rlvr_utils.prompts import check_prompt_lengths, training_prompt
from rlvr_utils.rollouts import sample
from rlvr_utils.shared_prompt import token_log_probs

REWARDS = ("outcome", "format")
# TRL 1.16 still asks for the old name of a property of transformers 5.23.
warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)


def chosen_examples(config: RunConfig) -> list[Problem]:
    """The distinct training problems of the arm: the ranked examples, or the whole pool.

    Raises `UserError` when an example has no rank in the profile or no row in the pool.
    """
    pool = distinct(load_training(local_path(config.pool), empty_answers="drop"))
    if not config.examples:
        return pool
    rows = {problem.id: problem for problem in pool}
    chosen = []
    for rank in config.examples:
        if rank not in config.ranking:
            raise UserError(f"arm {config.arm!r} trains on example {rank}, which {Path(config.pool).name} "
                            f"does not offer; it has: {', '.join(map(str, config.ranking))}")
        row = config.ranking[rank]
        if row not in rows:
            raise UserError(f"{config.pool}: no row with index {row} (example {rank}); check `ranking`")
        chosen.append(rows[row])
    return chosen


def training_order(count: int, config: RunConfig) -> list[int]:
    """Which example each prompt of each rollout step shows, as indices below `count`, of length
    steps * prompts_per_step.

    Few examples are first repeated to `repeat_to` rows, as the authors do; every epoch is a
    fresh permutation of the rows, and a last incomplete batch of it is dropped.
    """
    rows = [i % count for i in range(max(count, config.repeat_to))]
    per_epoch = len(rows) // config.prompts_per_step * config.prompts_per_step
    if per_epoch == 0:
        raise UserError(f"prompts_per_step={config.prompts_per_step} exceeds the {len(rows)} training rows; lower it")
    rng, order = random.Random(config.seed), []
    while len(order) < config.steps * config.prompts_per_step:
        rng.shuffle(rows)
        order += rows[:per_epoch]
    return order[:config.steps * config.prompts_per_step]


def training_dataset(config: RunConfig, tokenizer):
    """The rows in the order of training, columns `prompt` (templated text), `answer`, `row`."""
    from datasets import Dataset

    examples = chosen_examples(config)
    prompts = [training_prompt(tokenizer, example.question) for example in examples]
    check_prompt_lengths(tokenizer, prompts, config.max_prompt_tokens, Path(config.pool).name)
    rows = Dataset.from_dict({"prompt": prompts, "answer": [example.answer for example in examples],
                              "row": [example.id for example in examples]})
    return rows.select(training_order(len(examples), config))


def outcome(completions, answer, **_) -> list[float]:
    """The authors' training reward: 1 when the last box equals the answer (protocol, reward)."""
    return [float(verdict == grading.Verdict.RIGHT)
            for verdict in grading.grade_batch(completions, answer, "training")]


def format(completions, **_) -> list[float]:  # the reward's name in the paper and in TRL's log
    """The format reward (paper App. C.2.3): 1 when there is a closed, non-empty box."""
    return [grading.format_reward(text) for text in completions]


def reward_weights(config: RunConfig) -> list[float]:
    """Both rewards are always logged; without a policy loss neither counts, so that every
    advantage is exactly 0."""
    if config.reward not in REWARDS:
        raise UserError(f"reward {config.reward!r} does not exist; choose one of: {', '.join(REWARDS)}")
    return [float(config.policy_loss and config.reward == name) for name in REWARDS]


def micro_steps(config: RunConfig) -> int:
    """Forward passes a rollout step. Raises `UserError` where the rollouts do not divide evenly."""
    rollouts = config.prompts_per_step * config.num_generations
    steps, rest = divmod(rollouts, config.micro_batch) if config.micro_batch > 0 else (0, 1)
    if rest or config.updates_per_rollout < 1 or steps % config.updates_per_rollout:
        raise UserError(
            f"{rollouts} rollouts a step do not split into {config.updates_per_rollout} updates of whole "
            f"micro-batches of {config.micro_batch}; change micro_batch or updates_per_rollout")
    return steps


def prepare(config: RunConfig, tokenizer):
    """The dataset of the run, with everything checked that a user could have got wrong."""
    micro_steps(config)
    reward_weights(config)
    return training_dataset(config, tokenizer)


def trainer_arguments(config: RunConfig, folder: Path, on_cpu: bool) -> GRPOConfig:
    """TRL's configuration of this run; optimizer updates are counted, not rollout steps."""
    updates = config.updates_per_rollout
    return GRPOConfig(
        output_dir=str(folder), max_steps=config.steps * updates, seed=config.seed,
        per_device_train_batch_size=config.micro_batch, steps_per_generation=micro_steps(config),
        gradient_accumulation_steps=micro_steps(config) // updates,
        num_generations=config.num_generations, temperature=config.temperature, top_p=1.0, top_k=0,
        max_completion_length=config.max_response_tokens,
        learning_rate=config.learning_rate, lr_scheduler_type="constant",
        weight_decay=config.weight_decay, max_grad_norm=config.max_grad_norm,
        beta=config.kl_coef, use_bias_correction_kl=False,
        entropy_coef=config.entropy_coef * config.entropy_scale,
        epsilon=config.clip_ratio, loss_type="bnpo", scale_rewards="group", num_iterations=1,
        reward_weights=reward_weights(config), shuffle_dataset=False,
        vllm_importance_sampling_correction=False,
        bf16=config.dtype == "bfloat16", use_cpu=on_cpu, activation_checkpointing=not on_cpu,
        logging_steps=updates, save_steps=config.save_every * updates, save_total_limit=2,
        report_to=[], disable_tqdm=True, log_level="error", dataloader_pin_memory=not on_cpu)


class OneShotTrainer(GRPOTrainer):
    """GRPOTrainer with shared-prompt rollouts and the authors' weight decay."""

    def __init__(self, config: RunConfig, stops: set[int], **keywords):
        self.run_config, self.stops = config, stops
        super().__init__(**keywords)
        self.remove_callback(PrinterCallback)

    def _generate_single_turn(self, prompt_ids, images, multimodal_fields, num_generations,
                              has_tool_images=False):
        model = self.accelerator.unwrap_model(self.model_wrapped)
        model.eval()
        responses = sample(model, prompt_ids, self.run_config.max_response_tokens,
                           self.temperature, self.stops)
        model.train()
        return responses, None

    def _get_per_token_logps_and_entropies(self, model, input_ids, attention_mask, logits_to_keep, batch_size=None,
                                           compute_entropy=False, **rest):
        if not self.run_config.share_prompts:
            return super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, batch_size, compute_entropy, **rest)
        size = batch_size or len(input_ids)
        parts = [token_log_probs(model, input_ids[i:i + size], attention_mask[i:i + size], logits_to_keep,
                                 self.temperature) for i in range(0, len(input_ids), size)]
        log_probs, entropies = (torch.cat(part) for part in zip(*parts))
        return log_probs, entropies if compute_entropy else None, None

    def get_decay_parameter_names(self, model) -> list[str]:
        """The authors decay every parameter, norms and biases included."""
        return [name for name, _ in model.named_parameters()]

    def create_model_card(self, *_, **__) -> None:
        """A checkpoint is not a publication."""


def build_trainer(config: RunConfig, model, tokenizer, dataset, folder: Path, recorder) -> OneShotTrainer:
    """The trainer of this run over a dataset of `training_dataset`, its checkpoints in `folder`,
    watched by the recorder."""
    on_cpu = model.device.type == "cpu"
    stops = model.generation_config.eos_token_id
    stops = set(stops) if isinstance(stops, (list, tuple)) else {stops}
    return OneShotTrainer(
        config, stops, model=model, processing_class=tokenizer, reward_funcs=[recorder.watch(outcome), format],
        args=trainer_arguments(config, folder, on_cpu), train_dataset=dataset, callbacks=[recorder])
