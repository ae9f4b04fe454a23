"""vLLM itself, on a CPU: these tests need the environment of `make engines`."""
from __future__ import annotations

import os

import pytest

# vLLM's processes inherit these. It would find out this machine's address by opening a socket to elsewhere.
os.environ.update(VLLM_HOST_IP="127.0.0.1", VLLM_LOGGING_LEVEL="ERROR")
MEMORY = 0.05  # of the machine's, for each engine


@pytest.fixture(scope="session")
def pocket():
    """The pocket profile, in so little memory that several engines fit."""
    from rlvr_utils.recipe.config import load_profile

    return load_profile("pocket").changed(engine_memory=MEMORY)
