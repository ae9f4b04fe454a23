"""A study: one profile, its seeds, its results folder and whatever the reader brings along."""
from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rlvr_utils.analysis.published import example_subject
from rlvr_utils.data.files import expanded
from rlvr_utils.data.problems import distinct, load_training
from rlvr_utils.data.public import PUBLIC
from rlvr_utils.data.rows import Problem
from rlvr_utils.errors import UserError, shown
from rlvr_utils.recipe.arms import ARMS, with_arm
from rlvr_utils.recipe.config import PACKAGE, Benchmark, RunConfig, load_profile, local_path
from rlvr_utils.records.run import Run
from rlvr_utils.runs.pool import obtain_all
from rlvr_utils.training.health import report

ROOT = PACKAGE.parent
PARAMETERS = ("profile", "seeds", "results_dir", "model", "train_file", "eval_files", "max_steps", "arms")


@dataclass(frozen=True)
class Study:
    """What every notebook starts from."""

    config: RunConfig
    seeds: tuple[int, ...]
    results: Path
    brought: dict  # the reader's own model, train_file, eval_files, max_steps; empty by default

    def runs(self, *arms: str) -> dict[str, list[Run]]:
        """The runs of each arm, one per seed: loaded, resumed or trained. Trouble that their records show
        is printed."""
        configs = [with_arm(self.config, arm, seed) for arm in arms for seed in self.seeds]
        runs = obtain_all(configs, self.results)
        for line in report(runs):
            print(line)
        one = iter(runs)
        return {arm: [next(one) for _ in self.seeds] for arm in arms}

    def describe(self) -> None:
        """Print one line on what is studied and one on where it is looked at."""
        from importlib.metadata import version

        from rlvr_utils.records.provenance import git_state, hardware

        config, machine = self.config, hardware()
        print(f"profile {config.profile}, seeds {', '.join(map(str, self.seeds))}, {config.steps} rollout steps of "
              f"{config.prompts_per_step * config.num_generations} rollouts, lr {config.learning_rate:g}")
        print(f"this notebook: torch {version('torch')}, transformers {version('transformers')}, trl {version('trl')}; "
              f"{', '.join(machine['gpus']) or machine['cpu']}, {machine['cores']} cores; "
              f"commit {git_state().get('sha', 'unknown')[:10]}")

    def example(self, rank: int = 1) -> Problem | None:
        """The training example of this rank; None, with a line, where a public set cannot be had."""
        rows = _at_hand(self.config.pool, lambda: load_training(local_path(self.config.pool), empty_answers="drop"))
        return {row.id: row for row in rows}[self.config.ranking[rank]] if rows else None

    def example_subject(self, rank: int = 1) -> str | None:
        """The example's subject: the authors' set does not give it, but their Table 3 does."""
        if self.config.pool == f"{PUBLIC}dsr_sub":
            return example_subject(rank)
        example = self.example(rank)
        return example.subject if example else None

    def questions(self, names: list[str] | None = None) -> list[tuple[Benchmark, list]]:
        """Each benchmark, or each of these, with its problems (rows, where choices are scored); a public
        set that cannot be had is named in a line and left out, since records are read without it."""
        from rlvr_utils.evaluation.benchmarks import load_benchmarks

        found, lacking = [], set()
        for benchmark in self.config.benchmarks:
            if benchmark.file in lacking or (names is not None and benchmark.name not in names):
                continue
            alone = self.config.changed(benchmarks=(benchmark,))
            loaded = _at_hand(benchmark.file, lambda alone=alone: load_benchmarks(alone))
            found += loaded or []
            lacking |= set() if loaded else {benchmark.file}
        return found

    def prompt(self, question: str) -> str:
        """The evaluation prompt of a question. The model is opened only for its own chat template."""
        from rlvr_utils.data.prompts import evaluation_prompt, evaluation_prompts
        from rlvr_utils.models.loading import load_policy

        template = self.config.eval_template
        if template != "chat":
            return evaluation_prompt(template, question)
        _, tokenizer = load_policy(local_path(self.config.model), self.config.dtype)
        return evaluation_prompts(tokenizer, template, [question])[0]

    def model_size(self) -> int:
        """The model's parameters, counted without its weights where its shape is known."""
        from rlvr_utils.models.loading import load_policy
        from rlvr_utils.models.shapes import model_config, parameter_count

        source = local_path(self.config.model)
        try:
            return parameter_count(model_config(source))
        except UserError:  # a GGUF file, or a hub id that is not in the paper
            return sum(part.numel() for part in load_policy(source, self.config.dtype)[0].parameters())

    def possible(self, arms) -> list[str]:
        """The base, with which everything is compared, and those arms whose examples the training file
        offers; the others are named in a line."""
        lacking = [arm for arm in arms if set(ARMS[arm].get("examples", ())) - self.config.ranking.keys()]
        if lacking:
            print(f"left out, as the training file has one problem only: {', '.join(lacking)}")
        return ["base", *(arm for arm in dict.fromkeys(arms) if arm not in ("base", *lacking))]


def open_study(profile: str = "pocket", seeds=(0, 1, 2), results_dir: str | None = None,
               model: str | None = None, train_file: str | None = None,
               eval_files: list[str] | str | None = None, max_steps: int | None = None) -> Study:
    """The study that a notebook's parameters describe.

    With `train_file` the first distinct problem of that file plays pi_1's part, the second one
    pi_13's, and the whole file the full set's. Raises `UserError` for what cannot be.
    """
    config = load_profile(profile)
    if model:
        config = config.changed(model=str(model))
    if train_file:
        config = config.changed(pool=str(train_file), ranking=_file_ranking(str(train_file)))
    if eval_files:
        config = config.changed(benchmarks=[{"name": Path(f).stem, "file": f} for f in _files(eval_files)])
    if max_steps is not None:
        if not _is_whole(max_steps) or max_steps < 1:
            raise UserError(f"max_steps={shown(max_steps)}: give at least 1, a whole number, or leave it out")
        config = config.changed(steps=min(config.steps, max_steps))
    seeds = _seeds(seeds)
    brought = {name: value for name, value in (("model", model), ("train_file", train_file),
                                               ("eval_files", eval_files), ("max_steps", max_steps)) if value}
    default = ROOT / ("build/own" if brought else "results") / config.profile
    return Study(config, seeds, expanded(results_dir).resolve() if results_dir else default, brought)


def _seeds(seeds) -> tuple[int, ...]:
    """Seeds given one by one, or as how many of them."""
    seeds = range(seeds) if _is_whole(seeds) and seeds <= 1000 else seeds
    if not isinstance(seeds, (list, tuple, range)):
        raise UserError(f"seeds: {shown(seeds)}; give a list of whole numbers, or how many")
    if not seeds:
        raise UserError("seeds is empty: give at least one, such as [0]")
    for place, seed in enumerate(seeds):
        if not _is_whole(seed) or not 0 <= seed < 2**31 or seed in seeds[:place]:
            raise UserError(f"seeds: {shown(seed)} is no whole number from 0, or stands twice; correct it")
    return tuple(seeds)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _files(eval_files) -> list[str]:
    """One file or several."""
    files = list(eval_files) if isinstance(eval_files, (list, tuple)) else [eval_files]
    for file in files:
        if not isinstance(file, (str, Path)) or not str(file).strip():
            raise UserError(f"eval_files: {shown(file)} is no file; give paths or names of public sets")
    return [str(file) for file in files]


def _at_hand(source: str, load):
    """`load()`, or None with a line where `source` is a public set that cannot be had."""
    try:
        return load()
    except UserError as error:
        if not source.startswith(PUBLIC):
            raise
        folder = os.environ.get("RLVR_DATA")  # whose path is nobody else's business
        reason = str(error).replace(folder, "the folder of data") if folder else str(error)
        print(f"the texts of {source} are left out: {reason}")
        return None


def _file_ranking(source: str) -> dict[int, str]:
    rows = distinct(load_training(source, empty_answers="drop"))
    return {rank: row.id for rank, row in zip((1, 13), rows)}


def refuse_unknown_parameters(names: dict) -> None:
    """Raise `UserError` for a literal in a notebook's namespace that is none of its parameters:
    papermill injects a mistyped parameter with no more than a warning. To be called before a
    notebook assigns anything else."""
    shell = {"In", "Out"}
    literals = (str, int, float, list, dict, tuple, type(None))
    for name, value in names.items():
        if not name.startswith("_") and name not in shell and name not in PARAMETERS and isinstance(value, literals):
            raise UserError(f"parameter {name!r} does not exist; the notebooks take: {', '.join(PARAMETERS)}")
