"""Rollouts: `sample` compared with `model.generate`, for the same model, prompts and sampling settings.

    python -m benchmarks.rollouts
"""
from __future__ import annotations

import torch

from benchmarks.measure import in_turn, load, pocket, policies, ratios, record, seconds, spread
from rlvr_utils.data.problems import distinct, load_training
from rlvr_utils.data.prompts import training_prompt
from rlvr_utils.recipe.config import RunConfig, local_path
from rlvr_utils.sampling.rollouts import sample
from rlvr_utils.training.examples import chosen_examples

ROLLOUTS, ROUNDS = 128, 7


def generated(model, prompts: list[list[int]], config: RunConfig, temperature: float) -> list[list[int]]:
    """The responses of `model.generate`, each truncated after its stop token."""
    stop, width = model.generation_config.eos_token_id, max(map(len, prompts))
    ids = torch.tensor([[stop] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    settings = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0} if temperature else {
        "do_sample": False}
    output = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=config.max_response_tokens, **settings)
    rows = output[:, width:].tolist()
    return [row[:row.index(stop) + 1] if stop in row else row for row in rows]


def compare(folder: str, config: RunConfig, shared: bool) -> dict:
    """Tokens per second of both, and how many greedy responses are identical."""
    model, tokenizer = load(folder)
    stop = {model.generation_config.eos_token_id}
    problems = distinct(load_training(local_path(config.pool)))[:ROLLOUTS]
    problems = chosen_examples(config) * ROLLOUTS if shared else problems
    prompts = [tokenizer(training_prompt(tokenizer, problem.question), add_special_tokens=False)["input_ids"]
               for problem in problems]

    def ours(temperature: float) -> list[list[int]]:
        return sample(model, prompts, config.max_response_tokens, temperature, stop)

    def rate(respond) -> float:
        responses: list = []
        took = seconds(lambda: responses.extend(respond()))
        return sum(map(len, responses)) / took

    torch.manual_seed(0)
    rates = in_turn({"sample": lambda: rate(lambda: ours(config.temperature)),
                     "generate": lambda: rate(lambda: generated(model, prompts, config, config.temperature))}, ROUNDS)
    same = sum(a == b for a, b in zip(ours(0.0), generated(model, prompts, config, 0.0), strict=True))
    return {"tokens_a_second": {name: spread(values) for name, values in rates.items()},
            "ratio": ratios(rates["sample"], rates["generate"]), "greedy_identical": f"{same} of {len(prompts)}"}


def bench(config: RunConfig) -> dict:
    results = {}
    for policy, folder in policies().items():
        results[f"{policy}, one prompt"] = compare(folder, config, shared=True)
        results[f"{policy}, different prompts"] = compare(folder, config, shared=False)
    return results


if __name__ == "__main__":
    settings = pocket()
    record("rollouts", settings, lambda: bench(settings))
