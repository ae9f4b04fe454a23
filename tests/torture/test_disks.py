"""Full and read-only disks, and clocks that jump: one line, nothing lost, and the same results in the end."""
from __future__ import annotations

import errno
import os
import random
import resource
import shutil
import signal
from contextlib import contextmanager

import pytest
import torch
from folders import assert_same_runs, contents, train
from safetensors.torch import save_file
from scale import FULL
from tokenizers import Tokenizer, models

from rlvr_utils.records.disks import disk_refusal
from rlvr_utils.records.files import append_rows, write_atomically

# A run of `config` opens some 44 files to write to them, its lock first.
OPENINGS = range(1, 60)
SURELY = 40


@pytest.fixture(scope="module")
def config(tiny_config):
    return tiny_config.changed(steps=3, save_every=1, eval_every=0, keep_every=2)


@pytest.fixture(scope="module")
def whole(config, forks, tmp_path_factory):
    """`earlier` with a run of another seed, `both` with that and the run, trained without trouble."""
    place = tmp_path_factory.mktemp("whole")
    assert forks.run(*train(config.changed(seed=1), place / "earlier")).status == 0
    shutil.copytree(place / "earlier", place / "both")
    assert forks.run(*train(config, place / "both")).status == 0
    return place


def moments(kind: str) -> list[int]:
    return [*OPENINGS] if FULL else random.Random(kind).sample(range(1, SURELY), 1)


@pytest.mark.parametrize(("kind", "moment"), [(kind, n) for kind in ("full", "read-only") for n in moments(kind)])
def test_a_disk_that_refuses_from_any_file_on(config, whole, forks, tmp_path, kind, moment):
    finished, = (shutil.copytree(whole / "earlier", tmp_path / "results") / "runs").iterdir()
    before, command = contents(finished), train(config, tmp_path / "results")
    ended = forks.run(*command, accident=f"{kind} {moment}")
    remedy = {"full": "make room there", "read-only": "make it writable, or choose another folder"}[kind]
    if moment <= SURELY or ended.status:
        line, = ended.err.splitlines()
        assert ended.status == 2 and line.startswith("rlvr_utils: /") and remedy in line, ended.err
    assert forks.run(*command).status == 0
    assert_same_runs(tmp_path / "results", whole / "both")
    assert contents(finished) == before


def test_what_is_finished_is_read_from_a_read_only_disk(config, whole, forks, tmp_path):
    results = shutil.copytree(whole / "both", tmp_path / "results")
    for run in (results / "runs").iterdir():
        assert forks.run("evaluate", "--run", run).status == 0
        assert forks.run("evaluate", "--run", run, accident="read-only 1").status == 0
    assert forks.run(*train(config, results), accident="read-only 1").status == 0


def test_an_export_that_finds_no_room_leaves_no_half_of_one(whole, forks, tmp_path):
    run, = (whole / "earlier" / "runs").iterdir()
    ended = forks.run("export", run, tmp_path / "exported", accident="full 3")
    assert ended.status == 2 and "; make room there; " in ended.err and ended.err.count("\n") == 1
    assert not (tmp_path / "exported").exists()
    assert forks.run("export", run, tmp_path / "exported").status == 0
    assert os.listdir(tmp_path) == ["exported"] and (tmp_path / "exported" / "README.md").exists()


@contextmanager
def no_room():
    """No file grows beyond 100 bytes."""
    earlier = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, earlier[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, earlier)


LARGE = {"weight": torch.zeros(2000)}


@pytest.mark.parametrize("write", [
    lambda path: torch.save(LARGE, path), lambda path: save_file(LARGE, path),
    lambda path: Tokenizer(models.BPE()).save(str(path)), lambda path: path.write_text("x" * 2000),
    lambda path: append_rows(path, [{"text": "x" * 2000}]), lambda path: write_atomically(path, "x" * 2000)],
    ids=["torch", "safetensors", "tokenizers", "python", "rows", "whole"])
def test_every_library_is_understood_when_there_is_no_room(tmp_path, write):
    with pytest.raises(Exception) as caught, no_room():  # noqa: B017  each has a type of its own
        write(tmp_path / "file")
    assert disk_refusal(caught.value, tmp_path).endswith("; make room there")
    assert str(tmp_path) in disk_refusal(caught.value, tmp_path)


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "gone", "file"), RuntimeError("shapes differ"),
                                   ValueError("(os error 2)"), IsADirectoryError(errno.EISDIR, "a folder")])
def test_other_errors_are_no_matter_of_the_disk(error):
    assert disk_refusal(error, "place") is None


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "claims.json"
    write_atomically(path, "earlier")
    with pytest.raises(OSError) as caught, no_room():
        write_atomically(path, "x" * 2000)
    assert (path.read_text(), os.listdir(tmp_path)) == ("earlier", ["claims.json"])
    assert caught.value.filename == str(path)


def test_a_clock_that_is_put_back_removes_no_checkpoint_that_is_needed(config, forks, tmp_path):
    """An hour with every checkpoint; the process dies before the weights are saved."""
    command = train(config.changed(steps=4), tmp_path / "results")
    assert forks.run(*command, accident="the clock goes back").status == -signal.SIGKILL
    partial, = (tmp_path / "results" / "runs").glob("*.partial")
    assert sorted(os.listdir(partial / "checkpoints")) == ["checkpoint-3", "checkpoint-4"]
    assert forks.run(*command).status == 0
    assert forks.run(*train(config.changed(steps=4), tmp_path / "whole")).status == 0
    assert_same_runs(tmp_path / "results", tmp_path / "whole")
