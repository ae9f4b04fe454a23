"""Which of the processes that train together this one is, and how they share the model."""
from __future__ import annotations

import os


def first_process() -> bool:
    """Is this the process that writes, of those that train together?"""
    return os.environ.get("RANK", "0") == "0"


def processes() -> int:
    """How many processes train together: what `accelerate launch` or torchrun has set."""
    return int(os.environ.get("WORLD_SIZE", 1))


def wait_for_everyone() -> None:
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()


def launched_layout() -> str:
    """How `accelerate launch` has told this process to share the model."""
    if os.environ.get("ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE", "none") == "cpu":
        return "offloaded"
    fsdp, zero = os.environ.get("ACCELERATE_USE_FSDP"), os.environ.get("ACCELERATE_USE_DEEPSPEED")
    return "sharded" if "true" in (fsdp, zero) else "replicated"
