"""The command line: reproduce, train, evaluate."""
from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from rlvr_utils.errors import UserError


def main(words: list[str] | None = None) -> int:
    """Run one command; a mistake of the user's is one line on standard error and exit status 2."""
    options = parser().parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that child processes are ended too
    try:
        options.run(options)
    except UserError as error:
        print(f"rlvr_utils: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rlvr_utils: interrupted; what is finished is kept, the same command goes on from there",
              file=sys.stderr)
        return 130
    return 0


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
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="evaluate a model without training it")
    _common(evaluate)
    evaluate.add_argument("--seed", type=int, default=0)
    evaluate.set_defaults(run=_evaluate)
    return top


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--profile", default="pocket", help="model scale (default pocket)")
    command.add_argument("--results", metavar="DIR", help="where results go (default results/<profile>)")
    command.add_argument("--model", help="a Hugging Face folder or hub id, instead of the profile's")
    command.add_argument("--train-file", help="Parquet or JSONL file of training problems")
    command.add_argument("--eval-files", nargs="+", metavar="FILE", help="Parquet or JSONL files of problems")
    command.add_argument("--max-steps", type=int, help="stop after so many rollout steps")


def _study(options, seeds):
    from rlvr_utils.study import open_study

    return open_study(options.profile, seeds, options.results, options.model, options.train_file,
                      options.eval_files, options.max_steps)


def _reproduce(options) -> None:
    from rlvr_utils.reproduce import reproduce

    reproduce(_study(options, options.seeds), options.only, options.retrain)


def _train(options) -> None:
    from rlvr_utils.arms import with_arm
    from rlvr_utils.runs import obtain

    study = _study(options, [options.seed])
    if options.config:
        config = _read_config(options.config)
    else:
        config = with_arm(study.config, options.arm, options.seed)
    run = obtain(config, study.results)
    print(run.folder)
    _show(run)


def _read_config(path: Path):
    """A run's configuration from a JSON file."""
    from rlvr_utils.profiles import from_fields

    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; give a run's configuration as a JSON file") from None
    except ValueError:
        raise UserError(f"{path}: not valid JSON; give a run's configuration as a JSON file") from None
    if not isinstance(fields, dict):
        raise UserError(f"{path}: holds a {type(fields).__name__}; give a JSON object of a run's fields")
    return from_fields(fields, path.name)


def _evaluate(options) -> None:
    study = _study(options, [options.seed])
    _show(study.runs("base")["base"][0])


def _show(run) -> None:
    """The last evaluation of a run as a table."""
    rows = run.rows("evaluations")
    for row in [row for row in rows if row["step"] == rows[-1]["step"]]:
        accuracy = "  ".join(f"{grader} {value:6.1%}" for grader, value in row["accuracy"].items())
        print(f"step {row['step']:4d}  {row['benchmark']:24s} {accuracy}  boxed {row['boxed']:6.1%}  "
              f"length {row['length']:6.1f}")
