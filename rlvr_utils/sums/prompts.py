"""Which prompt does the untrained model add best with? The profile's prompt is chosen by this table alone.

`python -m rlvr_utils.sums.prompts MODEL` samples answers to the training pool and prints, for each prompt, the share
that is right and the share that is boxed; then, for the best of them, the first problem of the pool that the model
solves now and then: the training example.
"""
from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from rlvr_utils.data.problems import load_benchmark
from rlvr_utils.data.prompts import QUESTION
from rlvr_utils.errors import UserError, escape_output
from rlvr_utils.evaluation.benchmarks import evaluate_benchmark
from rlvr_utils.models.engines import open_policy
from rlvr_utils.recipe.config import Benchmark, RunConfig, load_profile
from rlvr_utils.sums.problems import DATA, EXAMPLE

PROFILE = "smollm2-135m-sums"
ROWS, SAMPLES = 50, 4             # problems of the pool, and answers to each, for every prompt
LOW, HIGH, ATTEMPTS = 0.1, 0.4, 16  # the training example is solved in this share of so many attempts

# What is added to the question, and how the worked example answers it (empty: no worked example).
ASKED = {"question alone": "", "box": " Put the answer in \\boxed{}.",
         "steps and box": " Think step by step and put the answer in \\boxed{}."}
WORKED = {"no example": "", "answer": "\\boxed{68}", "sum": "23+45=68. The answer is \\boxed{68}.",
          "tens and ones": "20+40=60, 3+5=8, 60+8=68. The answer is \\boxed{68}."}


def prompt(asked: str, worked: str) -> str:
    """A template in the model's chat format."""
    def turn(question: str) -> str:
        return f"<|im_start|>user\n{question}{ASKED[asked]}<|im_end|>\n<|im_start|>assistant\n"

    example = f"{turn('What is {}+{}?'.format(*EXAMPLE))}{WORKED[worked]}<|im_end|>\n" if WORKED[worked] else ""
    return example + turn(QUESTION)


@dataclass(frozen=True)
class Tried:
    """How the untrained model answers to one prompt; shares between 0 and 1."""

    asked: str
    worked: str
    right: float
    boxed: float


def try_prompts(config: RunConfig, policy) -> list[Tried]:
    """Every combination, the best first."""
    pool = load_benchmark(DATA / "pool.jsonl")[:ROWS]
    benchmark = Benchmark(name="pool", file=str(DATA / "pool.jsonl"), samples=SAMPLES, temperature=config.temperature)
    tried = []
    for asked, worked in product(ASKED, WORKED):
        told = config.changed(eval_template=prompt(asked, worked))
        found, _ = evaluate_benchmark(policy, benchmark, pool, told, seed=0)
        tried.append(Tried(asked, worked, found["accuracy"]["qwen-eval"], found["boxed"]))
    return sorted(tried, key=lambda each: -each.right)


def training_example(config: RunConfig, policy) -> tuple[str, float]:
    """Name and pass rate of the first problem of the pool that is neither hopeless nor easy. Raises
    `UserError` if there is none."""
    for problem in load_benchmark(DATA / "pool.jsonl"):
        benchmark = Benchmark(name="pool", file=str(DATA / "pool.jsonl"), samples=ATTEMPTS,
                              temperature=config.temperature)
        rate = evaluate_benchmark(policy, benchmark, [problem], config, seed=0)[0]["accuracy"]["qwen-eval"]
        if LOW <= rate <= HIGH:
            return problem.id, rate
    raise UserError(f"{DATA / 'pool.jsonl'}: no problem is solved in {LOW:.0%} to {HIGH:.0%} of {ATTEMPTS} attempts; "
                    "try a different model")


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m rlvr_utils.sums.prompts", description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="the converted model (README, 'A real pretrained model on a laptop')")
    given = parser.parse_args(arguments)
    escape_output()
    try:
        config = load_profile(PROFILE).changed(model=str(given.model))
        policy = open_policy(config, config.model)
        tried = try_prompts(config, policy)
        for each in tried:
            print(f"{each.asked:14} | {each.worked:13} | right {each.right:6.1%} | boxed {each.boxed:6.1%}")
        best = config.changed(eval_template=prompt(tried[0].asked, tried[0].worked))
        name, rate = training_example(best, policy)
    except UserError as error:
        parser.exit(2, f"rlvr_utils: {error}\n")
    print(f"training example: {name}, solved in {rate:.0%} of {ATTEMPTS} attempts")


if __name__ == "__main__":
    main()
