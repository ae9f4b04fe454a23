"""A study: one profile, its seeds, its results folder and whatever the reader brings along."""
from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass
from pathlib import Path

from rlvr_utils.analysis.published import example_subject
from rlvr_utils.data.files import expanded
from rlvr_utils.data.problems import distinct, load_training
from rlvr_utils.data.public import PUBLIC
from rlvr_utils.data.rows import Problem
from rlvr_utils.errors import UserError, shown
from rlvr_utils.recipe.arms import ARMS, with_arm
from rlvr_utils.recipe.config import PACKAGE, Benchmark, RunConfig, field_from_text, load_profile, local_path
from rlvr_utils.records.run import Run
from rlvr_utils.runs.pool import obtain_all
from rlvr_utils.training.health import report

ROOT = PACKAGE.parent
# A checkout keeps its results beside its notebooks; an installed package writes where the reader stands.
HOME = ROOT if (ROOT / "notebooks").is_dir() else Path.cwd()
PAPER_LENGTH = 3072  # tokens of an answer (paper §3.1)
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
        """The evaluation prompt of a question. The tokenizer is opened only for its own chat template."""
        from rlvr_utils.data.prompts import evaluation_prompt, evaluation_prompts
        from rlvr_utils.models.loading import load_tokenizer

        template = self.config.eval_template
        if template != "chat":
            return evaluation_prompt(template, question)
        tokenizer, _ = load_tokenizer(local_path(self.config.model))
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
        arms = _arms(arms)
        lacking = [arm for arm in arms if set(ARMS[arm].get("examples", ())) - self.config.ranking.keys()]
        if lacking:
            print(f"left out, as the training file has one problem only: {', '.join(lacking)}")
        return ["base", *(arm for arm in dict.fromkeys(arms) if arm not in ("base", *lacking))]


def open_study(profile: str = "pocket", seeds=(0, 1, 2), results_dir: str | None = None,
               model: str | None = None, train_file: str | None = None,
               eval_files: list[str] | str | None = None, max_steps: int | None = None,
               settings: list[str] | None = None) -> Study:
    """The study that a notebook's parameters describe.

    With `train_file` the first distinct problem of that file plays pi_1's part, the second one
    pi_13's, and the whole file the full set's. An evaluation file is given as `path` or `name=path`.
    `max_steps` replaces the profile's number of rollout steps, be it smaller or larger. `settings` are
    further fields, each as `field=value`. A model that is brought to a profile made for the package's own is
    asked in its own chat template, with room for answers as long as the paper's where the model has it, unless
    `settings` say otherwise. Raises `UserError` for what cannot be.
    """
    config = load_profile(profile)
    if model is not None:
        own = _prompt_and_length(str(model)) if config.model.startswith("package:") else {}
        config = config.changed(model=str(model), **own)
    if train_file is not None:
        config = config.changed(pool=str(train_file), ranking=_file_ranking(str(train_file)))
    if eval_files is not None:
        config = config.changed(benchmarks=benchmarks_of(eval_files))
    if max_steps is not None:
        if not _is_whole(max_steps) or max_steps < 1:
            raise UserError(f"max_steps={shown(max_steps)}: give at least 1, a whole number, or leave it out")
        config = config.changed(steps=max_steps)
    config = with_settings(config, settings or [])
    seeds = _seeds(seeds)
    given = {"model": model, "train_file": train_file, "eval_files": eval_files, "max_steps": max_steps,
             "settings": settings or None}
    brought = {name: value for name, value in given.items() if value is not None}
    if results_dir is not None and not (isinstance(results_dir, (str, Path)) and str(results_dir).strip()):
        raise UserError(f"results_dir: {shown(results_dir)} is no folder; give a path, or leave it out")
    default = HOME / ("build/own" if brought else "results") / config.profile
    return Study(config, seeds, expanded(results_dir).resolve() if results_dir else default, brought)


def _prompt_and_length(model: str) -> dict:
    """How a model that has no profile is asked: in its own chat template, with answers of the paper's length or
    half of the positions that the model has."""
    from rlvr_utils.models.shapes import model_config

    try:
        positions = getattr(model_config(local_path(model)), "max_position_embeddings", None)
    except UserError:  # loading it will say what is wrong, or it is a hub id that is not here yet
        positions = None
    return {"eval_template": "chat", "eval_max_tokens": min(PAPER_LENGTH, (positions or 2 * PAPER_LENGTH) // 2)}


def with_settings(config: RunConfig, settings: list[str]) -> RunConfig:
    """The configuration with these fields changed, each written as `field=value`. Raises `UserError` for
    another form, an unknown field (with the nearest name) and a value that the field cannot have."""
    changes = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise UserError(f"--set {setting}: is no setting; write it as field=value, such as learning_rate=1e-5")
        changes[name.strip()] = field_from_text(name.strip(), text)
    return config.changed(**changes) if changes else config


def _seeds(seeds) -> tuple[int, ...]:
    """Seeds given one by one, or as how many of them."""
    seeds = range(seeds) if _is_whole(seeds) and seeds <= 1000 else seeds
    if not isinstance(seeds, (list, tuple, range)):
        raise UserError(f"seeds: {shown(seeds)}; give a list of whole numbers, or how many (with papermill: "
                        "-y 'seeds: [0, 1]', or -p seeds 2)")
    if not seeds:
        raise UserError("seeds is empty: a number says how many seeds, from 1; seed 0 alone is [0]")
    for place, seed in enumerate(seeds):
        if not _is_whole(seed) or not 0 <= seed < 2**31 or seed in seeds[:place]:
            raise UserError(f"seeds: {shown(seed)} is no whole number from 0, or stands twice; correct it")
    return tuple(seeds)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _arms(arms) -> list[str]:
    """One arm or several. Raises `UserError` for what is none."""
    arms = [arms] if isinstance(arms, str) else arms
    if not isinstance(arms, (list, tuple, dict)):
        raise UserError(f"arms: {shown(arms)}; give names of arms, such as ['base', 'one-shot']")
    for arm in arms:
        if not (isinstance(arm, str) and arm in ARMS):
            raise UserError(f"arms: {shown(arm)} does not exist; choose from: {', '.join(ARMS)}")
    return list(arms)


def benchmarks_of(eval_files) -> list[dict]:
    """One file or several, each by the name given in `name=path`, else by its own. Files of one name get
    as many of their folders in front as tell them apart: `math500/test.jsonl` becomes `math500-test`.

    Raises `UserError` for what is no file, and for two of one name.
    """
    files = [_named(file) for file in (eval_files if isinstance(eval_files, (list, tuple)) else [eval_files])]
    if not files:
        raise UserError("eval_files is empty: give at least one, or leave it out")
    paths = [Path(path) for _, path in files]
    names = [name or path.stem for (name, _), path in zip(files, paths)]
    for depth in range(2, max(len(path.parts) for path in paths) + 1):
        shared = {name for name in names if names.count(name) > 1}
        names = [given or ("-".join((*path.parts[-depth:-1], path.stem)) if name in shared else name)
                 for (given, _), path, name in zip(files, paths, names)]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"eval_files: two files are called {shown(name)}; give each a name of its own: name=path")
    return [{"name": name, "file": path} for name, (_, path) in zip(names, files)]


def _named(file) -> tuple[str | None, str]:
    """The name and the path in `name=path`; no name for a path alone, which may have an `=` too."""
    name, equals, path = str(file).partition("=")
    named = bool(equals) and re.fullmatch(r"[\w.+-]+", name) and not expanded(str(file)).exists()
    if not isinstance(file, (str, Path)) or not (path if named else str(file)).strip():
        raise UserError(f"eval_files: {shown(file)} is no file; give paths or names of public sets, or name=path")
    return (name, path) if named else (None, str(file))


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


def refuse_unknown_parameters() -> None:
    """Raise `UserError` for a parameter that papermill has injected and no notebook takes: papermill
    itself only warns. Every other name in the kernel is the reader's own business.

    What was injected is read from the cells that this kernel has run: papermill's opens with a comment.
    """
    from IPython import get_ipython

    shell = get_ipython()
    cells = shell.user_ns.get("In", []) if shell else []
    injected = next((cell for cell in reversed(cells) if cell.startswith("# Parameters\n")), "")
    for name in _assigned(injected):
        if name not in PARAMETERS:
            raise UserError(f"parameter {name!r} does not exist; the notebooks take: {', '.join(PARAMETERS)}")


def _assigned(cell: str) -> list[str]:
    """The names that a cell assigns at its top level; none where it is not Python."""
    try:
        body = ast.parse(cell).body
    except SyntaxError:
        return []
    targets = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    return [target.id for target in targets if isinstance(target, ast.Name)]
