"""Drill: the whole pipeline of a profile, offline, with stand-ins for its model and data.

The architecture is the profile's own with random weights, so a drill shows that everything runs and how fast, but
nothing about learning. Random weights rarely end a response, so nearly all have full length, the worst case. The
reward is random, so that every term of the loss is nonzero.
"""
from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

from rlvr_utils.data.prompts import evaluation_prompts, training_prompt
from rlvr_utils.errors import UserError, shown
from rlvr_utils.models.shapes import model_config
from rlvr_utils.progress import say
from rlvr_utils.recipe.config import Benchmark, RunConfig, local_path, to_fields
from rlvr_utils.scale.stand_ins import shrunk, write_data, write_model

SHRUNK = (4, 64)  # prompts per step and tokens per response of a drill with a shrunken model
OPTIONS = {"prompts_per_step": "--prompts", "max_response_tokens": "--response-tokens", "steps": "--steps"}
SIZES = ("prompts_per_step", "num_generations", "max_response_tokens", "micro_batch", "engine", "dtype", "steps")


def drill(config: RunConfig, folder: Path, layers: int | None = None, hidden: int | None = None,
          prompts: int | None = None, response_tokens: int | None = None, steps: int = 2,
          chosen: Iterable[str] = ()) -> dict:
    """Data, prompts, rollouts, loss, update, checkpoint, resume, evaluation and export in `folder`.

    `layers` and `hidden` shrink the model and, to `SHRUNK`, the rollouts; `prompts` (per step) and
    `response_tokens` set the rollouts' sizes. `chosen` are fields that must keep the configuration's
    value. The record has seconds and tokens per second by phase, peak memory, the share of the device's measured matrix
    rate that the loss reaches, and hours for the profile's own number of steps. Raises `UserError` for impossible
    sizes, for a chosen field that a drill has to change, and if a part of the pipeline fails its check.
    """
    if steps < 2:
        raise UserError(f"--steps {steps}: a drill is interrupted and resumed, which takes at least 2 steps; give 2 or "
                        "more")
    for name, value, least in (("layers", layers, 1), ("prompts", prompts, 1), ("response_tokens", response_tokens, 1),
                               ("hidden", hidden, 8)):
        if value is not None and (value < least or value % least):
            remedy = "a whole number from 1" if least == 1 else f"a positive multiple of {least}"
            raise UserError(f"--{name.replace('_', '-')} {value} is not a possible size; give {remedy}")
    seconds: dict[str, float] = {}
    with _clock(seconds, "data"):
        files = write_data(folder / "data")
    most_prompts, most_tokens = SHRUNK if layers or hidden else (config.prompts_per_step, config.max_response_tokens)
    small = drill_config(config, folder, files, prompts or min(config.prompts_per_step, most_prompts),
                         response_tokens or min(config.max_response_tokens, most_tokens), steps)
    _refuse_changed(config, small, chosen)
    with _clock(seconds, "model"):
        shape = shrunk(model_config(local_path(config.model)), layers, hidden)
        parameters = write_model(folder / "model", shape, config.eval_template, config.dtype)
    with _clock(seconds, "prompts"):
        shown = _check_prompts(small)
    run = _train(small, folder, seconds)
    with _clock(seconds, "evaluation"):
        _evaluate(run, small)
    with _clock(seconds, "export"):
        _export(run, folder / "exported")
    return {"profile": config.profile, "parameters": parameters, "layers": shape.num_hidden_layers,
            "hidden": shape.hidden_size, "sizes": {name: getattr(small, name) for name in SIZES},
            "prompts": shown, "seconds": seconds, "hardware": run.provenance["hardware"],
            "versions": run.provenance["versions"], "git": run.provenance["git"],
            "peak_memory_gib": run.provenance["peak_memory_gib"], **_speed(run, config, parameters)}


def drill_config(config: RunConfig, folder: Path, files: dict[str, Path], prompts: int, response_tokens: int,
                 steps: int) -> RunConfig:
    """The profile's configuration on stand-ins, with its own loss settings. Without a GPU neither vLLM nor bfloat16
    is used, which is slow on CPUs."""
    engine = config.engine if _on_gpu() else "transformers"
    benchmarks = (Benchmark(name="MATH500", file=str(files["MATH500"]), stands_for="MATH500"),
                  Benchmark(name="AIME24", file=str(files["AIME24"]), stands_for="AIME24", samples=2, temperature=0.6),
                  Benchmark(name="ARC likelihood", file=str(files["ARC"]), scoring="likelihood"))
    return config.changed(
        arm="drill", model=str(folder / "model"), pool=str(files["DSR-sub"]), ranking={1: "0"}, examples=(1,),
        reward="random", prompts_per_step=prompts, repeat_to=max(prompts, config.repeat_to),
        max_response_tokens=response_tokens, eval_max_tokens=min(response_tokens, config.eval_max_tokens),
        micro_batch=math.gcd(config.micro_batch, prompts * config.num_generations // config.updates_per_rollout),
        engine=engine, autocast=config.autocast and _on_gpu(), steps=steps, save_every=1, keep_every=1,
        eval_every=0, benchmarks=benchmarks, report_to=())


def _refuse_changed(config: RunConfig, small: RunConfig, chosen: Iterable[str]) -> None:
    for name in chosen:
        if name != "model" and getattr(small, name) != getattr(config, name):  # its shape is taken from the model
            remedy = f"use {OPTIONS[name]}" if name in OPTIONS else "leave it out"
            raise UserError(f"--set {name}: a drill needs {shown(getattr(small, name))} here and not "
                            f"{shown(getattr(config, name))}; {remedy}")


@contextmanager
def _clock(seconds: dict[str, float], phase: str):
    start = time.perf_counter()
    say(f"drill: {phase} ...")
    yield
    seconds[phase] = round(time.perf_counter() - start, 2)


def _check_prompts(config: RunConfig) -> dict[str, str]:
    """The training and the evaluation prompt. Raises `UserError` unless each has one beginning-of-text token."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(config.model)
    shown = {"training": training_prompt(tokenizer, "1 + 1?", config.train_template),
             "evaluation": evaluation_prompts(tokenizer, config.eval_template, ["1 + 1?"])[0]}
    for name, text in shown.items():
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        if tokenizer.bos_token_id is not None and ids.count(tokenizer.bos_token_id) != 1:
            raise UserError(f"the {name} prompt has {ids.count(tokenizer.bos_token_id)} beginning-of-text tokens "
                            "instead of one; check its template")
    return shown


def _train(config: RunConfig, folder: Path, seconds: dict[str, float]):
    """Train, stop after the first step, and resume from the checkpoint."""
    from rlvr_utils.records.run import find

    results = folder / "results"
    with _clock(seconds, "training until the interruption"):
        _obtain(config, results, stop_after=1)
    if find(config, results):
        raise UserError("the drill's run did not stop after its first step; report this")
    with _clock(seconds, "resumed training"):
        _obtain(config, results)
    run = find(config, results)
    steps = [row["step"] for row in run.rows("metrics")]
    if run.provenance["resumed_from"] != 1 or steps != [*range(1, config.steps + 1)]:
        raise UserError(f"run {run.folder.name} did not resume from its checkpoint; see its records")
    return run


def _obtain(config: RunConfig, results: Path, stop_after: int | None = None) -> None:
    """Train in this process or, with vLLM, by the command in a new process: vLLM occupies the GPU until its process
    ends."""
    from rlvr_utils.runs.obtain import obtain

    if config.engine == "transformers":
        obtain(config, results, stop_after)
        return
    request = results.parent / "config.json"
    request.write_text(json.dumps(to_fields(config)), encoding="utf-8")
    stop = ["--stop-after", str(stop_after)] if stop_after else []
    _command("train", "--config", str(request), "--results", str(results), *stop)


def _evaluate(run, config: RunConfig) -> None:
    from rlvr_utils.evaluation.kept_policies import evaluate_run, missing_evaluations

    if config.engine == "transformers":
        evaluate_run(run, [config.steps])
    else:
        _command("evaluate", "--run", str(run.folder), "--step", str(config.steps))
    if config.steps in missing_evaluations(run):
        raise UserError(f"run {run.folder.name} has no record of its last step's evaluation; run the drill again, "
                        "smaller with --layers 2 --hidden 64, and report this if it repeats")


def _command(*args: str) -> None:
    """Run one of the package's commands; its output goes to standard error, so that it does not mix with the record."""
    done = subprocess.run([sys.executable, "-m", "rlvr_utils", *args], stdout=sys.stderr)
    if done.returncode:
        raise UserError(f"the command {args[0]!r} ended with exit code {done.returncode}; see its message above")


def _export(run, target: Path) -> None:
    """Export, read back, generate."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from rlvr_utils.runs.export import export

    export(run, target)
    tokenizer, model = AutoTokenizer.from_pretrained(target), AutoModelForCausalLM.from_pretrained(target)
    ids = tokenizer("1 + 1", return_tensors="pt")
    if model.generate(**ids, max_new_tokens=4).shape[1] <= ids["input_ids"].shape[1]:
        raise UserError(f"the exported policy in {target} generated no token; check eos_token_id in its "
                        "generation_config.json")


def _speed(run, config: RunConfig, parameters: int) -> dict:
    """Of the last step: seconds and tokens per second by phase, the loss's share of the matrix rate, and hours for
    the profile's own number of steps at this pace."""
    timing, metrics = run.rows("timings")[-1], run.rows("metrics")[-1]
    small = run.config
    tokens = metrics["response_length"] * small.prompts_per_step * small.num_generations
    phases = {name: timing[name] for name in ("seconds", "rollouts", "rewards", "references", "loss")}
    passes = 8 if _on_gpu() else 6  # operations per parameter and token; on a GPU activations are recomputed
    rate = _matrix_rate(small.autocast)
    return {"step": phases, "tokens": round(tokens),
            "tokens_per_second": {name: round(tokens / max(value, 1e-9)) for name, value in phases.items()},
            "matrix_tflops": round(rate / 1e12, 3),
            "loss_share_of_matrix_rate": round(passes * parameters * tokens / max(timing["loss"], 1e-9) / rate, 4),
            "hours_for_profile": {"steps": config.steps, "hours": round(config.steps * timing["seconds"] / 3600, 1),
                                  "at_prompts": small.prompts_per_step, "at_tokens": small.max_response_tokens}}


def _on_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _matrix_rate(autocast: bool) -> float:
    """Operations per second of a large matrix product in the run's arithmetic, the best of five."""
    import torch

    size, best = 8192 if _on_gpu() else 1024, math.inf
    dtype = torch.bfloat16 if autocast and _on_gpu() else torch.float32
    left = torch.randn(size, size, device="cuda" if _on_gpu() else "cpu", dtype=dtype)
    for _ in range(5):
        start = time.perf_counter()
        left @ left
        if _on_gpu():
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best
