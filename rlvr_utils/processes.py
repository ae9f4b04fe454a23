"""Distributed training: the rank of this process, the number of processes, and how they share the model."""
from __future__ import annotations

import os

from rlvr_utils.errors import UserError, shown


def first_process() -> bool:
    """Is this the main process, the only one that writes files?"""
    return _rank_and_size()[0] == 0


def processes() -> int:
    """The number of processes that train together, as set by `accelerate launch` or torchrun."""
    return _rank_and_size()[1]


def _rank_and_size() -> tuple[int, int]:
    """RANK and WORLD_SIZE. Raises `UserError` if they contradict each other: a process with a wrong rank would
    train and write nothing."""
    rank, size = (os.environ.get(name, default) for name, default in (("RANK", "0"), ("WORLD_SIZE", "1")))
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        given = "" if "WORLD_SIZE" in os.environ else " (not set)"
        raise UserError(f"the environment has RANK={shown(rank)} and WORLD_SIZE={shown(size)}{given}, which no "
                        "launcher sets; unset both, or start with accelerate launch or torchrun")
    return int(rank), int(size)


def wait_for_everyone() -> None:
    """Wait until every process that trains together has come this far."""
    if processes() > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()


def launched_layout() -> str:
    """How `accelerate launch` distributes the model: "replicated", "sharded" or "offloaded"."""
    if os.environ.get("ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE", "none") == "cpu":
        return "offloaded"
    fsdp, zero = os.environ.get("ACCELERATE_USE_FSDP"), os.environ.get("ACCELERATE_USE_DEEPSPEED")
    return "sharded" if "true" in (fsdp, zero) else "replicated"
