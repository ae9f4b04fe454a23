"""Live curves under the records' names, nothing where nobody asked, and no run lost for a tracker."""
from __future__ import annotations

import json

import pytest
from conftest import line_of

from rlvr_utils import cli
from rlvr_utils.recipe.config import field_from_text, to_fields
from rlvr_utils.records.run import run_name
from rlvr_utils.runs.obtain import obtain
from rlvr_utils.training import trackers


@pytest.fixture(scope="module")
def config(tiny_config):
    """Two updates a step, so that steps are no updates; entropy alone leaves something unknown."""
    return tiny_config.changed(steps=2, eval_every=2, save_every=1, updates_per_rollout=2, micro_batch=4, kl_coef=0.0)


@pytest.fixture(scope="module")
def plain(config, tmp_path_factory):
    return obtain(config, tmp_path_factory.mktemp("plain"))


@pytest.fixture
def curves(monkeypatch):
    """A tracker that notes what it is given, in place of every other; it may be told to fail in one of its calls."""
    from transformers import TrainerCallback
    from transformers.integrations import integration_utils

    class Noting(TrainerCallback):
        rows, calls, fails, logging_dir = [], [], "", None

        def _call(self, name: str):
            self.calls.append(name)
            if name == self.fails:
                raise ConnectionError("no network\nat all")

        def on_train_begin(self, args, state, control, model=None, **_):
            self.calls.append((args.project, args.run_name))
            self._call("begin")
            print("a tracker's chatter")

        def on_log(self, args, state, control, model=None, logs=None, **_):
            self._call("log")
            self.rows.append((state.global_step, logs))

        def on_train_end(self, args, state, control, model=None, **_):
            self._call("end")

    monkeypatch.setattr(trackers, "find_spec", lambda name: True)
    monkeypatch.setattr(integration_utils, "INTEGRATION_TO_CALLBACK", dict.fromkeys(("trackio", "wandb"), Noting))
    return Noting


def expected(run) -> list[tuple[int, dict]]:
    """What the records say, by rollout step."""
    rows = {row["step"]: {name: value for name, value in row.items() if value is not None and name != "step"}
            for row in run.rows("metrics")}
    for row in run.rows("evaluations"):
        rows[row["step"]] |= {f"{row['benchmark']}/accuracy/{grader}": value
                              for grader, value in row["accuracy"].items()}
    return sorted(rows.items())


def test_a_tracker_is_given_the_records_by_rollout_steps_and_changes_nothing(config, plain, curves, tmp_path, capsys):
    watched = config.changed(report_to=("trackio",))
    run = obtain(watched, tmp_path)
    assert curves.rows == expected(plain) and {"outcome", "six/accuracy/qwen-eval"} <= curves.rows[1][1].keys()
    assert curves.calls == [("pocket", run.folder.name), "begin", "log", "log", "end"]
    assert run_name(watched) == run_name(config) == plain.folder.name
    assert run.provenance["weights_sha256"] == plain.provenance["weights_sha256"]
    assert (run.folder / "metrics.jsonl").read_bytes() == (plain.folder / "metrics.jsonl").read_bytes()
    assert "chatter" not in capsys.readouterr().out  # standard output is for the command's own result


def test_nothing_is_shown_unless_asked(config, plain, curves, tmp_path):
    assert not obtain(config, tmp_path).config.report_to and not curves.calls
    assert "report_to" in to_fields(config)


def test_a_finished_run_has_nothing_to_show_and_says_so(config, plain, tmp_path, capsys):
    (tmp_path / "config.json").write_text(json.dumps(to_fields(config.changed(report_to=("trackio",)))))
    words = ["train", "--config", str(tmp_path / "config.json"), "--results", str(plain.folder.parents[1])]
    assert cli.main(words) == 0
    assert "report_to shows nothing" in capsys.readouterr().err


def test_a_tracker_that_cannot_start_is_one_line_before_the_first_step(config, curves, tmp_path, monkeypatch):
    monkeypatch.setattr(curves, "fails", "begin")
    line = line_of(obtain, config.changed(report_to=("wandb",)), tmp_path)
    assert "report_to" in line and "wandb" in line and "(ConnectionError: no network)" in line
    assert not list(tmp_path.rglob("metrics.jsonl"))


def test_a_tracker_that_fails_later_is_said_once_and_costs_nothing(config, plain, curves, tmp_path, monkeypatch,
                                                                   capsys):
    monkeypatch.setattr(curves, "fails", "log")
    run = obtain(config.changed(report_to=("trackio",)), tmp_path)
    warning, = [line for line in capsys.readouterr().err.splitlines() if "trackio" in line]
    assert "(ConnectionError: no network)" in warning
    assert run.provenance["weights_sha256"] == plain.provenance["weights_sha256"]


def test_a_package_that_is_not_there_is_one_line_before_anything_is_written(config, tmp_path, monkeypatch):
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    line = line_of(obtain, config.changed(report_to=("tensorboard",)), tmp_path)
    assert "report_to" in line and "pip install tensorboard" in line
    assert not list(tmp_path.iterdir())


def test_one_tracker_or_several_are_named_on_the_command_line(config):
    for text, value in (("trackio", ("trackio",)), ("[trackio, wandb]", ("trackio", "wandb"))):
        assert config.changed(report_to=field_from_text("report_to", text)).report_to == value
    assert "'all'" in line_of(field_from_text, "report_to", "all")


def test_an_evaluation_has_no_curve_to_show(plain, capsys):
    for words in (["evaluate", "--run", str(plain.folder)], ["evaluate"]):
        assert cli.main([*words, "--set", "report_to=trackio"]) == 2
        assert "report_to" in capsys.readouterr().err


# ---- the real ones, where they are installed ------------------------------------------------------------------------

def test_tensorboard_reads_back_what_was_recorded(config, plain, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    obtain(config.changed(report_to=("tensorboard",)), tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard" / plain.folder.name)).Reload()
    for step, row in expected(plain):
        for name, value in row.items():
            shown = {event.step: event.value for event in events.Scalars(f"train/{name}")}
            assert shown[step] == pytest.approx(value), name


def test_trackio_reads_back_what_was_recorded(config, plain, forks, tmp_path, monkeypatch):
    """In a process of its own: trackio reads its folder's name when it is imported."""
    pytest.importorskip("trackio")
    import os
    import subprocess
    import sys

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
