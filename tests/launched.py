"""The command line with fixed responses, for tests of several processes: what is trained then depends on nothing that
is drawn, so that any number of processes must train the same. RLVR_DIES="1 2" kills process 1 after step 2.

    torchrun --nproc-per-node 2 tests/launched.py train ... [next train ...]

Run by one process, the loss weighs tokens as two processes do, each by its own half of the step's rollouts.
"""
from __future__ import annotations

import os
import random
import signal
import sys
from itertools import groupby

import torch
from accelerate import PartialState
from accelerate.utils import DistributedType
from trl import GRPOConfig

from rlvr_utils import cli
from rlvr_utils.models import engines
from rlvr_utils.processes import processes
from rlvr_utils.training import setup
from rlvr_utils.training.objective import sequence_weights
from rlvr_utils.training.trainer import OneShotTrainer


def fixed_responses(self, prompt_ids, *rest, **named):
    """Of unequal lengths, right or wrong by step and place, and the same to whichever process has the place."""
    if os.environ.get("RLVR_DIES") == f"{self.accelerator.process_index} {self.state.global_step}":
        os.kill(os.getpid(), signal.SIGKILL)
    first, responses = self.accelerator.process_index * len(prompt_ids), []
    for place in range(first, first + len(prompt_ids)):
        chance = random.Random(f"{self.state.global_step} {place}")
        text = " and" * chance.randrange(6) + f" \\boxed{{{chance.randrange(1, 4)}}}."
        ids = self.processing_class(text, add_special_tokens=False)["input_ids"]
        responses.append([*ids, self.processing_class.eos_token_id])
    return responses, None


def with_places(self, inputs, score=OneShotTrainer._generate_and_score_completions):
    batch = score(self, inputs)
    return {**batch, "places": torch.arange(len(batch["advantages"]))}


def weigh_by_halves(self, chunks, weigh=OneShotTrainer._set_loss_weights):
    """Over the rows of an update, which are in no order by then."""
    weigh(self, chunks)
    places = torch.cat([chunk["places"] for chunk in chunks])
    lengths = torch.cat([chunk["completion_mask"].sum(-1) for chunk in chunks]).tolist()
    middle = self.run_config.prompts_per_step * self.num_generations // 2
    halves = [(places < middle).nonzero().flatten().tolist(), (places >= middle).nonzero().flatten().tolist()]
    weights = torch.tensor(sequence_weights(lengths, halves))
    for chunk, part in zip(chunks, weights.split([len(chunk["places"]) for chunk in chunks])):
        chunk["weights"] = part


def commands(words: list[str]) -> list[list[str]]:
    """Several commands for one start of the processes, which takes longer than a tiny run."""
    return [list(part) for is_next, part in groupby(words, "next".__eq__) if not is_next]


def shard_on_a_cpu() -> None:
    """Have accelerate shard by FSDP, which it does for GPUs only: it is told that this is one."""
    torch.distributed.init_process_group("gloo")
    os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    PartialState._prepare_backend = lambda self, *_, **__: ("gloo", DistributedType.MULTI_GPU)


def zero_on_a_cpu() -> None:
    """Have accelerate start DeepSpeed, which it does where the CPU is not asked for, on DeepSpeed's CPU accelerator."""
    os.environ.pop("ACCELERATE_USE_CPU", None)
    setup.GRPOConfig = ZeroOnACpu


class ZeroOnACpu(GRPOConfig):
    """As the trainer asks for it, but for the device and the backend."""

    def __init__(self, **options):
        super().__init__(**{**options, "use_cpu": False, "ddp_backend": "gloo"})


if __name__ == "__main__":
    OneShotTrainer._generate_single_turn = fixed_responses
    engines.check_engine = lambda engine: None
    if processes() == 1:
        OneShotTrainer._generate_and_score_completions, OneShotTrainer._set_loss_weights = with_places, weigh_by_halves
    if os.environ.get("ACCELERATE_USE_FSDP") == "true":
        shard_on_a_cpu()
    if os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true":
        zero_on_a_cpu()
    sys.exit(max(cli.main(words) for words in commands(sys.argv[1:])))
