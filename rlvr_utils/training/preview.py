"""The exact prompts of a run and what ends a response, before anything is spent."""
from __future__ import annotations

from rlvr_utils.data.prompts import evaluation_prompts, stop_strings, training_prompt
from rlvr_utils.data.public import PUBLIC
from rlvr_utils.errors import UserError
from rlvr_utils.evaluation.benchmarks import load_benchmarks
from rlvr_utils.models.engines import evaluation_stops, own_stops
from rlvr_utils.models.loading import load_tokenizer
from rlvr_utils.recipe.config import RunConfig, local_path
from rlvr_utils.training.examples import chosen_examples

STAND_IN = "What is 1 + 1?"


def prompts_text(config: RunConfig) -> str:
    """The first training prompt and the first evaluation prompt of a run, exactly as the model gets them, each with its
    length and with what ends a response. No weights are loaded. A public set that is not available is replaced by a
    stand-in question. Raises `UserError` as training and evaluation do."""
    tokenizer, settings = load_tokenizer(local_path(config.model))
    parts = []
    if config.steps:
        question, whose = _training_question(config)
        parts += [_part(tokenizer, f"Training prompt, template {config.train_template!r}, {whose}",
                        training_prompt(tokenizer, question, config.train_template)),
                  f"A rollout ends with {_named(tokenizer, own_stops(settings))}, or after "
                  f"{config.max_response_tokens} tokens.", ""]
    question, whose = _evaluation_question(config)
    parts += [_part(tokenizer, f"Evaluation prompt, template {config.eval_template!r}, {whose}",
                    evaluation_prompts(tokenizer, config.eval_template, [question])[0]),
              f"An answer ends with {_named(tokenizer, evaluation_stops(settings, tokenizer))}, or after "
              f"{config.eval_max_tokens} tokens."]
    if strings := stop_strings(config.eval_template):
        parts.append(f"Its text is cut off at the first {' or '.join(strings)}.")
    return "\n".join(parts)


def _training_question(config: RunConfig) -> tuple[str, str]:
    try:
        first = chosen_examples(config)[0]
    except UserError:
        if not config.pool.startswith(PUBLIC):
            raise
        return STAND_IN, f"a stand-in for {config.pool}, which is not available"
    return first.question, f"row {first.row} of {config.pool} (id {first.id}, answer {first.answer})"


def _evaluation_question(config: RunConfig) -> tuple[str, str]:
    generated = [benchmark for benchmark in config.benchmarks if benchmark.scoring == "generation"]
    if not generated:
        return STAND_IN, "a stand-in, as only the likelihood of choices is scored"
    try:
        (benchmark, problems), = load_benchmarks(config.changed(benchmarks=generated[:1]))
    except UserError:
        if not generated[0].file.startswith(PUBLIC):
            raise
        return STAND_IN, f"a stand-in for {generated[0].name}, which is not available"
    return problems[0].question, f"row {problems[0].row} of {benchmark.name} (answer {problems[0].answer})"


def _part(tokenizer, title: str, prompt: str) -> str:
    tokens = len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
    return f"{title}, {tokens} tokens:\n{'-' * 80}\n{prompt}\n{'-' * 80}"


def _named(tokenizer, ids: set[int]) -> str:
    return " or ".join(f"{tokenizer.convert_ids_to_tokens(number)} ({number})" for number in sorted(ids))
