"""The examples that a run trains on, and their order."""
from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from rlvr_utils.data.problems import distinct, load_training
from rlvr_utils.data.prompts import check_prompt_lengths, training_prompt
from rlvr_utils.data.rows import Problem
from rlvr_utils.errors import UserError
from rlvr_utils.recipe.config import RunConfig, local_path


def chosen_examples(config: RunConfig) -> list[Problem]:
    """The distinct training problems of the arm: the ranked examples, or the whole pool.

    Raises `UserError` if an example has no rank in the profile or no row in the pool.
    """
    pool = distinct(load_training(local_path(config.pool)))
    if not config.examples:
        return pool
    label = chosen_label(config)
    rows = {problem.id: problem for problem in pool}
    chosen = []
    for rank, row in zip(config.examples, ranked_rows(config)):
        if row not in rows:
            raise UserError(f"{config.pool}: no row with index {row} (example {rank}); check `ranking`")
        chosen.append(replace(rows[row], answer=label) if label else rows[row])
    return chosen


def ranked_rows(config: RunConfig) -> list[str]:
    """The row of the pool for each of the arm's examples. Raises `UserError` for one without a rank."""
    for rank in config.examples:
        if rank not in config.ranking:
            raise UserError(f"arm {config.arm!r} trains on example {rank}, which is not in the ranking of "
                            f"{Path(config.pool).name} ({', '.join(map(str, config.ranking))}); add it to `ranking`, "
                            "or choose another arm")
    return [config.ranking[rank] for rank in config.examples]


def chosen_label(config: RunConfig) -> str:
    """The label that replaces the example's own answer (paper Table 5, rows 11-13); "" if none does."""
    if config.label and config.label not in config.labels:
        raise UserError(f"arm {config.arm!r} trains on the label {config.label!r}, which profile {config.profile} "
                        f"does not have (its labels: {', '.join(config.labels) or 'none'}); add it to `labels`, or "
                        "choose another arm")
    return config.labels.get(config.label, "")


def training_order(count: int, config: RunConfig) -> list[int]:
    """The example of every prompt in training order: steps * prompts_per_step indices below `count`.

    A small set is first repeated to `repeat_to` rows, as the authors do. Every epoch is a new permutation of the
    rows, and its last incomplete batch is dropped.
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
    """A data set of all rows in training order, with the columns `prompt` (templated text), `answer` and `row`."""
    from datasets import Dataset

    examples = chosen_examples(config)
    prompts = [training_prompt(tokenizer, example.question, config.train_template) for example in examples]
    check_prompt_lengths(tokenizer, prompts, [example.row for example in examples], config.max_prompt_tokens,
                         Path(config.pool).name, f"raise max_prompt_tokens (now {config.max_prompt_tokens})")
    rows = Dataset.from_dict({"prompt": prompts, "answer": [example.answer for example in examples],
                              "row": [example.id for example in examples]})
    return rows.select(training_order(len(examples), config))
