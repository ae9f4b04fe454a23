"""Checks of a run's fields against each other: what would fail in any case, found before anything is loaded."""
from __future__ import annotations

from rlvr_utils.errors import UserError
from rlvr_utils.recipe.config import RunConfig
from rlvr_utils.training.examples import chosen_label, ranked_rows


def check_recipe(config: RunConfig, processes: int = 1) -> None:
    """Raise `UserError` if a run of these fields cannot be trained by this number of processes."""
    micro_steps(config, processes)
    ranked_rows(config)
    chosen_label(config)
    if config.dtype == "float16":
        raise UserError("dtype 'float16' cannot be trained, because small values of the optimizer underflow to 0; set "
                        "dtype to float32 or bfloat16 (eval_dtype may be float16)")
    if config.keep_every % config.save_every:
        raise UserError(f"keep_every={config.keep_every} is not a multiple of save_every={config.save_every}; change "
                        "one of them")


def micro_steps(config: RunConfig, processes: int = 1) -> int:
    """Forward passes per rollout step on each of the processes. Raises `UserError` if the rollouts do not divide
    evenly, or if a group would be split."""
    rollouts, rest = divmod(config.prompts_per_step * config.num_generations, processes)
    if rest or rollouts % config.num_generations:
        raise UserError(f"prompts_per_step={config.prompts_per_step} cannot be divided among {processes} processes; "
                        "change prompts_per_step or the number of processes")
    steps, rest = divmod(rollouts, config.micro_batch) if config.micro_batch > 0 else (0, 1)
    if rest or config.updates_per_rollout < 1 or steps % config.updates_per_rollout:
        raise UserError(
            f"micro_batch={config.micro_batch} times updates_per_rollout={config.updates_per_rollout} does not divide "
            f"the {rollouts} rollouts of each process in a step (prompts_per_step={config.prompts_per_step} times "
            f"num_generations={config.num_generations}); change one of them")
    return steps
