"""What `python -m` starts, in a copy of the package that is installed in somebody else's repository."""
from __future__ import annotations

import io
import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import OFFLINE, ROOT

from rlvr_utils.cli import main
from rlvr_utils.recipe.config import Benchmark, to_fields
from rlvr_utils.recipe.identity import evaluation_identity
from rlvr_utils.records.provenance import git_state


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """`site-packages` with the package, without notebooks, in a repository that does not track it."""
    repository = tmp_path_factory.mktemp("theirs")
    packages = repository / "env" / "site-packages"
    shutil.copytree(ROOT / "rlvr_utils", packages / "rlvr_utils", ignore=shutil.ignore_patterns("__pycache__"))
    (repository / "theirs.txt").write_text("theirs")
    git = ["git", "-C", repository, "-c", "user.name=N", "-c", "user.email=e@example.org"]
    for words in (["init", "-q"], ["add", "theirs.txt"], ["commit", "-qm", "theirs"]):
        subprocess.run([*git, *words], check=True)
    return packages


@pytest.fixture
def python(installed):
    """A function that runs Python on the installed copy in a repository's root."""
    def run(*words, **environment) -> subprocess.CompletedProcess:
        path = os.pathsep.join(map(str, (installed, OFFLINE)))
        return subprocess.run([sys.executable, *map(str, words)], cwd=installed.parents[1], capture_output=True,
                              text=True, env={**os.environ, "PYTHONPATH": path, **environment})
    return run


def line_of_error(done: subprocess.CompletedProcess) -> str:
    line, = done.stderr.splitlines()
    assert done.returncode in (1, 2) and line.startswith("rlvr_utils: ")
    return line


MAINS = sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for folder in ("rlvr_utils", "benchmarks")
               for path in (ROOT / folder).rglob("*.py")
               if path.name == "__main__.py" or 'if __name__ == "__main__":' in path.read_text())


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize(("word", "status"), [("--help", 0), ("--nonsense", 2)])
@pytest.mark.parametrize("module", MAINS)
def test_every_program_says_what_it_does_and_refuses_an_option_that_it_lacks(module, word, status, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [module, word])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    said = capsys.readouterr()
    assert ended.value.code == status and f"python -m {module.removesuffix('.__main__')}" in said.out + said.err


def test_anothers_commit_is_not_recorded_as_ours(python, installed):
    code = "from rlvr_utils.records import provenance as p; print(p.__file__, p.git_state())"
    for environment in ({}, {"GIT_DIR": str(ROOT / ".git"), "GIT_WORK_TREE": str(ROOT)}):
        file, state = python("-c", code, **environment).stdout.split(maxsplit=1)
        assert file.startswith(str(installed)) and state.strip() == "{}"


def test_our_own_commit_is_recorded(monkeypatch, tmp_path, installed):
    repository = tmp_path / "ours"
    shutil.copytree(installed / "rlvr_utils" / "records", repository / "rlvr_utils" / "records")
    git = ["git", "-C", repository, "-c", "user.name=N", "-c", "user.email=e@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "ours"]):
        subprocess.run([*git, *words], check=True)
    monkeypatch.setattr("rlvr_utils.records.provenance.__file__",
                        str(repository / "rlvr_utils" / "records" / "provenance.py"))
    sha = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    assert git_state() == {"sha": sha, "changed": False}
    (repository / "rlvr_utils" / "records" / "locks.py").write_text("changed")
    assert git_state()["changed"]


@pytest.mark.slow
@pytest.mark.parametrize("words", [["reproduce", "--only", "01"], ["reproduce"]])
def test_an_installed_package_says_where_its_notebooks_are(python, installed, words):
    assert "notebooks: no notebooks" in line_of_error(python("-m", "rlvr_utils", *words))
    assert sorted(os.listdir(installed)) == ["rlvr_utils"]


def test_results_of_an_installed_package_lie_where_it_was_started(python, installed):
    done = python("-c", "from rlvr_utils.study.study import open_study; print(open_study().results)")
    assert Path(done.stdout.strip()) == installed.parents[1] / "results" / "pocket"


@pytest.mark.slow
def test_the_check_of_the_public_sets_names_each(python, tmp_path):
    done = python("-m", "rlvr_utils.data", RLVR_DATA=str(tmp_path), HF_HUB_OFFLINE="1")
    found = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert done.returncode == 1 and "no eval/math500.jsonl" in found["MATH500"] and "AIME25" in found
    assert "HF_HUB_OFFLINE" in found["MATH500"]
    assert "usage" in python("-m", "rlvr_utils.data", "--help").stdout
    assert python("-m", "rlvr_utils.data", "stray").returncode == 2
    assert "RLVR_DATA" in line_of_error(python("-m", "rlvr_utils.data", RLVR_DATA=str(tmp_path / "gone")))


@pytest.mark.slow
def test_the_pocket_world_is_written_as_it_was(python, installed):
    """JSON Lines byte for byte; Parquet names the version that wrote it."""
    data = installed / "rlvr_utils" / "pocket" / "data"
    committed = {path.name: path.read_bytes() for path in data.glob("*.jsonl")}
    shutil.rmtree(data)
    assert python("-m", "rlvr_utils.pocket.world").returncode == 0
    assert {path.name: path.read_bytes() for path in data.glob("*.jsonl")} == committed
    assert (data / "pool.parquet").is_file()


@pytest.mark.slow
def test_the_pocket_model_is_trained(python, installed, tmp_path):
    """A step or two, on a tokenizer of a hundred documents."""
    for file, real, small in (("pretrain", "12, 384, 224", "2, 64, 2"), ("pretrain", "30_000", "300")):
        path = installed / "rlvr_utils" / "pocket" / f"{file}.py"
        assert path.read_text().count(real) == 1
        path.write_text(path.read_text().replace(real, small))
    done = python("-m", "rlvr_utils.pocket.pretrain", tmp_path / "base", "--parts", "1")
    assert done.returncode == 0, done.stderr
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(os.listdir(tmp_path / "base"))


def test_a_result_that_the_terminal_cannot_show_is_escaped(monkeypatch, tmp_path, tiny_config):
    """Chinese names of benchmarks on an ASCII terminal, after a run has finished."""
    config = tiny_config.changed(benchmarks=(Benchmark(name="\u9898", file="x.jsonl"),), steps=0)
    (tmp_path / "config.json").write_text(json.dumps({"config": to_fields(config), "hash": ""}))
    (tmp_path / "provenance.json").write_text("{}")
    row = {"step": 0, "benchmark": "\u9898", "accuracy": {"qwen-eval": 0.5},
           **evaluation_identity(config, config.benchmarks[0])}
    (tmp_path / "evaluations.jsonl").write_text(json.dumps(row) + "\n")
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["evaluate", "--run", str(tmp_path)]) == 0
    terminal.flush()
    assert b"step    0  \\u9898 " in terminal.buffer.getvalue()
