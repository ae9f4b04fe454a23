"""The command line: reproduce, plan, drill, train, evaluate, export."""
from __future__ import annotations

import argparse
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path

from rlvr_utils.errors import UserError
from rlvr_utils.records.disks import refusal

LAYOUTS = ("replicated", "sharded", "offloaded")  # see `rlvr_utils.scale.costs`


def main(words: list[str] | None = None) -> int:
    """Run one command; a mistake of the user's, or a disk that refuses, is one line on standard error and
    exit status 2; Ctrl-C and SIGTERM are one line and 130 or 143."""
    options = parser().parse_args(words)
    signal.signal(signal.SIGTERM, _terminate)
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
    train.add_argument("--config", type=Path, help="a run's whole configuration as JSON, instead of the above")
    train.add_argument("--stop-after", type=int, metavar="STEP", help="end after this step; the same command goes on")
    train.add_argument("--force", action="store_true", help="train although memory or disk are estimated not to do")
    train.set_defaults(run=_train)

    plan = commands.add_parser("plan", help="what a run would need, before anything starts")
    _common(plan)
    plan.add_argument("--arm", default="one-shot", help="the arm (default one-shot)")
    plan.add_argument("--hardware", metavar="'8 x A100 80'", help="GPUs to plan for, GiB of each last")
    plan.add_argument("--layout", choices=LAYOUTS, help="how the GPUs share the model (default: as launched)")
    plan.set_defaults(run=_plan)

    drill = commands.add_parser("drill", help="the whole pipeline offline, on random weights of the real shape")
    drill.add_argument("--profile", default="pocket", help="model scale (default pocket)")
    drill.add_argument("--layers", type=int, help="so many layers instead of the real number")
    drill.add_argument("--hidden", type=int, help="this hidden size instead of the real one; a multiple of 8")
    drill.add_argument("--prompts", type=int, help="so many prompts a step instead of the profile's")
    drill.add_argument("--response-tokens", type=int, help="responses of so many tokens instead of the profile's")
    drill.add_argument("--steps", type=int, default=2, help="rollout steps (default 2)")
    drill.add_argument("--record", type=Path, metavar="FILE", help="write the record there as JSON")
    drill.set_defaults(run=_drill)

    evaluate = commands.add_parser("evaluate", help="evaluate a model, or the policies that a run has kept")
    _common(evaluate)
    evaluate.add_argument("--seed", type=int, default=0)
    evaluate.add_argument("--run", dest="folder", type=Path, help="the folder of a finished run; goes on after a crash")
    evaluate.add_argument("--step", type=int, help="only the policy of this step (default: all that were kept)")
    evaluate.set_defaults(run=_evaluate)

    export = commands.add_parser("export", help="a run's policy as a Hugging Face folder with a model card")
    export.add_argument("folder", type=Path, help="the folder of a finished run")
    export.add_argument("target", type=Path, help="the new folder")
    export.add_argument("--step", type=int, help="the policy kept at this step (default: after the last)")
    export.set_defaults(run=_export)
    return top


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--profile", default="pocket", help="model scale (default pocket)")
    command.add_argument("--results", metavar="DIR", help="where results go (default results/<profile>)")
    command.add_argument("--model", help="a Hugging Face folder or hub id, instead of the profile's")
    command.add_argument("--train-file", help="Parquet or JSONL file of training problems")
    command.add_argument("--eval-files", nargs="+", metavar="FILE", help="Parquet or JSONL files of problems")
    command.add_argument("--max-steps", type=int, help="stop after so many rollout steps")


def _study(options, seeds):
    from rlvr_utils.study.study import open_study

    return open_study(options.profile, seeds, options.results, options.model, options.train_file,
                      options.eval_files, options.max_steps)


def _reproduce(options) -> None:
    from rlvr_utils.study.reproduce import reproduce

    reproduce(_study(options, options.seeds), options.only, options.retrain)


def _train(options) -> None:
    from rlvr_utils.processes import first_process, launched_layout
    from rlvr_utils.recipe.arms import with_arm
    from rlvr_utils.records.run import find
    from rlvr_utils.runs.obtain import obtain
    from rlvr_utils.scale.hardware import Hardware
    from rlvr_utils.scale.plan import warnings_before

    study = _study(options, [options.seed])
    if options.config:
        config = _read_config(options.config)
    else:
        config = with_arm(study.config, options.arm, options.seed)
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
    from rlvr_utils.recipe.arms import with_arm
    from rlvr_utils.scale.hardware import Hardware
    from rlvr_utils.scale.plan import plan, plan_text, refuse_what_cannot_fit

    study = _study(options, [0])
    hardware = Hardware.found(study.results)
    if options.hardware:
        hardware = hardware.with_gpus(options.hardware)
    drawn = plan(with_arm(study.config, options.arm, 0), hardware, options.layout or launched_layout())
    print(plan_text(drawn))
    refuse_what_cannot_fit(drawn)


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
    if options.folder:
        from rlvr_utils.evaluation.kept_policies import evaluate_run

        run = _finished(options.folder)
        evaluate_run(run, None if options.step is None else [options.step])
        return _show(run)
    if options.step is not None:
        raise UserError("--step belongs to --run: give the folder of a finished run too")
    study = _study(options, [options.seed])
    _show(study.runs("base")["base"][0])


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
    for finding in findings(run.config, run.rows("metrics")):
        print(f"trouble in training: {finding}")
    missing = missing_evaluations(run)
    if missing:
        print(f"not evaluated yet: {len(missing)} kept policies; python -m rlvr_utils evaluate --run {run.folder}")
