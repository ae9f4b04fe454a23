"""Where a number comes from: versions, hardware, code and time, without names of people or machines."""
from __future__ import annotations

import os
import platform
import subprocess
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("torch", "transformers", "trl", "peft", "datasets", "sympy", "math-verify", "latex2sympy2_extended")


@contextmanager
def provenance(config):
    """Yield a dictionary of facts about the work done inside the block; time and memory are added at its end."""
    from rlvr_utils.grading.sandbox import counts
    from rlvr_utils.recipe.identity import training_identity

    facts = {"config_hash": training_identity(config), "seed": config.seed, "git": git_state(),
             "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
             "hardware": hardware(), "threads": config.cpu_threads,
             "started": datetime.now(UTC).isoformat(timespec="seconds")}
    start, before = time.perf_counter(), counts()
    yield facts
    facts["grading"] = {name: number - before[name] for name, number in counts().items()}
    facts["wall_seconds"] = round(time.perf_counter() - start, 1)
    facts["peak_memory_gib"] = round(peak_memory() / 2**30, 2)


def git_state() -> dict:
    """The commit of the code, and whether the package has been changed since. Empty outside a checkout, and if the
    surrounding repository does not track the package: its commit would describe other code."""
    here = Path(__file__).resolve()
    elsewhere = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}  # set inside a git hook, for another repository
    environment = {name: value for name, value in os.environ.items() if name not in elsewhere}

    def git(*args: str) -> str:
        return subprocess.run(["git", *args], cwd=here.parents[1], env=environment, capture_output=True, text=True,
                              check=True).stdout.strip()
    try:
        git("ls-files", "--error-unmatch", "--", str(here))
        return {"sha": git("rev-parse", "HEAD"), "changed": bool(git("status", "--porcelain", "--", "."))}
    except (OSError, subprocess.CalledProcessError):
        return {}


def hardware() -> dict:
    """Processor, cores, memory and accelerators."""
    import torch

    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    return {"cpu": _processor(), "cores": os.cpu_count(), "memory_gib": round(pages / 2**30),
            "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]}


def peak_memory() -> int:
    """Peak memory in bytes so far: of torch on the GPU if there is one, else of this process."""
    import resource

    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_reserved()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _processor() -> str:
    """The processor's model name: `platform.processor()` is empty on most Linux systems."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
