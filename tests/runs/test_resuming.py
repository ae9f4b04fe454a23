"""Runs that are killed, held by another process, or damaged on disk end as if nothing had happened."""
from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import line_of

from rlvr_utils.errors import UserError, shown
from rlvr_utils.recipe.config import to_fields
from rlvr_utils.records.disks import disk_refusal
from rlvr_utils.records.files import append_rows, drop_rows_after, read_rows
from rlvr_utils.records.locks import lock_holder, locked
from rlvr_utils.records.run import (
    JSON_LINES,
    discard,
    find,
    latest_complete_checkpoint,
    lock_run,
    partial_folder,
    remove_incomplete,
)
from rlvr_utils.runs import obtain as runs
from rlvr_utils.runs.obtain import obtain

pytestmark = pytest.mark.slow

RECORDS = sorted({*JSON_LINES} - {"timings.jsonl"})
# Where the process dies, and the step that the run goes on from: a checkpoint every second step.
DEATHS = {"before any checkpoint": None, "after the row of step 3": 2, "with a row half written": 4,
          "with a checkpoint half written": 2, "before the weights are saved": 6,
          "before the provenance": 6, "before the run has its name": None}


@pytest.fixture(scope="module")
def variants(tiny_config):
    six_steps = tiny_config.changed(steps=6, save_every=2, eval_every=2)
    return {"plain": six_steps, "two updates": six_steps.changed(updates_per_rollout=2, micro_batch=4)}


@pytest.fixture(scope="module")
def killed(variants, forks, tmp_path_factory):
    """A folder in which every variant was killed at every place."""
    results = tmp_path_factory.mktemp("killed")
    plan = {"plain": list(DEATHS), "two updates": ["after the row of step 3"]}
    for name, config in variants.items():
        request = results / f"{name}.json"
        request.write_text(json.dumps(to_fields(config)))
        for death in plan[name]:
            ended = forks.run("train", "--config", request, "--results", results / name / death, accident=death)
            assert ended.status == -signal.SIGKILL, ended.err
    return results


@pytest.fixture(scope="module")
def whole(variants, tmp_path_factory):
    """Every variant, trained without interruption."""
    return {name: obtain(config, tmp_path_factory.mktemp("whole")) for name, config in variants.items()}


@pytest.mark.parametrize(("variant", "death"), [
    *(("plain", death) for death in DEATHS), ("two updates", "after the row of step 3")])
def test_a_killed_run_ends_as_if_it_had_not_been(variants, killed, whole, variant, death):
    results = killed / variant / death
    assert find(variants[variant], results) is None  # nothing unfinished bears a run's name
    run, other = obtain(variants[variant], results), whole[variant]
    assert run.provenance["weights_sha256"] == other.provenance["weights_sha256"]
    for name in RECORDS:
        assert (run.folder / name).read_bytes() == (other.folder / name).read_bytes(), name
    assert [row["step"] for row in run.rows("timings")] == [1, 2, 3, 4, 5, 6]
    assert run.provenance["resumed_from"] == DEATHS[death]
    assert [path.name for path in (results / "runs").iterdir()] == [run.folder.name]


def test_rows_after_the_checkpoint_and_torn_lines_are_dropped(tmp_path):
    path = tmp_path / "metrics.jsonl"
    append_rows(path, [{"step": step, "text": "a\u2028b\n"} for step in (1, 1, 2, 3)])
    with path.open("a") as stream:
        stream.write('{"step": 1, "te')
    drop_rows_after(path, 2)
    assert [row["step"] for row in read_rows(path)] == [1, 1, 2]
    drop_rows_after(path, -1)
    assert read_rows(path) == [] and os.listdir(tmp_path) == ["metrics.jsonl"]
    drop_rows_after(tmp_path / "never", 0)
    assert read_rows(tmp_path / "never") == []


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step"\n{"step": 3}\n')
    with pytest.raises(UserError, match="metrics.jsonl: line 2 is not a record"):
        read_rows(path)


def test_what_was_half_written_is_removed_and_nothing_else(tmp_path):
    whole = ("checkpoints/checkpoint-2/whole", "policies/step-00002/config.json", "metrics.jsonl")
    halves = ("checkpoints/checkpoint-4/model.safetensors", "policies/step-00004.new/a", "policies/step-00004.raw/b",
              "metrics.jsonl.77.new")
    for name in (*whole, *halves):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    remove_incomplete(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == sorted(whole)


def test_the_latest_whole_checkpoint_counts_by_number(tmp_path):
    assert latest_complete_checkpoint(tmp_path) is None
    for step, whole in ((2, True), (8, True), (10, True), (12, False)):
        folder = tmp_path / "checkpoints" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        if whole:
            (folder / "whole").touch()
    assert latest_complete_checkpoint(tmp_path).name == "checkpoint-10"


def test_a_run_that_another_process_holds_is_refused_in_one_line(tiny_config, tmp_path, forks):
    partial = partial_folder(tiny_config, tmp_path)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(to_fields(tiny_config)))
    with lock_run(partial):
        ended = forks.run("train", "--config", config, "--results", tmp_path)
    assert ended.status == 2
    line, = ended.err.splitlines()
    assert line.startswith(f"rlvr_utils: run {partial.stem} is in use by process {os.getpid()};")
    assert os.listdir(partial) == []  # nothing of the holder's was touched


def test_a_run_that_was_finished_while_this_process_was_loading(tiny_config, tmp_path, monkeypatch):
    config, prepare = tiny_config.changed(steps=1), runs.prepare

    def slow(config):
        monkeypatch.undo()
        first.append(obtain(config, tmp_path))
        return prepare(config)

    first = []
    monkeypatch.setattr(runs, "prepare", slow)
    run = obtain(config, tmp_path)
    assert [run] == first and list(run.folder.parent.iterdir()) == [run.folder]


@pytest.mark.parametrize("damage", [
    b'{"step": 2', b"\xff\xfe", b"\0" * 20, b"[" * 100_000, b"3", b"9" * 5000, b"", b"{}", b'{"step": "2"}'], ids=shown)
def test_a_damaged_record_is_one_line_unless_it_has_no_end(tmp_path, damage):
    path = tmp_path / "metrics.jsonl"
    append_rows(path, [{"step": 1}])
    path.write_bytes(path.read_bytes() + damage + b"\n")
    assert line_of(read_rows, path).startswith(f"{path}: line 2 is not a record")
    path.write_bytes(path.read_bytes()[:-1])
    assert read_rows(path) == [{"step": 1}]
    drop_rows_after(path, 1)
    assert read_rows(path) == [{"step": 1}]


def test_a_lock_goes_with_its_process(tmp_path):
    lock = tmp_path / "lock"
    dies = ("import os, sys; from pathlib import Path; from rlvr_utils.records.locks import locked\n"
            "with locked(Path(sys.argv[1]), 'it'): os.kill(os.getpid(), 9)")
    assert subprocess.run([sys.executable, "-c", dies, str(lock)]).returncode == -signal.SIGKILL
    assert lock.exists() and lock_holder(lock) is None
    with locked(lock, "it"):
        assert lock_holder(lock) == str(os.getpid())
        with pytest.raises(UserError, match=f"^it is in use by process {os.getpid()};"), locked(lock, "it"):
            pass
    assert not lock.exists()


def test_a_lock_file_is_removed_while_it_is_held(tmp_path, monkeypatch):
    """Removed later, it might be one that another process has just taken."""
    holders, unlink = [], Path.unlink
    monkeypatch.setattr(Path, "unlink", lambda file, **kw: (holders.append(lock_holder(file)), unlink(file, **kw)))
    with locked(tmp_path / "lock", "it"):
        pass
    assert holders == [str(os.getpid())]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks_is_told_in_one_line(tmp_path, monkeypatch, number):
    def refuses(*_):
        raise OSError(number, os.strerror(number))

    lock = tmp_path / "lock"
    monkeypatch.setattr("fcntl.flock", refuses)
    with pytest.raises(OSError) as caught, locked(lock, "it"):
        raise AssertionError("the lock was not taken")
    assert disk_refusal(caught.value, "").startswith(f"{lock}: ") and "can lock files" in disk_refusal(caught.value, "")


def test_a_discarded_run_is_trained_anew(tiny_config, tmp_path):
    config = tiny_config.changed(steps=1)
    first = obtain(config, tmp_path)
    marker = first.folder / "marker"
    marker.touch()
    discard(config, tmp_path)
    assert find(config, tmp_path) is None
    again = obtain(config, tmp_path)
    assert not marker.exists() and len(again.rows("metrics")) == 1
    discard(config.changed(seed=9), tmp_path)  # what is not there is no error
    assert find(config, tmp_path) == again


def test_a_run_that_was_discarded_in_part_is_no_run(tiny_config, tmp_path, monkeypatch):
    config = tiny_config.changed(steps=1)
    run = obtain(config, tmp_path)

    def dies(folder, **_):
        if folder.exists():
            (folder / "metrics.jsonl").unlink()
            raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", dies)
    with pytest.raises(KeyboardInterrupt):
        discard(config, tmp_path)
    monkeypatch.undo()
    assert find(config, tmp_path) is None
    assert len(obtain(config, tmp_path).rows("metrics")) == 1
    discard(config, tmp_path)
    assert not list(run.folder.parent.iterdir())  # what was left from the first time is gone too


def test_results_that_cannot_be_written_are_one_line(tiny_config, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write results to .*; choose another") as caught:
        obtain(tiny_config, tmp_path / "file")
    assert "\n" not in str(caught.value)
