"""Two identities: the training identity names a run, and every evaluation record carries an evaluation identity.

So a finished run can be evaluated on another set, or at another length, without training it again; and a changed
model, data file or recipe makes another run, even if the paths are the same.
"""
from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from rlvr_utils.data.files import expanded
from rlvr_utils.data.problems import source_rows
from rlvr_utils.data.public import PUBLIC
from rlvr_utils.errors import UserError
from rlvr_utils.grading.qwen_eval import BENCHMARKS, SPECIAL_RULES
from rlvr_utils.recipe.config import Benchmark, RunConfig, local_path, plain_fields

# Raise one when the same fields would train other weights, or the same answers would get other verdicts.
RECIPE_VERSION, EVALUATION_VERSION = 1, 2
EVALUATION_FIELDS = ("benchmarks", "eval_template", "eval_max_tokens", "eval_batch", "eval_top_p", "eval_dtype")
BENCHMARK_SETTINGS = ("samples", "temperature", "limit", "scoring")
DISPLAY_FIELDS = ("report_to", "arms")  # they change no weight and no verdict
# Training fields that change an evaluation too: precision, threads and engine by rounding, the seed by sampling.
SHARED_FIELDS = ("seed", "dtype", "engine", "cpu_threads")
CONFIGURED = tuple(name for name in (*EVALUATION_FIELDS, *SHARED_FIELDS) if name != "benchmarks")
# The files of a model folder that determine its answers.
MODEL_FILES = ("*.safetensors", "*.gguf", "*.json", "*.jinja", "*.txt", "*.model")
# The paper's names for data sets whose name differs from the authors' by more than capitals.
AUTHORS_NAMES = {"minerva": "minerva_math"}
LARGE = 2**20  # bytes; hashes of larger files are cached


def training_fields(config: RunConfig) -> dict:
    """The fields that determine the weights, without `later` fields at their defaults. Of the ranking and the labels
    only what the run uses is among them, so that a profile may rank more problems without renaming its runs."""
    others = (*EVALUATION_FIELDS, *DISPLAY_FIELDS, "labels")
    fields = {name: value for name, value in plain_fields(config).items() if name not in others}
    fields["ranking"] = {rank: config.ranking.get(rank) for rank in config.examples}
    return fields | ({"labels": {config.label: config.labels.get(config.label)}} if config.label else {})


def sources(config: RunConfig) -> dict[str, str | None]:
    """The versions of the model (content hash, or commit on the hub) and of the training data (content hash);
    None for one that is not available here."""
    return {"model": model_version(local_path(config.model)), "pool": data_version(local_path(config.pool))}


def training_identity(config: RunConfig) -> str:
    """SHA-256 of everything that determines the weights: fields, versions of model and data, version of the recipe.
    The path of a model or data file does not matter if its content is known."""
    fields, found = training_fields(config), sources(config)
    fields |= {name: version for name, version in found.items() if version}
    return _digest({"recipe": RECIPE_VERSION, "fields": fields})


def grading_rules(benchmark: Benchmark) -> str | None:
    """The authors' name of the data set by whose rules a benchmark is graded, or None for the common rules (see
    `grade_batch`).

    The name is taken from `stands_for` if it is set; otherwise from the public set, the benchmark's name or, for a
    file called `test`, its folder. Capitals do not matter.
    """
    path = Path(benchmark.file.removeprefix(PUBLIC))
    names = [benchmark.stands_for] if benchmark.stands_for else [
        *([path.name] if benchmark.file.startswith(PUBLIC) else []), benchmark.name,
        *([path.parent.name] if path.stem == "test" else [])]
    known = [AUTHORS_NAMES.get(name.lower(), name.lower()) for name in names]
    return next((name for name in known if name in BENCHMARKS), None)


def evaluation_identity(config: RunConfig, benchmark: Benchmark) -> dict[str, str | None]:
    """Everything that determines an evaluation on a benchmark: `settings` (samples, temperature, prompt, lengths,
    batch, graders and their rules) and `data` (content hash; None if the set is not available here), 12 hexadecimal
    digits each."""
    fields = plain_fields(config)
    settings = {name: fields.get(name) for name in CONFIGURED}
    settings |= {name: getattr(benchmark, name) for name in BENCHMARK_SETTINGS}
    rules = grading_rules(benchmark)
    if rules in SPECIAL_RULES and benchmark.scoring == "generation":  # by the others, verdicts are the common ones
        settings["rules"] = rules
    data = data_version(local_path(benchmark.file))
    return {"settings": _digest({"version": EVALUATION_VERSION, **settings})[:12], "data": data and data[:12]}


def evaluation_settings(config: RunConfig, benchmark: Benchmark) -> dict:
    """The settings of an evaluation in readable form; `evaluation_identity` hashes them into `settings`."""
    return {**{name: getattr(config, name) for name in CONFIGURED},
            **{name: getattr(benchmark, name) for name in BENCHMARK_SETTINGS}, "rules": grading_rules(benchmark)}


def model_version(source: str) -> str | None:
    """The content hash of a local model, or the commit of a hub id; None if neither is available."""
    path = expanded(source)
    if path.is_dir():
        return _combined(sorted(file for kind in MODEL_FILES for file in path.glob(kind) if file.is_file()))
    if path.is_file():
        return _combined([path])
    if source.count("/") != 1 or source.startswith((".", "/", "~")):
        return None
    from huggingface_hub import snapshot_download

    with suppress(Exception):  # no network, no cache or no such model: loading it reports which
        return Path(snapshot_download(source, allow_patterns=["config.json"])).name
    return None


def data_version(source: str) -> str | None:
    """The content hash of a data file, or of the rows of a public set or hub dataset, wherever they come
    from; None if the set is not available."""
    path = expanded(source)
    if path.is_file():
        return _combined([path])
    try:
        rows = source_rows(source)
    except UserError:  # loading it reports what is wrong
        return None
    return _digest(rows)


def _digest(data: object) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()


def _combined(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        try:
            digest.update(bytes.fromhex(file_hash(path)))
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); give a readable file") from None
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file. For a large file it is cached by size and modification time in the user's cache folder,
    so that gigabytes are read once and not at every command."""
    state = path.stat()
    key = f"{path.resolve()} {state.st_size} {state.st_mtime_ns}"
    if state.st_size < LARGE:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    memory = _memory_file()
    known: dict[str, str] = {}
    with suppress(OSError, ValueError):
        known = json.loads(memory.read_text(encoding="utf-8"))
    if key not in known:
        with path.open("rb") as stream:
            known[key] = hashlib.file_digest(stream, "sha256").hexdigest()
        with suppress(OSError):  # an unwritable cache only costs time
            memory.parent.mkdir(parents=True, exist_ok=True)
            fresh = memory.with_name(f"{memory.name}.{os.getpid()}")
            fresh.write_text(json.dumps(known), encoding="utf-8")
            fresh.replace(memory)
    return known[key]


def _memory_file() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(base) / "rlvr_utils" / "hashes.json"
