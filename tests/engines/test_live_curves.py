"""Live curves in TensorBoard and in trackio, read back from their own files."""
from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from curves import expected, watched

from rlvr_utils.recipe.config import to_fields
from rlvr_utils.runs.obtain import obtain


@pytest.fixture(scope="module")
def config(tiny_config):
    return watched(tiny_config)


@pytest.fixture(scope="module")
def plain(config, tmp_path_factory):
    return obtain(config, tmp_path_factory.mktemp("plain"))


def test_tensorboard_reads_back_what_was_recorded(config, plain, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    obtain(config.changed(report_to=("tensorboard",)), tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard" / plain.folder.name)).Reload()
    for step, row in expected(plain):
        for name, value in row.items():
            shown = {event.step: event.value for event in events.Scalars(f"train/{name}")}
            assert shown[step] == pytest.approx(value), name


def test_trackio_reads_back_what_was_recorded(config, plain, tmp_path):
    """In a process of its own: trackio reads its folder's name when it is imported."""
    (tmp_path / "config.json").write_text(json.dumps(to_fields(config.changed(report_to=("trackio",)))))
    there = {**os.environ, "TRACKIO_DIR": str(tmp_path / "trackio")}
    done = subprocess.run([sys.executable, "-m", "rlvr_utils", "train", "--config", tmp_path / "config.json",
                           "--results", tmp_path / "results"], env=there, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(tmp_path / "results" / "runs" / plain.folder.name)
    read = ("import json, trackio; run, = trackio.Api().runs('pocket'); "
            "print(json.dumps([run.name, trackio.sqlite_storage.SQLiteStorage.get_logs('pocket', run.name)]))")
    done = subprocess.run([sys.executable, "-c", read], env=there, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    name, rows = json.loads(done.stdout.splitlines()[-1])
    shown = {row["train/global_step"]: row for row in rows if "train/outcome" in row}
    assert name == plain.folder.name and sorted(shown) == [1, 2]
    for step, row in expected(plain):
        assert {key: shown[step][f"train/{key}"] for key in row} == pytest.approx(row)
