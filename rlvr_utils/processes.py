"""Which of the processes that train together this one is, and how they share the model."""
from __future__ import annotations

import os

from rlvr_utils.errors import UserError, shown


def first_process() -> bool:
    """Is this the process that writes, of those that train together?"""
    return _rank_and_size()[0] == 0


def processes() -> int:
    """How many processes train together: what `accelerate launch` or torchrun has set."""
    return _rank_and_size()[1]


def _rank_and_size() -> tuple[int, int]:
    """RANK and WORLD_SIZE. Raises `UserError` where they cannot be those of one launch: a process that takes
    itself for a later one would train and write nothing."""
    rank, size = (os.environ.get(name, default) for name, default in (("RANK", "0"), ("WORLD_SIZE", "1")))
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        given = "" if "WORLD_SIZE" in os.environ else " (not set)"
        raise UserError(f"the environment says RANK={shown(rank)} of WORLD_SIZE={shown(size)}{given}, which no "
                        "launcher would; unset both, or start with accelerate launch or torchrun")
    return int(rank), int(size)


def wait_for_everyone() -> None:
    if processes() > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()


def launched_layout() -> str:
    """How `accelerate launch` has told this process to share the model."""
    if os.environ.get("ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE", "none") == "cpu":
        return "offloaded"
    fsdp, zero = os.environ.get("ACCELERATE_USE_FSDP"), os.environ.get("ACCELERATE_USE_DEEPSPEED")
    return "sharded" if "true" in (fsdp, zero) else "replicated"
