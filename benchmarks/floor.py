"""Where a training step's processor time goes, and what of it no other code could save.

    python -m benchmarks.floor

Each phase of a step of 128 rollouts is profiled: the share of matrix products, of attention and of everything else, and
how fast the matrix products are beside one large product on the same core.
"""
from __future__ import annotations

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.measure import load, pocket, policies, record, seconds
from rlvr_utils.data.prompts import training_prompt
from rlvr_utils.errors import take_no_options
from rlvr_utils.recipe.config import RunConfig
from rlvr_utils.sampling.rollouts import sample
from rlvr_utils.sampling.shared_prompt import token_log_probs
from rlvr_utils.training.examples import chosen_examples

ROLLOUTS, SIDE, REPEATS = 128, 1024, 20
MATRIX, ATTENTION = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm"), "scaled_dot_product"


def largest_rate() -> float:
    """GFLOP/s of one large product."""
    left, right = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    return 2 * SIDE**3 * REPEATS / seconds(lambda: [left @ right for _ in range(REPEATS)]) / 1e9


def batch(responses: list[list[int]], prompt: list[int]) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Ids and mask [rows, prompt + longest response], and the longest response's length."""
    keep = max(map(len, responses))
    ids = torch.zeros(len(responses), len(prompt) + keep, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, response in enumerate(responses):
        text = torch.tensor(prompt + response)
        ids[row, :len(text)], mask[row, :len(text)] = text, 1
    return ids, mask, keep


def phases(config: RunConfig, folder: str) -> tuple[dict, int]:
    """The work of each phase, and the number of response tokens."""
    model, tokenizer = load(folder)
    prompt = tokenizer(training_prompt(tokenizer, chosen_examples(config)[0].question))["input_ids"]
    stops = {tokenizer.eos_token_id}

    def rollouts() -> list[list[int]]:
        generator = torch.Generator().manual_seed(0)
        return sample(model, [prompt] * ROLLOUTS, config.max_response_tokens, config.temperature, stops,
                      generator=generator)

    responses = rollouts()
    ids, mask, keep = batch(responses, prompt)
    chunks = [slice(start, start + config.micro_batch) for start in range(0, ROLLOUTS, config.micro_batch)]

    def loss(train: bool) -> None:
        for chunk in chunks:
            with torch.set_grad_enabled(train):
                log_probs, entropies = token_log_probs(model, ids[chunk], mask[chunk], keep, config.temperature)
            if train:
                ((log_probs + entropies) * mask[chunk, -keep:]).sum().backward()

    works = {"rollouts": rollouts, "references": lambda: loss(False), "loss": lambda: loss(True)}
    return works, sum(map(len, responses))


def profiled(work) -> dict:
    """Seconds without the profiler, shares of processor time with it, and the rate of the matrix products."""
    work()
    took = min(seconds(work) for _ in range(2))
    with profile(activities=[ProfilerActivity.CPU], with_flops=True) as found:
        work()
    events = found.key_averages()
    whole = sum(event.self_cpu_time_total for event in events)
    matrix = [event for event in events if event.key in MATRIX]
    spent = sum(event.self_cpu_time_total for event in matrix)
    attention = sum(event.self_cpu_time_total for event in events if ATTENTION in event.key)
    return {"seconds": round(took, 3), "matrix_products": round(spent / whole, 3),
            "attention": round(attention / whole, 3), "rest": round(1 - (spent + attention) / whole, 3),
            "gflops_a_second": round(sum(event.flops for event in matrix) / spent / 1e3, 1)}


def bench() -> dict:
    config = pocket()
    works, tokens = phases(config, policies()["base"])
    return {"response_tokens": tokens, "largest_gflops_a_second": round(largest_rate(), 1),
            "phases": {name: profiled(work) for name, work in works.items()}}


if __name__ == "__main__":
    take_no_options("benchmarks.floor", __doc__)
    record("floor", pocket(), bench)
