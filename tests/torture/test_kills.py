"""Killed or interrupted at random moments, every command ends as if nothing had happened when it is given again."""
from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys

import pytest
from folders import assert_same_runs, contents, train
from scale import times

from rlvr_utils.cli import CHECKPOINTS


@pytest.fixture(scope="module")
def variants(tiny_config):
    short = tiny_config.changed(steps=times(4, 6), save_every=1, eval_every=2)
    return {"evaluated": short, "kept": short.changed(eval_every=0, keep_every=2, updates_per_rollout=2, micro_batch=4)}


@pytest.fixture(scope="module")
def whole(variants, forks, tmp_path_factory):
    """Every variant's results without interruption, and how many seconds that took."""
    found = {}
    for name, config in variants.items():
        results = tmp_path_factory.mktemp("whole") / "results"
        ended = forks.run(*train(config, results))
        assert ended.status == 0, ended.err
        found[name] = results, ended.seconds
    return found


@pytest.fixture
def moments(request):
    """Random numbers, of each test its own and always the same."""
    return random.Random(request.node.name)


@pytest.mark.parametrize("attempt", range(times(1, 20)))
@pytest.mark.parametrize("variant", ["evaluated", "kept"])
def test_a_run_killed_at_a_random_moment(variants, whole, forks, tmp_path, moments, variant, attempt):
    command, (other, seconds) = train(variants[variant], tmp_path / "results"), whole[variant]
    assert forks.run(*command, after=moments.uniform(0, seconds)).status in (-signal.SIGKILL, 0)
    assert forks.run(*command).status == 0
    assert_same_runs(tmp_path / "results", other)


@pytest.mark.parametrize("attempt", range(times(1, 10)))
def test_a_run_killed_again_and_again(variants, whole, forks, tmp_path, moments, attempt):
    command, (other, seconds) = train(variants["kept"], tmp_path / "results"), whole["kept"]
    for _ in range(times(2, 8)):
        forks.run(*command, after=moments.uniform(seconds / 4, seconds))
    assert forks.run(*command).status == 0
    assert_same_runs(tmp_path / "results", other)


@pytest.mark.parametrize("attempt", range(times(1, 10)))
@pytest.mark.parametrize(("word", "status"), [("interrupted", 130), ("terminated", 143)])
def test_an_interrupted_run_says_so_in_one_line(variants, whole, forks, tmp_path, moments, word, status, attempt):
    """By Ctrl-C or SIGTERM, when one of its files is opened to be written."""
    command, other = train(variants["evaluated"], tmp_path / "results"), whole["evaluated"][0]
    ended = forks.run(*command, accident=f"{word} {moments.randint(1, 40)}")
    assert (ended.status, ended.out) == (status, "")
    assert ended.err == f"rlvr_utils: {word}; {CHECKPOINTS}\n"
    assert forks.run(*command).status == 0
    assert_same_runs(tmp_path / "results", other)


@pytest.mark.parametrize("module", ["torch", "transformers", "datasets", "trl", "yaml"][:times(1, 5)])
def test_a_command_that_is_interrupted_during_its_imports(variants, tmp_path, module):
    begin = ("import os, sys; left = [2]; sys.addaudithook(lambda event, words: event == 'import' "
             f"and words[0] == {module!r} and left and os.kill(os.getpid(), left.pop()))\n"
             "from rlvr_utils.cli import main; sys.exit(main())")
    command = map(str, train(variants["evaluated"], tmp_path / "results"))
    ended = subprocess.run([sys.executable, "-c", begin, *command], capture_output=True, text=True)
    assert (ended.stdout, ended.stderr.count("\n")) == ("", 1) and ended.stderr.startswith("rlvr_utils: interrupted; ")
    # Python ends itself by the signal where compiled text was interrupted; a shell shows 130 for both.
    assert ended.returncode in (130, -signal.SIGINT)


@pytest.mark.parametrize("attempt", range(times(1, 20)))
@pytest.mark.parametrize("command", ["evaluate --run RUN", "export RUN TARGET --step 4"])
def test_another_command_killed_at_a_random_moment(whole, forks, tmp_path, moments, command, attempt):
    folders = []
    for name in ("killed", "whole"):
        shutil.copytree(whole["kept"][0], tmp_path / name / "results")
        run, = (tmp_path / name / "results" / "runs").iterdir()
        words = {"RUN": run, "TARGET": tmp_path / name / "exported"}
        folders.append([words.get(word, word) for word in command.split()])
    ended = forks.run(*folders[1])
    assert ended.status == 0, ended.err
    if forks.run(*folders[0], after=moments.uniform(0, ended.seconds)).status:
        again = forks.run(*folders[0])  # refused where all was done already: an export is not written over
        assert again.status == 0 or "exists already and is not an empty folder" in again.err
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
