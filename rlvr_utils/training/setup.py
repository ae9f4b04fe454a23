"""Setup: TRL's configuration for a run, and the checks before it starts."""
from __future__ import annotations

import os
import warnings
from pathlib import Path

import torch
from trl import GRPOConfig

from rlvr_utils.errors import UserError
from rlvr_utils.models.adapters import adapter_settings, check_layout
from rlvr_utils.models.engines import own_stops, without_usage_statistics
from rlvr_utils.processes import launched_layout, processes
from rlvr_utils.recipe.config import RunConfig
from rlvr_utils.training.checks import check_recipe, micro_steps
from rlvr_utils.training.examples import training_dataset
from rlvr_utils.training.rewards import coin, format, outcome, reward_weights
from rlvr_utils.training.trackers import check_trackers
from rlvr_utils.training.trainer import OneShotTrainer

# TRL 1.16 still uses the old names of a property and two methods of transformers 5.23.
warnings.filterwarnings("ignore", message="`(is_)?gradient_checkpointing", category=FutureWarning)


def prepare(config: RunConfig, tokenizer):
    """The data set of the run, after checking everything that a user may have got wrong."""
    check_recipe(config, processes())
    _check_precision(config)
    check_trackers(config.report_to)
    if config.engine == "transformers" and launched_layout() == "sharded":
        raise UserError("engine 'transformers' cannot generate with a sharded model; set engine to vllm, or launch "
                        "with launch/eight-gpus-ddp.yaml")
    check_layout(config, launched_layout())
    if processes() > 1 and config.eval_every:
        raise UserError(f"eval_every={config.eval_every}: evaluation during training works in a single process only; "
                        "set eval_every to 0, and keep_every to evaluate the kept policies afterwards")
    if processes() > 1 and config.engine == "vllm" and not torch.cuda.is_available():
        raise UserError("vLLM on a CPU generates for a single process only; start one, or set engine to transformers")
    if processes() > 1 and config.share_prompts:
        raise UserError("share_prompts bypasses the wrapper that adds up gradients over several processes; set "
                        "share_prompts to false")
    return training_dataset(config, tokenizer)


def _check_precision(config: RunConfig) -> None:
    """Only the run's fields may decide its precision: a setting from the environment would not be recorded."""
    wanted = "bf16" if _in_bfloat16(config) else "no"
    found = os.environ.get("ACCELERATE_MIXED_PRECISION", "no").lower()
    if found not in ("no", wanted):  # "no" is the launchers' default
        raise UserError(f"the environment has ACCELERATE_MIXED_PRECISION={found}, but the run's dtype {config.dtype} "
                        f"and autocast {str(config.autocast).lower()} mean {wanted}; unset it (accelerate launch "
                        f"--mixed_precision {wanted}), or change autocast or dtype")


def _in_bfloat16(config: RunConfig) -> bool:
    return config.autocast or config.dtype == "bfloat16"


def trainer_arguments(config: RunConfig, folder: Path, on_cpu: bool) -> GRPOConfig:
    """TRL's configuration for this run. TRL's steps are optimizer updates, not rollout steps."""
    updates, micro = config.updates_per_rollout, micro_steps(config, processes())
    return GRPOConfig(
        output_dir=str(folder), max_steps=config.steps * updates, seed=config.seed,
        per_device_train_batch_size=config.micro_batch, steps_per_generation=micro,
        gradient_accumulation_steps=micro // updates,
        num_generations=config.num_generations, temperature=config.temperature, top_p=1.0, top_k=0,
        max_completion_length=config.max_response_tokens,
        learning_rate=config.learning_rate, weight_decay=config.weight_decay, max_grad_norm=config.max_grad_norm,
        # The loss is ours: TRL only needs to know whether there is a reference model, and not to scale rewards.
        beta=config.kl_coef or config.kl_in_reward, scale_rewards="none",
        reward_weights=reward_weights(config), num_iterations=1, shuffle_dataset=False,
        # Responses are generated without dropout, so the loss is computed without it too.
        disable_dropout=True, bf16=_in_bfloat16(config), use_cpu=on_cpu,
        # Activation checkpointing turns off the key-value cache, which a shared prompt needs.
        activation_checkpointing=not on_cpu and not config.share_prompts,
        # A NaN must be logged where it arises: transformers would log the mean of earlier losses instead.
        logging_nan_inf_filter=False,
        logging_steps=updates, save_steps=config.save_every * updates,
        ddp_find_unused_parameters=False, dataloader_pin_memory=not on_cpu,
        # The recorder drives the trackers, with the names of the records; project and run name are theirs.
        report_to=[], run_name=folder.parent.stem, project=config.profile,
        disable_tqdm=True, log_level="error", **engine_arguments(config, on_cpu))


def engine_arguments(config: RunConfig, on_cpu: bool) -> dict:
    """TRL's settings for vLLM, in the training processes or on the server at VLLM_URL; on a CPU the trainer has an
    engine of its own. The importance correction is ours too: TRL's would compute the log-probabilities twice."""
    if config.engine == "transformers" or on_cpu:
        return {}
    without_usage_statistics()
    served = config.engine == "vllm-server"
    return {"use_vllm": True, "vllm_importance_sampling_correction": False,
            "vllm_mode": "server" if served else "colocate",
            "vllm_server_base_url": os.environ.get("VLLM_URL") if served else None,
            "vllm_gpu_memory_utilization": config.engine_memory, "vllm_enable_sleep_mode": not served,
            "vllm_max_model_length": config.max_prompt_tokens + config.max_response_tokens}


def build_trainer(config: RunConfig, model, tokenizer, dataset, folder: Path, recorder) -> OneShotTrainer:
    """The trainer for this run on a data set from `training_dataset`, with checkpoints in `folder` and its records
    written by the recorder."""
    on_cpu = not torch.cuda.is_available()
    trainer = OneShotTrainer(
        config, own_stops(model.generation_config), recorder.timed, model=model, processing_class=tokenizer,
        reward_funcs=[recorder.watch(outcome), format, coin(config.seed)],
        args=trainer_arguments(config, folder, on_cpu), train_dataset=dataset, callbacks=[recorder],
        peft_config=adapter_settings(model, config))
    if not config.share_prompts and launched_layout() == "replicated":
        trainer.check_trl_log_probs()
    return trainer
