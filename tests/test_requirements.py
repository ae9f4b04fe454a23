"""The pinned environments: everything exact, and the GPU file on top of the very pins of the other."""
import re
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
BASE, GPU = "requirements.txt", "requirements-gpu.txt"
# A release and nothing else: no range, wildcard, local build, marker, address or option.
PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==(\d+(?:\.\d+)*(?:\.?(?:post|rc|a|b)\d+)?)")


def lines(name: str) -> list[str]:
    return [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def pins(name: str) -> dict[str, str]:
    """Version by name, for the lines of the file itself."""
    found = [PIN.fullmatch(line) for line in lines(name) if not line.startswith("-r ")]
    assert all(found), f"{name}: not an exact pin: {[line for line in lines(name) if not PIN.fullmatch(line)]}"
    names = [canonicalize_name(match[1]) for match in found]
    assert len(names) == len(set(names)), f"{name}: a name is pinned twice"
    return dict(zip(names, (match[2] for match in found)))


@pytest.mark.parametrize("name", [BASE, GPU])
def test_everything_is_pinned_exactly_and_once(name):
    assert pins(name)


def test_each_file_says_what_it_is_for():
    assert all((ROOT / name).read_text(encoding="utf-8").startswith("# ") for name in (BASE, GPU))


def test_the_gpu_file_takes_over_every_pin_and_changes_none():
    assert lines(GPU)[0] == f"-r {BASE}" and sum(line.startswith("-") for line in lines(BASE) + lines(GPU)) == 1
    assert pins(BASE).keys().isdisjoint(pins(GPU))


def test_the_pinned_versions_are_those_installed():
    """A local build such as +cpu is the same release."""
    assert {name: version(name).partition("+")[0] for name in pins(BASE)} == pins(BASE)


def test_the_trainer_accepts_the_pinned_engines():
    """TRL names the versions that it works with; its own check comes only when a GPU run starts."""
    asked = {canonicalize_name(one.name): one.specifier for one in map(Requirement, requires("trl"))
             if canonicalize_name(one.name) in pins(GPU)}
    assert asked.keys() == pins(GPU).keys()
    assert all(asked[name].contains(pin) for name, pin in pins(GPU).items()), asked
