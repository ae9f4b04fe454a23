"""Live curves under the records' names, nothing where nobody asked, and no run lost for a tracker."""
from __future__ import annotations

import json

import pytest
from conftest import line_of
from curves import expected, watched

from rlvr_utils import cli
from rlvr_utils.recipe.config import field_from_text, to_fields
from rlvr_utils.records.run import run_name
from rlvr_utils.runs.obtain import obtain
from rlvr_utils.training import trackers


@pytest.fixture(scope="module")
def config(tiny_config):
    return watched(tiny_config)


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
