"""Training: which examples in which order, which rewards, which settings of TRL."""
from __future__ import annotations

import os
import random
import warnings
from dataclasses import replace
from pathlib import Path

import torch
from trl import GRPOConfig

from rlvr_utils import grading
from rlvr_utils.errors import UserError
from rlvr_utils.plan import launched_layout
from rlvr_utils.problems import Problem, distinct, load_training
from rlvr_utils.profiles import RunConfig, local_path
from rlvr_utils.prompts import check_prompt_lengths, training_prompt
from rlvr_utils.trainer import OneShotTrainer

REWARDS = ("outcome", "format", "random")
# TRL 1.16 still asks for the old name of a property of transformers 5.23.
warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)


def chosen_examples(config: RunConfig) -> list[Problem]:
    """The distinct training problems of the arm: the ranked examples, or the whole pool.

    Raises `UserError` when an example has no rank in the profile or no row in the pool.
    """
    pool = distinct(load_training(local_path(config.pool), empty_answers="drop"))
    if not config.examples:
        return pool
    label = chosen_label(config)
    rows = {problem.id: problem for problem in pool}
    chosen = []
    for rank in config.examples:
        if rank not in config.ranking:
            raise UserError(f"arm {config.arm!r} trains on example {rank}, which {Path(config.pool).name} "
                            f"does not offer; it has: {', '.join(map(str, config.ranking))}")
        row = config.ranking[rank]
        if row not in rows:
            raise UserError(f"{config.pool}: no row with index {row} (example {rank}); check `ranking`")
        chosen.append(replace(rows[row], answer=label) if label else rows[row])
    return chosen


def chosen_label(config: RunConfig) -> str:
    """The answer that replaces the example's own (paper Table 5, rows 11-13); "" for none."""
    if config.label and config.label not in config.labels:
        raise UserError(f"arm {config.arm!r} trains on the label {config.label!r}, which profile {config.profile} "
                        f"does not offer; it has: {', '.join(config.labels) or 'none'}")
    return config.labels.get(config.label, "")


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
    check_prompt_lengths(tokenizer, prompts, [example.row for example in examples], config.max_prompt_tokens,
                         Path(config.pool).name, f"raise max_prompt_tokens (now {config.max_prompt_tokens})")
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


def coin(seed: int):
    """The random reward, a control: right or wrong by a coin that does not look at the answer."""
    def random_reward(completions, trainer_state, **_) -> list[float]:
        rng = random.Random(f"{seed} {trainer_state.global_step} {os.environ.get('RANK', 0)}")
        return [float(rng.random() < 0.5) for _ in completions]
    random_reward.__name__ = "random"
    return random_reward


def reward_weights(config: RunConfig) -> list[float]:
    """All rewards are always logged; without a policy loss none counts, so that every advantage is
    exactly 0."""
    if config.reward not in REWARDS:
        raise UserError(f"reward {config.reward!r} does not exist; choose one of: {', '.join(REWARDS)}")
    return [float(config.policy_loss and config.reward == name) for name in REWARDS]


def micro_steps(config: RunConfig, processes: int = 1) -> int:
    """Forward passes a rollout step on each of the processes. Raises `UserError` where the rollouts
    do not divide evenly, or a group would be torn apart."""
    rollouts, rest = divmod(config.prompts_per_step * config.num_generations, processes)
    if rest or rollouts % config.num_generations:
        raise UserError(f"{config.prompts_per_step} prompts a step do not split over {processes} processes; "
                        "change prompts_per_step or the number of processes")
    steps, rest = divmod(rollouts, config.micro_batch) if config.micro_batch > 0 else (0, 1)
    if rest or config.updates_per_rollout < 1 or steps % config.updates_per_rollout:
        raise UserError(
            f"{rollouts} rollouts a step do not split into {config.updates_per_rollout} updates of whole "
            f"micro-batches of {config.micro_batch}; change micro_batch or updates_per_rollout")
    return steps


def processes() -> int:
    """How many processes train together: what `accelerate launch` or torchrun has set."""
    return int(os.environ.get("WORLD_SIZE", 1))


def prepare(config: RunConfig, tokenizer):
    """The dataset of the run, with everything checked that a user could have got wrong."""
    micro_steps(config, processes())
    reward_weights(config)
    if config.keep_every % config.save_every:
        raise UserError(f"keep_every={config.keep_every} is no multiple of save_every={config.save_every}; change one")
    if config.engine == "transformers" and launched_layout() == "sharded":
        raise UserError("engine 'transformers' cannot write responses with a sharded model; set engine to vllm, or "
                        "launch with launch/eight-gpus-ddp.yaml")
    if processes() > 1 and config.eval_every:
        raise UserError(f"eval_every={config.eval_every} evaluates inside the training, which several processes "
                        "cannot; set it to 0 and keep_every to the steps that you want evaluated")
    return training_dataset(config, tokenizer)


def trainer_arguments(config: RunConfig, folder: Path, on_cpu: bool) -> GRPOConfig:
    """TRL's configuration of this run; optimizer updates are counted, not rollout steps."""
    updates, micro = config.updates_per_rollout, micro_steps(config, processes())
    return GRPOConfig(
        output_dir=str(folder), max_steps=config.steps * updates, seed=config.seed,
        per_device_train_batch_size=config.micro_batch, steps_per_generation=micro,
        gradient_accumulation_steps=micro // updates,
        num_generations=config.num_generations, temperature=config.temperature, top_p=1.0, top_k=0,
        max_completion_length=config.max_response_tokens,
        learning_rate=config.learning_rate, weight_decay=config.weight_decay, max_grad_norm=config.max_grad_norm,
        # The loss is ours: TRL only needs to know whether there is a reference, and to leave the rewards alone.
        beta=config.kl_coef or config.kl_in_reward, scale_rewards="none",
        reward_weights=reward_weights(config), num_iterations=1, shuffle_dataset=False,
        bf16=config.autocast or config.dtype == "bfloat16", use_cpu=on_cpu, activation_checkpointing=not on_cpu,
        # A NaN has to be seen where it arises: transformers would log the mean of earlier losses in its place.
        logging_nan_inf_filter=False,
        logging_steps=updates, save_steps=config.save_every * updates,
        ddp_find_unused_parameters=False, dataloader_pin_memory=not on_cpu,
        report_to=[], disable_tqdm=True, log_level="error", **engine_arguments(config))


def engine_arguments(config: RunConfig) -> dict:
    """TRL's settings of vLLM, in the training processes or as the server at VLLM_URL. No importance
    correction: the authors do not use vLLM's log-probabilities (protocol, loss)."""
    if config.engine == "transformers":
        return {}
    served = config.engine == "vllm-server"
    return {"use_vllm": True, "vllm_importance_sampling_correction": False,
            "vllm_mode": "server" if served else "colocate",
            "vllm_server_base_url": os.environ.get("VLLM_URL") if served else None,
            "vllm_gpu_memory_utilization": config.engine_memory, "vllm_enable_sleep_mode": not served,
            "vllm_max_model_length": config.max_prompt_tokens + config.max_response_tokens}


def build_trainer(config: RunConfig, model, tokenizer, dataset, folder: Path, recorder) -> OneShotTrainer:
    """The trainer of this run over a dataset of `training_dataset`, its checkpoints in `folder`,
    watched by the recorder."""
    on_cpu = not torch.cuda.is_available()
    stops = model.generation_config.eos_token_id
    stops = set(stops) if isinstance(stops, (list, tuple)) else {stops}
    return OneShotTrainer(
        config, stops, recorder.timed, model=model, processing_class=tokenizer,
        reward_funcs=[recorder.watch(outcome), format, coin(config.seed)],
        args=trainer_arguments(config, folder, on_cpu), train_dataset=dataset, callbacks=[recorder])
