"""Settings: what TRL is told about a run, and what is checked before one starts."""
from __future__ import annotations

import os
import warnings
from pathlib import Path

import torch
from trl import GRPOConfig

from rlvr_utils.errors import UserError
from rlvr_utils.models.engines import say_nothing_about_use
from rlvr_utils.processes import launched_layout, processes
from rlvr_utils.recipe.config import RunConfig
from rlvr_utils.training.examples import training_dataset
from rlvr_utils.training.rewards import coin, format, outcome, reward_weights
from rlvr_utils.training.trainer import OneShotTrainer

# TRL 1.16 still asks for the old name of a property of transformers 5.23.
warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)


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


def prepare(config: RunConfig, tokenizer):
    """The dataset of the run, with everything checked that a user could have got wrong."""
    micro_steps(config, processes())
    reward_weights(config)
    _check_precision(config)
    if config.keep_every % config.save_every:
        raise UserError(f"keep_every={config.keep_every} is no multiple of save_every={config.save_every}; change one")
    if config.engine == "transformers" and launched_layout() == "sharded":
        raise UserError("engine 'transformers' cannot write responses with a sharded model; set engine to vllm, or "
                        "launch with launch/eight-gpus-ddp.yaml")
    if processes() > 1 and config.eval_every:
        raise UserError(f"eval_every={config.eval_every} evaluates inside the training, which several processes "
                        "cannot; set it to 0 and keep_every to the steps that you want evaluated")
    if processes() > 1 and config.engine == "vllm" and not torch.cuda.is_available():
        raise UserError("vLLM on a CPU writes the responses of one process only; start one, or set engine to "
                        "transformers")
    if processes() > 1 and config.share_prompts:
        raise UserError("share_prompts does not pass through what several processes use to add up their gradients; set "
                        "share_prompts to false")
    return training_dataset(config, tokenizer)


def _check_precision(config: RunConfig) -> None:
    """The run's own fields decide its precision: what the environment says would be recorded nowhere."""
    if config.dtype == "float16":
        raise UserError("dtype 'float16' cannot be trained: the optimizer's small numbers become 0 in it, which "
                        "destroys the policy; set dtype to float32 or bfloat16 (eval_dtype may be float16)")
    wanted = "bf16" if _in_bfloat16(config) else "no"
    found = os.environ.get("ACCELERATE_MIXED_PRECISION", "no").lower()
    if found not in ("no", wanted):  # "no" is what launchers set that were told nothing
        raise UserError(f"the environment says ACCELERATE_MIXED_PRECISION={found}, the run's dtype {config.dtype} and "
                        f"autocast {str(config.autocast).lower()} say {wanted}; unset it (accelerate launch "
                        f"--mixed_precision {wanted}), or change autocast or dtype")


def _in_bfloat16(config: RunConfig) -> bool:
    return config.autocast or config.dtype == "bfloat16"


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
        # Responses are written without dropout, so they are trained on without.
        disable_dropout=True, bf16=_in_bfloat16(config), use_cpu=on_cpu, activation_checkpointing=not on_cpu,
        # A NaN has to be seen where it arises: transformers would log the mean of earlier losses in its place.
        logging_nan_inf_filter=False,
        logging_steps=updates, save_steps=config.save_every * updates,
        ddp_find_unused_parameters=False, dataloader_pin_memory=not on_cpu,
        report_to=[], disable_tqdm=True, log_level="error", **engine_arguments(config, on_cpu))


def engine_arguments(config: RunConfig, on_cpu: bool) -> dict:
    """TRL's settings of vLLM, in the training processes or as the server at VLLM_URL; on a CPU the trainer has an
    engine of its own. The importance correction is ours too: TRL's would compute the log-probabilities twice."""
    if config.engine == "transformers" or on_cpu:
        return {}
    say_nothing_about_use()
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
    trainer = OneShotTrainer(
        config, stops, recorder.timed, model=model, processing_class=tokenizer,
        reward_funcs=[recorder.watch(outcome), format, coin(config.seed)],
        args=trainer_arguments(config, folder, on_cpu), train_dataset=dataset, callbacks=[recorder])
    if not config.share_prompts and launched_layout() == "replicated":
        trainer.check_trls_logits()
    return trainer
