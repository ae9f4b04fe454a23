"""The hardware of a run: detected on this machine, or described for another one."""
from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from rlvr_utils.errors import UserError

GIB = 2**30


@dataclass(frozen=True)
class Rates:
    """Peak rates of a device, per second: bfloat16 and float32 operations, and bytes of memory traffic."""

    bfloat16: float
    float32: float
    bandwidth: float


# From vendor data sheets: dense bfloat16 on matrix units (V100, T4: float16), plain float32, memory bandwidth.
CARDS = {
    "B200": Rates(2250e12, 75e12, 8000e9), "H200": Rates(989e12, 67e12, 4800e9), "H100": Rates(989e12, 67e12, 3350e9),
    "A100": Rates(312e12, 19.5e12, 2039e9), "L40S": Rates(362e12, 91.6e12, 864e9), "L4": Rates(121e12, 30.3e12, 300e9),
    "A10": Rates(125e12, 31.2e12, 600e9), "A6000": Rates(155e12, 38.7e12, 768e9),
    "RTX 4090": Rates(165e12, 82.6e12, 1008e9), "RTX 4080": Rates(97.5e12, 48.7e12, 717e9),
    "RTX 3090": Rates(71e12, 35.6e12, 936e9),
    "V100": Rates(125e12, 15.7e12, 900e9), "T4": Rates(65e12, 8.1e12, 320e9),
}
UNKNOWN_CARD = CARDS["RTX 3090"]  # a conservative guess
# One core, as achieved rather than advertised: this package's runs on a server processor come close to it.
CORE = Rates(20e9, 20e9, 10e9)


@dataclass(frozen=True)
class Hardware:
    """GPUs (`gpu` is empty and `gpus` 0 without one), processor cores, and memory and disk in GiB."""

    gpu: str
    gpus: int
    gpu_memory: float  # of each
    cores: int
    ram: float
    disk: float        # free

    @classmethod
    def detect(cls, folder: Path) -> Hardware:
        """This machine, and the free disk where `folder` is or would be made."""
        import shutil

        import psutil
        import torch

        place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        cards = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
        smallest = min(cards, key=lambda card: card.total_memory, default=None)
        return cls(smallest.name if smallest else "", len(cards), smallest.total_memory / GIB if smallest else 0.0,
                   os.cpu_count() or 1, psutil.virtual_memory().total / GIB, shutil.disk_usage(place).free / GIB)

    def with_gpus(self, text: str) -> Hardware:
        """This machine with other GPUs, written as "8 x A100 80" (GiB each), with enough RAM for them and an unlimited
        disk. Raises `UserError` for any other form."""
        found = re.fullmatch(r"(\d+) *x *(.+?) +(\d+)", text.strip())
        if not found or int(found[1]) < 1:
            raise UserError(f"hardware {text!r}: write it as '8 x A100 80' (number, name, GiB of memory each)")
        return replace(self, gpus=int(found[1]), gpu=found[2], gpu_memory=float(found[3]),
                       ram=max(self.ram, int(found[1]) * float(found[3]) * 2), disk=math.inf)

    @property
    def known(self) -> bool:
        """Is the GPU's speed in the table?"""
        return any(name in self.gpu for name in CARDS)

    def rates(self) -> Rates:
        """The rates of one GPU, or of one core. The longest matching name counts, so that an A100 is not an A10."""
        if not self.gpus:
            return CORE
        names = [name for name in CARDS if name in self.gpu]
        return CARDS[max(names, key=len)] if names else UNKNOWN_CARD
