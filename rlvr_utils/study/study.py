"""A study: one profile, its seeds, its results folder and the reader's own model, files and settings."""
from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rlvr_utils.analysis.published import example_subject
from rlvr_utils.data.files import expanded
from rlvr_utils.data.problems import distinct, load_training, source_rows
from rlvr_utils.data.public import PUBLIC
from rlvr_utils.data.rows import Problem
from rlvr_utils.errors import UserError, shown
from rlvr_utils.recipe.arms import ARMS, with_arm
from rlvr_utils.recipe.config import PACKAGE, Benchmark, RunConfig, field_from_text, load_profile, local_path
from rlvr_utils.records.run import Run
from rlvr_utils.runs.pool import obtain_all
from rlvr_utils.training.health import report

ROOT = PACKAGE.parent
# A checkout keeps its results next to its notebooks; an installed package writes to the current folder.
HOME = ROOT if (ROOT / "notebooks").is_dir() else Path.cwd()
PAPER_LENGTH = 3072  # tokens of an answer (paper §3.1)
PARAMETERS = ("profile", "seeds", "results_dir", "model", "train_file", "eval_files", "max_steps", "settings", "arms")

OPTION_FIELDS = {"model": "model", "train_file": "pool", "eval_files": "benchmarks", "max_steps": "steps"}


@dataclass(frozen=True)
class Study:
    """What every notebook starts with."""

    config: RunConfig
    seeds: tuple[int, ...]
    results: Path
    overrides: dict  # the reader's own model, train_file, eval_files, max_steps, settings
    profile: str = ""  # as given; possibly the path of a YAML file

    def runs(self, *arms: str) -> dict[str, list[Run]]:
        """The runs of each arm, one per seed: loaded, resumed or trained. Problems that the health check finds in
        their records are printed."""
        configs = [with_arm(self.config, arm, seed) for arm in arms for seed in self.seeds]
        runs = obtain_all(configs, self.results)
        for line in report(runs):
            print(line)
        one = iter(runs)
        return {arm: [next(one) for _ in self.seeds] for arm in arms}

    def describe(self) -> None:
        """Print one line on what is studied and one on the machine of this notebook."""
        from importlib.metadata import version

        from rlvr_utils.records.provenance import git_state, hardware

        config, machine = self.config, hardware()
        print(f"profile {config.profile}, seeds {', '.join(map(str, self.seeds))}, {config.steps} rollout steps of "
              f"{config.prompts_per_step * config.num_generations} rollouts, lr {config.learning_rate:g}"
              + "".join(f", {setting}" for setting in self.overrides.get("settings", [])))
        print(f"this notebook: torch {version('torch')}, transformers {version('transformers')}, trl {version('trl')}; "
              f"{', '.join(machine['gpus']) or machine['cpu']}, {machine['cores']} cores; "
              f"commit {git_state().get('sha', 'unknown')[:10]}")

    def example(self, rank: int = 1) -> Problem | None:
        """The training example of this rank; None, with a printed note, if a public set is not available."""
        rows = self._training_rows
        return {row.id: row for row in rows}[self.config.ranking[rank]] if rows else None

    @cached_property
    def _training_rows(self) -> list[Problem] | None:
        """Loaded once, so that a set which is not available is noted once."""
        return _available(self.config.pool, lambda: load_training(local_path(self.config.pool)))

    def example_subject(self, rank: int = 1) -> str | None:
        """The example's subject, or None. The authors' data set does not contain it, but Table 3 does."""
        if self.config.pool == f"{PUBLIC}dsr_sub":
            return example_subject(rank)
        example = self.example(rank)
        return example.subject if example else None

    def questions(self, names: list[str] | None = None) -> list[tuple[Benchmark, list]]:
        """All benchmarks, or those named, with their problems (raw rows for likelihood scoring). A public set that is
        not available is left out with a printed note, since records can be read without it."""
        from rlvr_utils.evaluation.benchmarks import load_benchmarks

        found, lacking = [], set()
        for benchmark in self.config.benchmarks:
            if benchmark.file in lacking or (names is not None and benchmark.name not in names):
                continue
            alone = self.config.changed(benchmarks=(benchmark,))
            loaded = _available(benchmark.file, lambda alone=alone: load_benchmarks(alone))
            found += loaded or []
            lacking |= set() if loaded else {benchmark.file}
        return found

    def prompt(self, question: str) -> str:
        """The evaluation prompt of a question. The tokenizer is loaded only for the model's own chat template."""
        from rlvr_utils.data.prompts import evaluation_prompt, evaluation_prompts
        from rlvr_utils.models.loading import load_tokenizer

        template = self.config.eval_template
        if template != "chat":
            return evaluation_prompt(template, question)
        tokenizer, _ = load_tokenizer(local_path(self.config.model))
        return evaluation_prompts(tokenizer, template, [question])[0]

    def model_size(self) -> int:
        """The model's number of parameters, counted without loading its weights if its shape is known."""
        from rlvr_utils.models.loading import load_policy
        from rlvr_utils.models.shapes import model_config, parameter_count

        source = local_path(self.config.model)
        try:
            return parameter_count(model_config(source))
        except UserError:  # a GGUF file, or an unknown hub id
            return sum(part.numel() for part in load_policy(source, self.config.dtype)[0].parameters())

    def kept_fields(self, arms: list[str]) -> dict[str, list[str]]:
        """Fields that the reader has set, each with the arms that keep a value of their own. The base is none of
        them: it is not trained, whatever is set."""
        names = map(field_of, self.overrides.get("settings", []))
        kept = {name: [arm for arm in arms if arm != "base" and name in ARMS[arm]] for name in names}
        return {name: keeping for name, keeping in kept.items() if keeping}

    def possible(self, arms) -> list[str]:
        """The base, with which everything is compared, and those of the arms that the profile runs and whose examples
        are in the training file; the others are named in a printed note, and so are arms that keep a field which the
        reader has set."""
        arms, run = [*dict.fromkeys(_arms(arms))], _arms(self.config.arms) or [*ARMS]
        skipped = [arm for arm in arms if arm not in ("base", *run)]
        lacking = [arm for arm in arms if set(ARMS[arm].get("examples", ())) - self.config.ranking.keys()]
        for reason, some in ((f"not run on profile {self.config.profile}", skipped),
                             ("arms left out because the training file has only one problem", lacking)):
            if some:
                print(f"{reason}: {', '.join(some)}")
        left = [arm for arm in arms if arm not in ("base", *skipped, *lacking)]
        for name, keeping in self.kept_fields(left).items():
            print(f"these arms keep their own {name}: {', '.join(keeping)}")
        return ["base", *left]


def open_study(profile: str = "pocket", seeds=(0, 1, 2), results_dir: str | None = None,
               model: str | None = None, train_file: str | None = None,
               eval_files: list[str] | str | None = None, max_steps: int | None = None,
               settings: list[str] | None = None) -> Study:
    """The study described by a notebook's parameters.

    With `train_file`, the first distinct problem of that file takes the place of pi_1, the second one that of
    pi_13, and the whole file that of the full set. An evaluation file is given as `path` or `name=path`.
    `max_steps` replaces the profile's number of rollout steps, whether smaller or larger. `settings` are further
    fields of the profile, each as `field=value`; an arm keeps the fields that define it. If `model` replaces the
    package's own model, it is evaluated in its own chat template and with answers as long as the paper's if it has
    room for them, unless `settings` say otherwise.
    Raises `UserError` for an impossible value.
    """
    settings = _settings(settings)
    refuse_doubled({"model": model, "train_file": train_file, "eval_files": eval_files, "max_steps": max_steps},
                   settings)
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
            raise UserError(f"max_steps is {shown(max_steps)}; give a whole number from 1, or leave it out")
        config = config.changed(steps=max_steps)
    config = with_settings(config, settings)
    seeds = _seeds(seeds)
    given = {"model": model, "train_file": train_file, "eval_files": eval_files, "max_steps": max_steps,
             "settings": settings or None}
    overrides = {name: value for name, value in given.items() if value is not None}
    if results_dir is not None and not (isinstance(results_dir, (str, Path)) and str(results_dir).strip()):
        raise UserError(f"results_dir is {shown(results_dir)}; give the path of a folder, or leave it out")
    default = HOME / ("build/own" if overrides else "results") / config.profile
    results = expanded(results_dir).resolve() if results_dir else default
    if results.exists() and not results.is_dir():
        raise UserError(f"results_dir {results_dir}: this is not a folder; give a different path")
    return Study(config, seeds, results, overrides, str(profile))


def _prompt_and_length(model: str) -> dict:
    """How to evaluate a model without a profile: in its own chat template, with answers of the paper's length or of
    half the model's positions."""
    from rlvr_utils.models.shapes import model_config

    try:
        positions = getattr(model_config(local_path(model)), "max_position_embeddings", None)
    except UserError:  # loading it reports what is wrong, or it is a hub id that is not downloaded yet
        positions = None
    return {"eval_template": "chat", "eval_max_tokens": min(PAPER_LENGTH, (positions or 2 * PAPER_LENGTH) // 2)}


def field_of(setting: str) -> str:
    """The field that a setting such as `learning_rate=1e-5` names."""
    return setting.partition("=")[0].strip()


def with_settings(config: RunConfig, settings: list[str]) -> RunConfig:
    """The configuration with these fields changed, each written as `field=value`. Raises `UserError` for any other
    form, for an unknown field (suggesting the most similar one) and for an invalid value."""
    changes = {}
    for setting in settings:
        name, text = field_of(setting), setting.partition("=")[2]
        if "=" not in setting or not name:
            raise UserError(f"--set {setting}: write it as field=value, such as learning_rate=1e-5")
        if name in changes:
            raise UserError(f"--set {setting[:60]}: field {name!r} is set twice; give it one value")
        changes[name] = field_from_text(name, text)
    changed = config.changed(**changes) if changes else config
    if config.lora_rank and not changed.lora_rank and "learning_rate" not in changes:
        raise UserError(f"--set lora_rank=0: the learning rate {config.learning_rate:g} is the adapter's, about ten "
                        "times what all weights take; set learning_rate too")
    return changed


def refuse_doubled(options: dict, settings: list[str]) -> None:
    """Raise `UserError` if a field has both an option of its own and a setting: one of the two would be lost."""
    for setting in settings:
        name = field_of(setting)
        option = next((option for option, field in OPTION_FIELDS.items() if field == name), None)
        if options.get(option) is not None:
            raise UserError(f"--set {setting[:60]}: field {name!r} is given by {option} (--{option.replace('_', '-')}) "
                            "too; leave one of them out")


def _settings(settings) -> list[str]:
    """One setting or several, as a list. Raises `UserError` for a value that is not text."""
    settings = [settings] if isinstance(settings, str) else [] if settings is None else settings
    if not isinstance(settings, (list, tuple)) or not all(isinstance(setting, str) for setting in settings):
        raise UserError(f"settings is {shown(settings)}; give a list of texts, such as ['learning_rate=1e-5']")
    return list(settings)


def _seeds(seeds) -> tuple[int, ...]:
    """Seeds given as a list, or as their number."""
    seeds = range(seeds) if _is_whole(seeds) and seeds <= 1000 else seeds
    if not isinstance(seeds, (list, tuple, range)):
        raise UserError(f"seeds is {shown(seeds)}; give a list of whole numbers, or the number of seeds (with "
                        "papermill: -y 'seeds: [0, 1]', or -p seeds 2)")
    if not seeds:
        raise UserError("seeds: there are none; give the number of seeds, from 1, or a list such as [0]")
    for place, seed in enumerate(seeds):
        if not _is_whole(seed) or not 0 <= seed < 2**31:
            raise UserError(f"seeds: {shown(seed)} is not a whole number from 0 to {2**31 - 1}; correct it")
        if seed in seeds[:place]:
            raise UserError(f"seeds: {seed} appears twice; give each seed once")
    return tuple(seeds)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _arms(arms) -> list[str]:
    """One arm or several, as a list. Raises `UserError` for a value that is not an arm."""
    arms = [arms] if isinstance(arms, str) else arms
    if not isinstance(arms, (list, tuple, dict)):
        raise UserError(f"arms is {shown(arms)}; give a list of arms, such as ['base', 'one-shot']")
    for arm in arms:
        if not (isinstance(arm, str) and arm in ARMS):
            raise UserError(f"arms: {shown(arm)} does not exist; choose from: {', '.join(ARMS)}")
    return list(arms)


def benchmarks_of(eval_files) -> list[dict]:
    """Benchmarks from one file or several, each named as in `name=path`, or after its file. Files with the same name
    get as many parent folders in front as are needed: `math500/test.jsonl` becomes `math500-test`.

    Raises `UserError` for a value that is not a path, and for two files with the same name.
    """
    files = [_named(file) for file in (eval_files if isinstance(eval_files, (list, tuple)) else [eval_files])]
    if not files:
        raise UserError("eval_files is empty; give at least one file, or leave it out")
    paths = [Path(path) for _, path in files]
    names = [name or path.stem for (name, _), path in zip(files, paths)]
    for depth in range(2, max(len(path.parts) for path in paths) + 1):
        shared = {name for name in names if names.count(name) > 1}
        names = [given or ("-".join((*path.parts[-depth:-1], path.stem)) if name in shared else name)
                 for (given, _), path, name in zip(files, paths, names)]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"eval_files: two files are called {shown(name)}; give each its own name: name=path")
    return [{"name": name, "file": path} for name, (_, path) in zip(names, files)]


def _named(file) -> tuple[str | None, str]:
    """The name and the path in `name=path`; the name is None for a path alone, which may contain `=` too."""
    name, equals, path = str(file).partition("=")
    named = bool(equals) and re.fullmatch(r"[\w.+-]+", name) and not expanded(str(file)).exists()
    if equals and not named and (not name or expanded(path).exists()) and not expanded(str(file)).exists():
        raise UserError(f"eval_files: {shown(file)} is not a file, and as name=path its name may have letters, digits, "
                        "'.', '_', '+' and '-' only; correct it")
    if not isinstance(file, (str, Path)) or not (path if named else str(file)).strip():
        raise UserError(f"eval_files: {shown(file)} is not a file; give a path, the name of a public set, or name=path")
    return (name, path) if named else (None, str(file))


def _available(source: str, load):
    """`load()`, or None with a printed note if `source` is a public set that is not available."""
    try:
        return load()
    except UserError as error:
        if not source.startswith(PUBLIC):
            raise
        folder = os.environ.get("RLVR_DATA")  # a private path does not belong in a notebook
        reason = str(error).replace(folder, "the data folder") if folder else str(error)
        print(f"problems of {source} are not shown: {reason}")
        return None


def _file_ranking(source: str) -> dict[int, str]:
    """The first distinct problem as pi_1 and the second one as pi_13. Rows that are left out are counted in a printed
    note."""
    problems = load_training(source)
    lacking = len(source_rows(source, "train")) - len(problems)
    if lacking:
        print(f"{source}: {lacking} {'row' if lacking == 1 else 'rows'} without an answer left out")
    return {rank: problem.id for rank, problem in zip((1, 13), distinct(problems))}


def refuse_unknown_parameters() -> None:
    """Raise `UserError` for a parameter injected by papermill that no notebook has; papermill itself only warns.
    Other names in the kernel do not matter.

    The injected cell is found among the cells that this kernel has run: papermill's begins with a comment.
    """
    from IPython import get_ipython

    shell = get_ipython()
    cells = shell.user_ns.get("In", []) if shell else []
    injected = next((cell for cell in reversed(cells) if cell.startswith("# Parameters\n")), "")
    for name in _assigned(injected):
        if name not in PARAMETERS:
            raise UserError(f"parameter {name!r} does not exist; the notebooks take: {', '.join(PARAMETERS)}")


def _assigned(cell: str) -> list[str]:
    """The names that a cell assigns at its top level; none if it is not Python."""
    try:
        body = ast.parse(cell).body
    except SyntaxError:
        return []
    targets = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    return [target.id for target in targets if isinstance(target, ast.Name)]
