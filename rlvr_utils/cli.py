"""The command line: reproduce, plan, prompts, drill, train, evaluate, export."""
from __future__ import annotations

import argparse
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path

from rlvr_utils.errors import UserError, escape_output
from rlvr_utils.progress import show_progress
from rlvr_utils.records.disks import refusal

OF_A_STUDY = ("profile", "model", "train_file", "max_steps")  # options that say what is trained
CUT = 0.1  # share of answers cut at the limit beyond which it is said
LAYOUTS = ("replicated", "sharded", "offloaded")  # see `rlvr_utils.scale.costs`


def main(words: list[str] | None = None) -> int:
    """Run one command; a mistake of the user's, or a disk that refuses, is one line on standard error and
    exit status 2; Ctrl-C and SIGTERM are one line and 130 or 143."""
    escape_output()
    options = parser().parse_args(words)
    signal.signal(signal.SIGTERM, _terminate)
    show_progress(not getattr(options, "quiet", True))
    try:
        options.run(options)
    except UserError as error:
        return _say(str(error), 2)
    except KeyboardInterrupt as end:
        for number in (signal.SIGINT, signal.SIGTERM):  # the next one is not to be told about
            signal.signal(number, signal.SIG_DFL)
        word, status = ("terminated", 143) if isinstance(end, _Termination) else ("interrupted", 130)
        return _say(f"{word}; what is finished is kept, the same command goes on from there", status)
    except Exception as error:
        reason = refusal(error, "the disk")
        if reason is None:
            raise
        return _say(f"{reason}; then give the same command: what is finished is kept", 2)
    return 0


class _Termination(KeyboardInterrupt):
    """SIGTERM, treated as Ctrl-C is, so that child processes are ended too."""


def _terminate(*_) -> None:
    raise _Termination


def _say(line: str, status: int) -> int:
    with suppress(OSError):  # standard error may be a file on the disk that is full
        print(f"rlvr_utils: {line}", file=sys.stderr, flush=True)
    return status


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m rlvr_utils", description="1-shot RLVR, reproducible.")
    commands = top.add_subparsers(required=True, metavar="command")

    reproduce = commands.add_parser("reproduce", help="run the notebooks and write tables, figures and claims")
    _common(reproduce)
    reproduce.add_argument("--only", metavar="NN", help="only the notebook of this number, such as 02")
    reproduce.add_argument("--seeds", type=int, default=3, help="how many seeds (default 3)")
    reproduce.add_argument("--retrain", action="store_true",
                           help="train every run anew, even where a finished one is there")
    reproduce.set_defaults(run=_reproduce)

    train = commands.add_parser("train", help="train one arm with one seed, or resume it")
    _common(train)
    train.add_argument("--arm", default="one-shot", help="the arm (default one-shot)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--config", type=Path, help="a run's whole configuration as JSON; only --results goes with it")
    train.add_argument("--stop-after", type=int, metavar="STEP", help="end after this step; the same command goes on")
    train.add_argument("--force", action="store_true", help="start even where the plan says that it will not fit")
    _settings(train)
    _quiet(train)
    train.set_defaults(run=_train)

    plan = commands.add_parser("plan", help="what a run would need, before anything starts")
    _common(plan)
    plan.add_argument("--arm", default="one-shot", help="the arm (default one-shot)")
    plan.add_argument("--hardware", metavar="'8 x A100 80'", help="GPUs to plan for, GiB of each last")
    _settings(plan)
    plan.add_argument("--layout", choices=LAYOUTS, help="how the GPUs share the model (default: as launched)")
    plan.set_defaults(run=_plan)

    prompts = commands.add_parser("prompts", help="the exact prompts of a run and what ends a response")
    _sources(prompts)
    prompts.add_argument("--arm", default="one-shot", help="the arm (default one-shot)")
    _settings(prompts)
    prompts.set_defaults(run=_prompts, results=None, max_steps=None)

    drill = commands.add_parser("drill", help="the whole pipeline offline, on random weights of the real shape")
    drill.add_argument("--profile", default="pocket", help="model scale (default pocket)")
    drill.add_argument("--layers", type=int, help="so many layers instead of the real number")
    drill.add_argument("--hidden", type=int, help="this hidden size instead of the real one; a multiple of 8")
    drill.add_argument("--prompts", type=int, help="so many prompts a step instead of the profile's")
    drill.add_argument("--response-tokens", type=int, help="responses of so many tokens instead of the profile's")
    drill.add_argument("--steps", type=int, default=2, help="rollout steps (default 2)")
    drill.add_argument("--record", type=Path, metavar="FILE", help="write the record there as JSON")
    _quiet(drill)
    drill.set_defaults(run=_drill)

    evaluate = commands.add_parser("evaluate", help="evaluate a model, or the policies that a run has kept")
    _common(evaluate)
    evaluate.add_argument("--seed", type=int, default=0)
    evaluate.add_argument("--run", dest="folder", type=Path,
                          help="the folder of a finished run, with --eval-files or --set to evaluate it differently")
    evaluate.add_argument("--step", type=int, help="only the policy of this step (default: all that are there)")
    evaluate.add_argument("--config", type=Path, help="how to evaluate the run, as a whole configuration in JSON")
    _settings(evaluate)
    _quiet(evaluate)
    evaluate.set_defaults(run=_evaluate)

    export = commands.add_parser("export", help="a run's policy as a Hugging Face folder with a model card")
    export.add_argument("folder", type=Path, help="the folder of a finished run")
    export.add_argument("target", type=Path, help="the new folder")
    export.add_argument("--step", type=int, help="the policy kept at this step (default: after the last)")
    export.set_defaults(run=_export)
    return top


def _common(command: argparse.ArgumentParser) -> None:
    _sources(command)
    command.add_argument("--results", metavar="DIR", help="where results go (default results/<profile>)")
    command.add_argument("--max-steps", type=int, help="so many rollout steps instead of the profile's")


def _sources(command: argparse.ArgumentParser) -> None:
    command.add_argument("--profile", default="pocket", help="model scale, or a YAML file of your own (default pocket)")
    command.add_argument("--model", help="a Hugging Face folder or hub id, instead of the profile's")
    command.add_argument("--train-file", help="Parquet or JSON Lines file of training problems")
    command.add_argument("--eval-files", nargs="+", metavar="FILE",
                         help="Parquet or JSON Lines files of problems; NAME=FILE gives a set another name")


def _settings(command: argparse.ArgumentParser) -> None:
    command.add_argument("--set", dest="settings", action="append", default=[], metavar="FIELD=VALUE",
                         help="change a field of the configuration; may be repeated")
    command.add_argument("--eval-template", dest="settings", action="append", metavar="NAME",
                         type=lambda name: f"eval_template={name}",
                         help="the prompt of evaluations: chat is the model's own; short for --set eval_template=NAME")


def _quiet(command: argparse.ArgumentParser) -> None:
    command.add_argument("--quiet", action="store_true", help="no progress on standard error")


def _study(options, seeds):
    from rlvr_utils.study.study import open_study

    return open_study(options.profile, seeds, options.results, options.model, options.train_file,
                      options.eval_files, options.max_steps, getattr(options, "settings", None))


def _arm_config(options, study, arm: str, seed: int):
    """The configuration of an arm; what `--set` gives counts more than what the arm changes."""
    from rlvr_utils.recipe.arms import with_arm
    from rlvr_utils.study.study import with_settings

    return with_settings(with_arm(study.config, arm, seed), options.settings)


def _refuse_beside(options, given: str, names: tuple[str, ...], remedy: str) -> None:
    """Raise `UserError` for options that `given` leaves without effect."""
    defaults = {"profile": "pocket", "seed": 0, "arm": "one-shot", "settings": []}
    for name in names:
        if getattr(options, name) != defaults.get(name):
            flag = "--set (or --eval-template)" if name == "settings" else f"--{name.replace('_', '-')}"
            raise UserError(f"{flag} has no effect beside {given}; {remedy}")


def _reproduce(options) -> None:
    from rlvr_utils.study.reproduce import reproduce

    reproduce(_study(options, options.seeds), options.only, options.retrain)


def _train(options) -> None:
    from rlvr_utils.processes import first_process, launched_layout
    from rlvr_utils.records.run import find
    from rlvr_utils.runs.obtain import obtain
    from rlvr_utils.scale.hardware import Hardware
    from rlvr_utils.scale.plan import warnings_before

    if options.config:
        _refuse_beside(options, "--config", (*OF_A_STUDY, "eval_files", "seed", "arm", "settings"),
                       "change it in that file, or leave one of them out")
    study = _study(options, [options.seed])
    config = _read_config(options.config) if options.config else _arm_config(options, study, options.arm, options.seed)
    if not find(config, study.results):
        for warning in warnings_before(config, Hardware.found(study.results), launched_layout(), options.force):
            _say(f"warning: {warning}", 0)
    run = obtain(config, study.results, options.stop_after)
    if not first_process():
        return
    if run is None:
        print(f"stopped after step {options.stop_after} of {config.steps}; without --stop-after the same command "
              "goes on")
        return
    print(run.folder)
    _show(run)


def _read_config(path: Path):
    """A run's configuration from a JSON file."""
    from rlvr_utils.data.files import read_json
    from rlvr_utils.recipe.config import from_fields

    return from_fields(read_json(path), str(path))


def _plan(options) -> None:
    from rlvr_utils.processes import launched_layout
    from rlvr_utils.scale.hardware import Hardware
    from rlvr_utils.scale.plan import plan, plan_text, refuse_what_cannot_fit

    study = _study(options, [0])
    hardware = Hardware.found(study.results)
    if options.hardware:
        hardware = hardware.with_gpus(options.hardware)
    drawn = plan(_arm_config(options, study, options.arm, 0), hardware, options.layout or launched_layout())
    print(plan_text(drawn))
    refuse_what_cannot_fit(drawn)


def _prompts(options) -> None:
    from rlvr_utils.training.preview import prompts_text

    print(prompts_text(_arm_config(options, _study(options, [0]), options.arm, 0)))


def _drill(options) -> None:
    import tempfile

    from rlvr_utils.recipe.config import load_profile
    from rlvr_utils.scale.drill import drill

    with tempfile.TemporaryDirectory() as folder:
        record = drill(load_profile(options.profile), Path(folder), options.layers, options.hidden, options.prompts,
                       options.response_tokens, options.steps)
    text = json.dumps(record, indent=1, ensure_ascii=False)
    if options.record:
        options.record.write_text(text + "\n", encoding="utf-8")
    print(text)


def _evaluate(options) -> None:
    for setting in options.settings:
        if setting.partition("=")[0].strip() == "report_to":
            raise UserError("--set report_to shows a training while it goes on, and nothing is trained; leave it out")
    if options.folder:
        return _evaluate_run(options)
    for name in ("step", "config"):
        if getattr(options, name) is not None:
            raise UserError(f"--{name} belongs to --run: give the folder of a finished run too")
    _refuse_beside(options, "evaluate", ("train_file", "max_steps"), "nothing is trained; leave it out")
    study = _study(options, [options.seed])
    if options.model:
        print(f"asked by the template {study.config.eval_template!r}, answers of up to {study.config.eval_max_tokens} "
              "tokens; --set eval_template=NAME and eval_max_tokens=N change that")
    _show(study.runs("base")["base"][0])


def _evaluate_run(options) -> None:
    from rlvr_utils.evaluation.benchmarks import load_benchmarks
    from rlvr_utils.evaluation.kept_policies import evaluate_run
    from rlvr_utils.records.run import Run

    _refuse_beside(options, "--run", (*OF_A_STUDY, "results", "seed"), "the run has its own; leave it out")
    run = _finished(options.folder)
    changed = _evaluation(options, run.config)
    if changed != run.config:
        load_benchmarks(changed)  # what is wrong with a file is said even where nothing can be evaluated
    run = Run(run.folder, changed)
    evaluate_run(run, None if options.step is None else [options.step])
    _show(run)


def _evaluation(options, config):
    """The run's configuration with another evaluation. Raises `UserError` for a change of anything else."""
    from rlvr_utils.recipe.identity import EVALUATION_FIELDS, training_fields
    from rlvr_utils.study.study import benchmarks_of, with_settings

    if options.config:
        _refuse_beside(options, "--config", ("eval_files", "settings"), "change it in that file")
        changed = _read_config(options.config)
    else:
        changed = with_settings(config, options.settings)
        if options.eval_files:
            changed = changed.changed(benchmarks=benchmarks_of(options.eval_files))
    before, after = training_fields(config), training_fields(changed)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            raise UserError(f"field {name!r} decides how the run was trained, which is over; an evaluation may change: "
                            f"{', '.join(EVALUATION_FIELDS)}")
    return changed


def _export(options) -> None:
    from rlvr_utils.runs.export import export

    export(_finished(options.folder), options.target, options.step)
    print(options.target)


def _finished(folder: Path):
    """The run in a folder. Raises `UserError` where there is no finished one."""
    from rlvr_utils.records.run import Run

    if not (folder / "provenance.json").exists():
        raise UserError(f"{folder}: no finished run there; give a folder under results/<profile>/runs")
    return Run(folder)


def _show(run) -> None:
    """The last evaluation of a run as a table, trouble in its training, and what is still to be evaluated."""
    from rlvr_utils.evaluation.kept_policies import missing_evaluations
    from rlvr_utils.training.health import findings

    rows = run.rows("evaluations")
    for row in [row for row in rows if row["step"] == rows[-1]["step"]]:
        accuracy = "  ".join(f"{name} {value:6.1%}" for name, value in row["accuracy"].items())
        form = f"  boxed {row['boxed']:6.1%}  length {row['length']:6.1f}" if "boxed" in row else ""
        print(f"step {row['step']:4d}  {row['benchmark']:24s} {accuracy}{form}")
        if row.get("truncated", 0) > CUT:
            print(f"{row['truncated']:.0%} of these answers were cut at {run.config.eval_max_tokens} tokens; --set "
                  "eval_max_tokens=N allows more")
    for finding in findings(run.config, run.rows("metrics")):
        print(f"trouble in training: {finding}")
    missing = missing_evaluations(run)
    if missing:
        print(f"not evaluated yet: {len(missing)} kept policies; python -m rlvr_utils evaluate --run {run.folder}")
