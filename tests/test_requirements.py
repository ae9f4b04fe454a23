"""The pinned environments: everything exact, the GPU file on top of the very pins of the other, and what the pins
bring locked by hashes."""
import re
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
BASE, GPU, LOCK = "requirements.txt", "requirements-gpu.txt", "requirements.lock"
# A release and nothing else: no range, wildcard, local build, marker, address or option.
PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==(\d+(?:\.\d+)*(?:\.?(?:post|rc|a|b)\d+)?)")
# What a CUDA build of torch brings of its own.
CUDA = re.compile(r"(nvidia|cuda)-.*|triton")
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}


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


def locked() -> dict[str, str]:
    """Version by name; a line is an exact pin and SHA-256 hashes, and nothing else."""
    entries = [line.split() for line in (ROOT / LOCK).read_text(encoding="utf-8").replace("\\\n", "").splitlines()
               if not line.startswith("#")]
    assert all(hashes and all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", part) for part in hashes)
               for _, *hashes in entries)
    found = [PIN.fullmatch(pin) for pin, *_ in entries]
    assert all(found), [pin for pin, *_ in entries if not PIN.fullmatch(pin)]
    assert len({match[1] for match in found}) == len(found)
    return {match[1]: match[2] for match in found}


def brought(name: str, extra: str = "") -> set[tuple[str, str]]:
    """What a package requires on Linux, as (name, extra)."""
    wanted = [one for one in map(Requirement, requires(name) or ())
              if one.marker is None or one.marker.evaluate({**LINUX, "extra": extra})]
    return {(canonicalize_name(one.name), more) for one in wanted for more in ("", *one.extras)}


def test_every_pin_but_torchs_is_locked_with_hashes():
    """torch is one file for processors and another for GPUs, by the index."""
    assert {"torch": pins(BASE)["torch"], **locked()} | pins(BASE) == {"torch": pins(BASE)["torch"], **locked()}
    assert "torch" not in locked() and not [name for name in locked() if CUDA.fullmatch(name)]


def test_whatever_the_pins_bring_is_locked_and_nothing_else():
    seen, waiting = set(), {(name, "") for name in pins(BASE)}
    while waiting:
        name, extra = waiting.pop()
        seen.add((name, extra))
        waiting |= {one for one in brought(name, extra) if not CUDA.fullmatch(one[0])} - seen
    assert {name for name, _ in seen} - {"torch"} == locked().keys()


def test_the_locked_versions_are_those_installed():
    assert {name: version(name) for name in locked()} == locked()


def test_the_lock_says_how_it_is_made_and_names_no_place():
    text = (ROOT / LOCK).read_text(encoding="utf-8")
    assert text.startswith("#") and "make lock\n" in text and not re.search("[/@]|index|find-links", text)
    known = tomllib.loads((ROOT / "requirements-lock.toml").read_text(encoding="utf-8"))["dependency-metadata"]
    assert [(one["name"], one["version"]) for one in known] == [("torch", pins(BASE)["torch"])]
    assert set(known[0]["requires-dist"]) == {name for name, _ in brought("torch") if not CUDA.fullmatch(name)}
