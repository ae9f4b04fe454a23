"""Several processes on one results folder: one works, the others are told who, or get what it has made."""
from __future__ import annotations

import os
import shutil
from itertools import count
from pathlib import Path

import pytest
from folders import assert_same_runs, contents, train
from scale import times

from rlvr_utils.errors import UserError
from rlvr_utils.records.locks import locked


@pytest.fixture(scope="module")
def config(tiny_config):
    return tiny_config.changed(steps=2, save_every=1, eval_every=0, keep_every=1)


@pytest.fixture(scope="module")
def whole(config, forks, tmp_path_factory):
    """The run, trained alone."""
    results = tmp_path_factory.mktemp("whole") / "results"
    assert forks.run(*train(config, results)).status == 0
    return results


def assert_one_worked(ended: list) -> None:
    """At least one process succeeded; the others name one of them in a line."""
    refused = [end for end in ended if end.status]
    assert len(refused) < len(ended)
    for end in refused:
        assert end.status == 2 and end.err.count("\n") == 1 and " is in use by process " in end.err


@pytest.mark.parametrize("attempt", range(times(1, 20)))
def test_many_processes_train_one_run(config, whole, forks, tmp_path, attempt):
    assert_one_worked(forks.run_all([train(config, tmp_path / "results")] * 5))
    assert_same_runs(tmp_path / "results", whole)


@pytest.mark.parametrize("attempt", range(times(1, 10)))
def test_two_runs_in_one_folder_at_once(config, forks, tmp_path, attempt):
    other = config.changed(seed=1)
    together = forks.run_all([train(one, tmp_path / "together") for one in (config, other)])
    assert [end.status for end in together] == [0, 0]
    for one in (config, other):
        assert forks.run(*train(one, tmp_path / "apart")).status == 0
    assert_same_runs(tmp_path / "together", tmp_path / "apart")


@pytest.mark.parametrize("attempt", range(times(1, 10)))
@pytest.mark.parametrize("command", ["evaluate --run RUN", "export RUN TARGET"])
def test_two_processes_do_another_thing_at_once(whole, forks, tmp_path, command, attempt):
    """`evaluate` and `export` twice; a second export may also find the first one's folder."""
    for name, together in (("alone", 1), ("together", 3)):
        run, = (shutil.copytree(whole, tmp_path / name / "results") / "runs").iterdir()
        words = {"RUN": run, "TARGET": tmp_path / name / "exported"}
        ended = forks.run_all([[words.get(word, word) for word in command.split()]] * together)
        assert_one_worked([end for end in ended if "is not an empty folder" not in end.err])
    assert contents(tmp_path / "alone") == contents(tmp_path / "together")


def test_an_unfinished_run_is_neither_evaluated_nor_exported(config, forks, tmp_path):
    assert forks.run(*train(config, tmp_path / "results"), "--stop-after", 1).status == 0
    partial, = (tmp_path / "results" / "runs").iterdir()
    for words in (["evaluate", "--run", partial], ["export", partial, tmp_path / "target"]):
        ended = forks.run(*words)
        assert ended.status == 2 and "not a finished run" in ended.err
    assert not (tmp_path / "target").exists()


def test_no_two_processes_hold_a_lock(tmp_path):
    """Taken and released as fast as can be, so that one is opened while another process removes it."""
    def take_often(inside: Path, turns: int) -> None:
        for _ in range(turns):
            for _ in count():
                try:
                    with locked(tmp_path / "lock", "it"):
                        os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails where somebody else is inside
                        inside.unlink()
                    break
                except UserError:
                    continue

    children = []
    for _ in range(6):
        child = os.fork()
        if child == 0:
            try:
                take_often(tmp_path / "inside", times(300, 5000))
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(children)
    assert os.listdir(tmp_path) == []
