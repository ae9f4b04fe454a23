"""The command line: reproduce, plan, prompts, drill, train, evaluate, export."""
from __future__ import annotations

import argparse
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path

from rlvr_utils.errors import UserError, escape_output, nearest
from rlvr_utils.progress import hush, show_progress
from rlvr_utils.records.disks import disk_refusal

STUDY_OPTIONS = ("profile", "model", "train_file", "max_steps")  # options that decide what is trained
DEFAULTS = {"profile": "pocket", "seed": 0, "arm": "one-shot", "seeds": 3, "steps": 2}
CHECKPOINTS = "the same command continues from the latest checkpoint, or begins anew if there is none yet"
# Those and an evaluation's decide what `prompts` shows.
PROMPT_FIELDS = ("model", "pool", "ranking", "examples", "steps", "train_template", "max_response_tokens", "label",
                 "labels")
MANY_TRUNCATED = 0.1  # above this share of truncated answers, a note is printed
LOADING_FIELDS = ("model", "engine_memory", "max_prompt_tokens")  # they say what is evaluated, and where it fits
PARAMETER_OPTIONS = {"seeds": "--seeds", "max_steps": "--max-steps", "eval_files": "--eval-files",
                     "results_dir": "--results", "settings": "--set"}
LAYOUTS = ("replicated", "sharded", "offloaded")  # see `rlvr_utils.scale.costs`


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status. A user's mistake or a disk error gives one line on standard
    error and status 2; Ctrl-C and SIGTERM give one line and 130 or 143."""
    escape_output()
    after = "repeat the command"
    try:
        options = _options(argv)
        after = options.after
        signal.signal(signal.SIGTERM, _terminate)
        show_progress(not getattr(options, "quiet", True))
        hush(getattr(options, "quiet", False))
        options.run(options)
    except UserError as error:
        return _say(str(error), 2)
    except KeyboardInterrupt as end:
        for number in (signal.SIGINT, signal.SIGTERM):  # a second signal ends the process at once
            signal.signal(number, signal.SIG_DFL)
        word, status = ("terminated", 143) if isinstance(end, _Termination) else ("interrupted", 130)
        return _say(f"{word}; {after}", status)
    except Exception as error:
        reason = disk_refusal(error, "the disk")
        if reason is None:
            raise
        return _say(f"{reason}; then {after}", 2)
    return 0


class _Termination(KeyboardInterrupt):
    """SIGTERM, handled like Ctrl-C, so that child processes are ended too."""


def _terminate(*_) -> None:
    raise _Termination


def _say(line: str, status: int) -> int:
    with suppress(OSError):  # standard error may be a file on the full disk
        print(f"rlvr_utils: {line}", file=sys.stderr, flush=True)
    return status


class _Once(argparse.Action):
    """Store a value; a second one is refused, since one of them would be lost."""

    def __call__(self, parser, namespace, values, option_string=None):
        if getattr(namespace, self.dest) is not None:
            raise UserError(f"{option_string} is given twice; give it once")
        setattr(namespace, self.dest, values)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are `UserError`s. A shortened option is refused: it would work until another option
    begins in the same way."""

    def __init__(self, **settings):
        super().__init__(**settings, allow_abbrev=False)
        for action in (None, "store"):
            self.register("action", action, _Once)

    def error(self, message: str):
        raise UserError(f"{message}; see {self.prog} --help")


def _options(argv: list[str] | None) -> argparse.Namespace:
    """The parsed command line. Raises `UserError` naming the nearest option for one that the command lacks."""
    top = parser()
    commands = next(action.choices for action in top._actions if action.dest == "word")
    word = next(iter(sys.argv[1:] if argv is None else argv), None)
    known = f"choose one of: {', '.join(commands)}"
    if word is None:
        raise UserError(f"no command; {known}")
    if word not in (*commands, "-h", "--help"):
        raise UserError(f"{word} is not a command of {top.prog}; {nearest(word, commands) or known}")
    options, unknown = top.parse_known_args(argv)
    if unknown:
        word, known = unknown[0].partition("=")[0], options.command._option_string_actions
        remedy = nearest(word, known) or f"see {options.command.prog} --help"
        what = "is not an option of" if word.startswith("-") else "is an unexpected argument of"
        raise UserError(f"{word} {what} {options.command.prog}; {remedy}")
    return options


def _or_default(options, name: str):
    """The option's value, or its default. The parser knows no defaults, so that what was given can be told."""
    given = getattr(options, name)
    return DEFAULTS[name] if given is None else given


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = _Parser(prog="python -m rlvr_utils", description="1-shot RLVR, reproducible.")
    commands = top.add_subparsers(required=True, dest="word", metavar="command")

    reproduce = commands.add_parser("reproduce", help="run the notebooks and write tables, figures and claims")
    _common(reproduce)
    reproduce.add_argument("--only", metavar="NN", help="only the notebook of this number, such as 02")
    reproduce.add_argument("--seeds", type=int, help="how many seeds (default 3)")
    reproduce.add_argument("--retrain", action="store_true",
                           help="train every run again, even if a finished one exists")
    reproduce.add_argument("--ignore-audit", action="store_true",
                           help="train even if the base model has not passed a gate of its audit")
    _settings(reproduce)
    reproduce.set_defaults(run=_reproduce, command=reproduce,
                           after="repeat the command: finished runs are kept, and the others continue from their "
                                 "latest checkpoints")

    train = commands.add_parser("train", help="train one arm with one seed, or resume it")
    _common(train)
    train.add_argument("--arm", help="the arm (default one-shot)")
    train.add_argument("--seed", type=int, help="the seed (default 0)")
    train.add_argument("--config", type=Path,
                       help="a complete run configuration as JSON, instead of the options that describe a run; give "
                            "--results too (default results/pocket)")
    train.add_argument("--stop-after", type=int, metavar="STEP",
                       help="stop after this step; repeat the command to continue")
    train.add_argument("--force", action="store_true", help="start even if the plan estimates that it will not fit")
    _settings(train)
    _quiet(train)
    train.set_defaults(run=_train, command=train, after=CHECKPOINTS)

    plan = commands.add_parser("plan", help="estimate a run's memory, disk and time without starting it")
    _common(plan)
    plan.add_argument("--arm", help="the arm (default one-shot)")
    plan.add_argument("--hardware", metavar="'8 x A100 80'", help="GPUs to plan for: number, name, GiB of memory each")
    _settings(plan)
    plan.add_argument("--layout", choices=LAYOUTS, help="how the GPUs share the model (default: as launched)")
    plan.set_defaults(run=_plan, command=plan, after="repeat the command")

    prompts = commands.add_parser("prompts", help="the exact prompts of a run, and what ends a response")
    _sources(prompts)
    prompts.add_argument("--arm", help="the arm (default one-shot)")
    _settings(prompts)
    prompts.set_defaults(run=_prompts, command=prompts, after="repeat the command", results=None, max_steps=None)

    drill = commands.add_parser("drill", help="run the whole pipeline offline on random weights of the real shape")
    drill.add_argument("--profile", help="a profile's name, or your own YAML file (default pocket)")
    drill.add_argument("--layers", type=int, help="number of layers (default: the real model's)")
    drill.add_argument("--hidden", type=int, help="hidden size, a multiple of 8 (default: the real model's)")
    drill.add_argument("--prompts", type=int, help="prompts per step (default: the profile's)")
    drill.add_argument("--response-tokens", type=int, help="longest response in tokens (default: the profile's)")
    drill.add_argument("--steps", type=int, help="rollout steps, at least 2 (default 2)")
    drill.add_argument("--record", type=Path, metavar="FILE", help="also write the record to this file, as JSON")
    _settings(drill)
    _quiet(drill)
    drill.set_defaults(run=_drill, command=drill, after="a drill keeps nothing: the same command begins anew")

    evaluate = commands.add_parser("evaluate", help="evaluate a model, or the policies kept by a run")
    _sources(evaluate, trains=False)
    _results(evaluate)
    evaluate.add_argument("--seed", type=int, help="the seed of the sampling (default 0)")
    evaluate.add_argument("--run", dest="folder", type=Path,
                          help="the folder of a finished run; add --eval-files or --set to evaluate it differently")
    evaluate.add_argument("--step", type=int, help="only the policy of this step (default: every stored policy)")
    evaluate.add_argument("--config", type=Path, help="how to evaluate the run, as a complete configuration in JSON")
    _settings(evaluate)
    _quiet(evaluate)
    evaluate.set_defaults(run=_evaluate, command=evaluate, train_file=None, max_steps=None,
                          after="repeat the command: finished evaluations are kept")

    export = commands.add_parser("export", help="write a run's policy as a Hugging Face folder with a model card")
    export.add_argument("folder", type=Path, help="the folder of a finished run")
    export.add_argument("target", type=Path, help="the new folder")
    export.add_argument("--step", type=int, help="export the policy kept at this step (default: the final one)")
    export.set_defaults(run=_export, command=export, after="repeat the command")
    return top


def _common(command: argparse.ArgumentParser) -> None:
    _sources(command)
    _results(command)
    command.add_argument("--max-steps", type=int, help="number of rollout steps (default: the profile's)")


def _results(command: argparse.ArgumentParser) -> None:
    command.add_argument("--results", metavar="DIR", help="where results go (default results/<profile>, or "
                         "build/own/<profile> with your own model, files, steps or settings)")


def _sources(command: argparse.ArgumentParser, trains: bool = True) -> None:
    command.add_argument("--profile", help="a profile's name, or your own YAML file (default pocket)")
    command.add_argument("--model", help="a Hugging Face folder or hub id (default: the profile's)")
    if trains:
        command.add_argument("--train-file", help="Parquet or JSON Lines file of training problems")
    command.add_argument("--eval-files", nargs="+", metavar="FILE",
                         help="Parquet or JSON Lines files of problems; NAME=FILE names a set")


def _settings(command: argparse.ArgumentParser) -> None:
    command.add_argument("--set", dest="settings", action="append", default=[], metavar="FIELD=VALUE",
                         help="change a configuration field; may be repeated")
    command.add_argument("--eval-template", dest="settings", action="append", metavar="NAME",
                         type=lambda name: f"eval_template={name}",
                         help="prompt template of evaluations: chat is the model's own; same as --set "
                              "eval_template=NAME")


def _quiet(command: argparse.ArgumentParser) -> None:
    command.add_argument("--quiet", action="store_true", help="show no progress on standard error")


def _study(options, seeds):
    from rlvr_utils.study.study import open_study

    try:
        return open_study(_or_default(options, "profile"), seeds, options.results, options.model, options.train_file,
                          options.eval_files, options.max_steps, getattr(options, "settings", None))
    except UserError as error:  # which names the notebooks' parameters
        name = str(error).partition(" ")[0].rstrip(":")
        if name not in PARAMETER_OPTIONS:
            raise
        option = "--seed" if name == "seeds" and hasattr(options, "seed") else PARAMETER_OPTIONS[name]
        raise UserError(option + str(error).removeprefix(name)) from None


def _arm_config(options, study, seed: int):
    """The configuration of the arm; `--set` overrides what the arm changes."""
    from rlvr_utils.recipe.arms import ARMS, with_arm
    from rlvr_utils.study.study import with_settings

    arm = _or_default(options, "arm")
    config = with_arm(study.config, arm, seed)
    if options.max_steps is not None and "steps" in ARMS[arm]:
        raise UserError(f"--max-steps {options.max_steps} has no effect together with --arm {arm}, which has "
                        f"{config.steps} steps; leave it out")
    return with_settings(config, options.settings)


def _refuse_unused(options, given: str, names: tuple[str, ...], remedy: str) -> None:
    """Raise `UserError` for options that have no effect together with `given`."""
    for name in names:
        if getattr(options, name) not in (None, []):
            flag = f"--set {options.settings[0][:60]}" if name == "settings" else f"--{name.replace('_', '-')}"
            raise UserError(f"{flag} has no effect together with {given}; {remedy}")


def _reproduce(options) -> None:
    from rlvr_utils.study.reproduce import check_audit, reproduce

    study = _study(options, _or_default(options, "seeds"))
    if not options.ignore_audit:
        check_audit(study.config)
    reproduce(study, options.only, options.retrain)


def _train(options) -> None:
    from rlvr_utils.models.loading import load_tokenizer
    from rlvr_utils.processes import first_process, launched_layout
    from rlvr_utils.recipe.config import local_path
    from rlvr_utils.records.run import find
    from rlvr_utils.runs.obtain import obtain
    from rlvr_utils.scale.hardware import Hardware
    from rlvr_utils.scale.plan import preflight

    if options.config:
        _refuse_unused(options, "--config", (*STUDY_OPTIONS, "eval_files", "seed", "arm", "settings"),
                       "change it in that file, or leave one of them out")
    if options.stop_after is not None and options.stop_after < 1:
        raise UserError(f"--stop-after {options.stop_after}: give a step from 1, or leave it out")
    seed = _or_default(options, "seed")
    study = _study(options, [seed])
    config = _read_config(options.config) if options.config else _arm_config(options, study, seed)
    if find(config, study.results):
        if config.report_to:
            _say("warning: report_to shows nothing: this run is finished already", 0)
    else:
        load_tokenizer(local_path(config.model))  # reports a missing model before anything is estimated
        for warning in preflight(config, Hardware.detect(study.results), launched_layout(), options.force):
            _say(f"warning: {warning}", 0)
    run = obtain(config, study.results, options.stop_after)
    if not first_process():
        return
    if run is None:
        print(f"stopped after step {options.stop_after} of {config.steps}; repeat the command without --stop-after "
              "to continue")
        return
    print(run.folder)
    _show(run)


def _read_config(path: Path):
    """A run's configuration from a JSON file."""
    from rlvr_utils.data.files import read_json
    from rlvr_utils.recipe.config import from_fields

    fields = read_json(path)
    if isinstance(fields, dict) and fields.keys() == {"config", "hash", "sources"}:  # a run's own config.json
        fields = fields["config"]
    return from_fields(fields, str(path))


def _plan(options) -> None:
    from rlvr_utils.processes import launched_layout
    from rlvr_utils.scale.hardware import Hardware
    from rlvr_utils.scale.plan import UnknownShape, check_disk, check_fit, plan, plan_text, unread
    from rlvr_utils.training.checks import check_recipe

    study = _study(options, [0])
    hardware = Hardware.detect(study.results)
    if options.hardware:
        hardware = hardware.with_gpus(options.hardware)
    config = _arm_config(options, study, 0)
    if config.steps:
        check_recipe(config, max(1, hardware.gpus))
    try:
        estimate = plan(config, hardware, options.layout or launched_layout())
    except UnknownShape as error:
        _say(f"warning: no estimate: {error}", 0)
        return
    print(plan_text(estimate))
    for problem in unread(config):
        _say(f"warning: the number of evaluation problems is assumed: {problem}", 0)
    check_disk(estimate)
    try:
        check_fit(estimate)
    except UserError as error:
        _say(f"warning: by this estimate the run does not fit: {error}", 0)


def _prompts(options) -> None:
    from rlvr_utils.recipe.identity import EVALUATION_FIELDS
    from rlvr_utils.study.study import field_of
    from rlvr_utils.training.preview import prompts_text

    for setting in options.settings:
        if field_of(setting) not in (*EVALUATION_FIELDS, *PROMPT_FIELDS):
            raise UserError(f"--set {setting[:60]} has no effect on prompts: it changes none; leave it out")
    print(prompts_text(_arm_config(options, _study(options, [0]), 0)))


def _drill(options) -> None:
    import tempfile

    from rlvr_utils.recipe.config import load_profile
    from rlvr_utils.scale.drill import drill
    from rlvr_utils.study.study import field_of, with_settings

    if options.record and not options.record.parent.is_dir():
        raise UserError(f"--record {options.record}: there is no such folder; create it, or give another file")
    config = with_settings(load_profile(_or_default(options, "profile")), options.settings)
    with tempfile.TemporaryDirectory() as folder:
        record = drill(config, Path(folder), options.layers, options.hidden, options.prompts,
                       options.response_tokens, _or_default(options, "steps"), map(field_of, options.settings))
    text = json.dumps(record, indent=1, ensure_ascii=False)
    if options.record:
        options.record.write_text(text + "\n", encoding="utf-8")
    print(text)


def _evaluate(options) -> None:
    from rlvr_utils.evaluation.benchmarks import load_benchmarks
    from rlvr_utils.models.loading import load_tokenizer
    from rlvr_utils.recipe.config import local_path
    from rlvr_utils.recipe.identity import EVALUATION_FIELDS, SHARED_FIELDS
    from rlvr_utils.study.study import field_of

    for setting in options.settings:
        if field_of(setting) == "report_to":
            raise UserError(f"--set {setting[:60]} has no effect on evaluate: it shows a training run; leave it out")
    if options.folder:
        return _evaluate_run(options)
    for name in ("step", "config"):
        if getattr(options, name) is not None:
            raise UserError(f"--{name} needs --run: give the folder of a finished run too")
    study = _study(options, [_or_default(options, "seed")])
    for setting in options.settings:
        if field_of(setting) not in (*EVALUATION_FIELDS, *SHARED_FIELDS, *LOADING_FIELDS):
            raise UserError(f"--set {setting[:60]} has no effect on evaluate: nothing is trained; leave it out")
    load_benchmarks(study.config)  # reports a faulty file or model here and not from another process
    load_tokenizer(local_path(study.config.model))
    if options.model:
        print(f"prompt template {study.config.eval_template!r}, answers of up to {study.config.eval_max_tokens} "
              "tokens; change them with --set eval_template=NAME and --set eval_max_tokens=N")
    _show(study.runs("base")["base"][0])


def _evaluate_run(options) -> None:
    from rlvr_utils.evaluation.benchmarks import load_benchmarks
    from rlvr_utils.evaluation.kept_policies import evaluate_run
    from rlvr_utils.records.run import Run

    _refuse_unused(options, "--run", (*STUDY_OPTIONS, "results", "seed"), "the run has its own; leave it out")
    run = _finished(options.folder)
    changed = _evaluation(options, run.config)
    if changed != run.config:
        load_benchmarks(changed)  # reports a faulty file even if there is nothing to evaluate
    run = Run(run.folder, changed)
    evaluate_run(run, None if options.step is None else [options.step])
    _show(run)


def _evaluation(options, config):
    """The run's configuration with another evaluation. Raises `UserError` for a change of anything else."""
    from rlvr_utils.recipe.config import plain_fields
    from rlvr_utils.recipe.identity import EVALUATION_FIELDS
    from rlvr_utils.study.study import benchmarks_of, field_of, refuse_doubled, with_settings

    if options.config:
        _refuse_unused(options, "--config", ("eval_files", "settings"), "change it in that file")
        changed = _read_config(options.config)
    else:
        refuse_doubled({"eval_files": options.eval_files}, options.settings)
        changed = with_settings(config, options.settings)
        if options.eval_files:
            changed = changed.changed(benchmarks=benchmarks_of(options.eval_files))
    before, after = plain_fields(config), plain_fields(changed)
    for name in sorted((before.keys() | after.keys()) - set(EVALUATION_FIELDS)):
        if before.get(name) != after.get(name):
            place = options.config or next((f"--set {setting[:60]}" for setting in options.settings
                                            if field_of(setting) == name), options.folder)
            raise UserError(f"{place}: field {name!r} is not part of an evaluation, and {options.folder.name} is "
                            "trained; leave it out, or train another run. An evaluation may change: "
                            f"{', '.join(EVALUATION_FIELDS)}")
    return changed


def _export(options) -> None:
    from rlvr_utils.runs.export import export

    export(_finished(options.folder), options.target, options.step)
    print(options.target)


def _finished(folder: Path):
    """The run in a folder. Raises `UserError` if the folder holds no finished run."""
    from rlvr_utils.records.run import Run

    if not (folder / "provenance.json").exists():
        raise UserError(f"{folder}: not a finished run; give a folder under results/<profile>/runs")
    return Run(folder)


def _show(run) -> None:
    """Print a run's last evaluation as a table, problems in its training, and how many evaluations are missing."""
    from rlvr_utils.evaluation.kept_policies import missing_evaluations
    from rlvr_utils.training.health import findings

    rows = run.rows("evaluations")
    for row in [row for row in rows if row["step"] == rows[-1]["step"]]:
        accuracy = "  ".join(f"{name} {value:6.1%}" for name, value in row["accuracy"].items())
        form = f"  boxed {row['boxed']:6.1%}  length {row['length']:6.1f}" if "boxed" in row else ""
        print(f"step {row['step']:4d}  {row['benchmark']:24s} {accuracy}{form}")
        if row.get("truncated", 0) > MANY_TRUNCATED:
            print(f"{row['truncated']:.0%} of these answers were cut off at {run.config.eval_max_tokens} tokens; --set "
                  "eval_max_tokens=N allows more")
    for finding in findings(run.config, run.rows("metrics")):
        print(f"problem in training: {finding}")
    missing = missing_evaluations(run)
    if missing:
        what = "1 kept policy is" if len(missing) == 1 else f"{len(missing)} kept policies are"
        print(f"{what} not evaluated yet: python -m rlvr_utils evaluate --run {run.folder}")
