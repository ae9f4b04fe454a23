"""What a run costs, before it starts: memory, disk, work and hours (see `rlvr_utils.scale.costs`).

Every number is an estimate. Numbers that depend on the length of responses are pairs: for the expected length, and
for responses of full length.
"""
from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from rlvr_utils.data.public import PUBLIC
from rlvr_utils.errors import UserError, reason
from rlvr_utils.models.adapters import check_layout
from rlvr_utils.models.shapes import UnknownShape, adapter_size, model_config, parameter_count
from rlvr_utils.recipe.config import Benchmark, RunConfig, local_path
from rlvr_utils.scale.costs import GPU_PROCESS_BASE, WIDTHS, Cost
from rlvr_utils.scale.hardware import GIB, Hardware

# Published mean lengths are 780 to 1,054 of 3,072 tokens (Table 19); prompts are assumed to fill the same share.
EXPECTED_LENGTH = 0.3
USABLE = 0.95  # usable share of memory: allocators leave gaps
UNKNOWN_SIZE = 500  # assumed number of problems of a set that is neither available nor public


@dataclass(frozen=True)
class Plan:
    """What one run needs. Memory is in GiB: on each GPU, or RAM per run if there is none."""

    config: RunConfig
    hardware: Hardware
    layout: str
    parameters: int
    adapter: int           # parameters of the LoRA adapter; 0 if the weights themselves are trained
    resident: float        # weights, optimizer and reference: needed permanently
    training: float        # at the peak of a backward pass
    generation: float      # while responses are generated
    engine_minimum: float  # needed by a colocated vLLM; 0 without one
    ram: float             # of all its processes
    disk: float
    rollouts: int
    updates: int           # of the optimizer
    rollout_tokens: tuple[float, float]
    evaluations: int
    answers: int           # of one evaluation
    evaluation_tokens: tuple[float, float]
    training_hours: tuple[float, float]    # rollouts and updates, on all GPUs
    evaluation_hours: tuple[float, float]  # on one GPU

    @property
    def gpu_hours(self) -> tuple[float, float]:
        """GPU-hours of the run, or wall-clock hours without a GPU."""
        gpus = max(1, self.hardware.gpus)
        return tuple(gpus * train + test for train, test in zip(self.training_hours, self.evaluation_hours))


def plan(config: RunConfig, hardware: Hardware, layout: str = "replicated") -> Plan:
    """The cost of a run that uses all GPUs of this hardware.

    `layout` is one of `Cost`'s. Raises `UnknownShape` if the model's shape is not known or its cost cannot be
    estimated, `UserError` if there is no such model.
    """
    check_layout(config, layout)
    shape = model_config(local_path(config.model))
    cost = Cost(config, hardware, layout, shape.get_text_config(), parameter_count(shape), adapter_size(shape, config))
    try:
        return _plan(cost)
    except (AttributeError, TypeError) as error:  # a size has another name, or differs from layer to layer
        raise UnknownShape(f"the cost of models of type {shape.model_type!r} cannot be estimated ({reason(error)}); "
                           "try one with a few steps") from error


def _plan(cost: Cost) -> Plan:
    config, hardware, layout = cost.config, cost.hardware, cost.layout
    resident, training, generation = cost.memory()
    # With GPUs the weights pass through the RAM of every process.
    ram = cost.merging() + (hardware.gpus * (cost.state + GPU_PROCESS_BASE) + cost.offloaded() if hardware.gpus
                            else max(training, generation))
    rollouts = config.prompts_per_step * config.num_generations * config.steps
    evaluations, answers = _evaluations(config), _answers(config)
    written = rollouts * (config.max_prompt_tokens + config.max_response_tokens)
    answered = evaluations * answers * (config.max_prompt_tokens + config.eval_max_tokens)
    return Plan(
        config, hardware, layout, cost.parameters, cost.adapter,
        resident / GIB, training / GIB, generation / GIB, cost.engine_minimum() / GIB, ram / GIB,
        cost.disk() / GIB,
        rollouts, config.steps * config.updates_per_rollout, _pair(lambda share: share * written),
        evaluations, answers, _pair(lambda share: share * answered),
        _pair(lambda share: cost.training_seconds(share) / 3600),
        _pair(lambda share: evaluations * cost.evaluation_seconds(answers, share) / 3600))


def _pair(cost) -> tuple[float, float]:
    return cost(EXPECTED_LENGTH), cost(1.0)


def _evaluations(config: RunConfig) -> int:
    """The number of evaluated checkpoints: during training, including its end, and kept for evaluation afterwards."""
    if not config.steps:
        return 1
    early = min(config.steps, config.eval_early_until)
    periodic = _times(early, config.eval_early_every) + _times(config.steps, config.eval_every) - _times(
        early, config.eval_every)
    # The last step is evaluated even if it ends no period.
    every = config.eval_early_every if early == config.steps else config.eval_every
    return periodic + bool(every and config.steps % every) + _times(config.steps, config.keep_every)


def _times(steps: int, every: int) -> int:
    return steps // every if every else 0


def _answers(config: RunConfig) -> int:
    """The number of answers generated in one evaluation; likelihood scoring generates none."""
    return sum(_problems(benchmark) * benchmark.samples for benchmark in config.benchmarks
               if benchmark.scoring == "generation")


def _problems(benchmark: Benchmark) -> int:
    from rlvr_utils.data.problems import load_benchmark
    from rlvr_utils.data.public import CATALOGUE

    name = benchmark.file.removeprefix(PUBLIC)
    if name == benchmark.file:
        try:
            return len(load_benchmark(local_path(benchmark.file), benchmark.limit))
        except UserError:  # `unread` reports what is wrong with the file
            name = benchmark.stands_for
    # The size of a public set is known; a plan downloads nothing.
    size = CATALOGUE[name].rows if name in CATALOGUE else UNKNOWN_SIZE
    return min(size, benchmark.limit or size)


def unread(config: RunConfig) -> list[str]:
    """What is wrong with the evaluation files whose sizes the plan could only assume."""
    from rlvr_utils.data.problems import load_benchmark

    wrong = []
    for benchmark in config.benchmarks:
        try:
            if not benchmark.file.startswith(PUBLIC):
                load_benchmark(local_path(benchmark.file), benchmark.limit)
        except UserError as error:
            wrong.append(str(error))
    return list(dict.fromkeys(wrong))


def preflight(config: RunConfig, hardware: Hardware, layout: str, force: bool) -> list[str]:
    """Warnings before this run starts. Raises `UserError` if the run is estimated not to fit, unless `force`, and
    in any case if the disk has no space for the trained weights."""
    try:
        estimate = plan(config, hardware, layout)
    except UnknownShape as error:
        return [f"memory and disk could not be estimated: {error}"]
    check_disk(estimate)
    try:
        check_fit(estimate)
    except UserError as error:
        if not force:
            raise UserError(f"{error}; this is an estimate, which --force overrides") from None
        return [f"started anyway because of --force: {error}"]
    return []


def check_disk(plan: Plan) -> None:
    """Raise `UserError` if the disk has no space for the trained weights: the run is certain to fail."""
    weights = plan.parameters * WIDTHS[plan.config.dtype] / GIB if plan.config.steps else 0
    if weights > plan.hardware.disk:
        raise UserError(f"the weights alone need {_size(weights)} of disk, but only {_size(plan.hardware.disk)} are "
                        "free; choose another --results folder")


def check_fit(plan: Plan) -> None:
    """Raise `UserError` if the run would run out of GPU memory, RAM or disk: one line with what is needed, what is
    available and what to change."""
    if plan.hardware.gpus:
        _refuse_on_gpu(plan)
    config, there = plan.config, USABLE * plan.hardware.ram
    if plan.ram > there:
        remedy = ("use fewer GPUs, or a machine with more" if plan.hardware.gpus else
                  f"lower lora_rank (now {config.lora_rank})" if plan.adapter > plan.parameters else
                  f"lower micro_batch (now {config.micro_batch}), prompts_per_step or eval_batch")
        raise UserError(f"the run needs {plan.ram:.1f} GiB of RAM, but only {there:.1f} are usable; {remedy}")
    if plan.disk > plan.hardware.disk:
        raise UserError(f"checkpoints and weights need {plan.disk:.1f} GiB of disk, but only {plan.hardware.disk:.1f} "
                        f"are free; raise keep_every (now {config.keep_every}) or save_every (now "
                        f"{config.save_every}), or choose another --results folder")


def _refuse_on_gpu(plan: Plan) -> None:
    config, there = plan.config, USABLE * plan.hardware.gpu_memory
    share = config.engine_memory * plan.hardware.gpu_memory
    where = f"GiB on each {plan.hardware.gpu}, but only {there:.1f} are usable"
    # A sharded or offloaded model takes no adapter.
    sharding = (f"lower lora_rank (now {config.lora_rank})" if config.lora_rank else
                "use more GPUs with launch/eight-gpus-fsdp.yaml or launch/eight-gpus-zero3.yaml")
    if plan.resident > there:
        smaller = "" if config.lora_rank else "or launch/one-24gb-gpu.yaml, or set lora_rank, "
        raise UserError(f"weights, optimizer and reference need {plan.resident:.1f} {where}; {sharding}, {smaller}"
                        f"or change model or dtype (now {config.dtype})")
    if plan.training > there:
        shared = "set share_prompts to false, " if config.share_prompts else ""
        raise UserError(f"training needs {plan.training:.1f} {where}; lower micro_batch (now {config.micro_batch}), "
                        f"{shared}or {sharding}")
    if plan.generation > there:
        remedy = (f"lower engine_memory (now {config.engine_memory})" if config.engine == "vllm" else
                  "set engine to vllm, or lower prompts_per_step or eval_batch")
        raise UserError(f"generation needs up to {plan.generation:.1f} {where}; {remedy}")
    if plan.engine_minimum > share:
        raise UserError(f"vLLM needs {plan.engine_minimum:.1f} GiB for its weights and a small cache, but gets "
                        f"{share:.1f}; raise engine_memory (now {config.engine_memory})")


def plan_text(plan: Plan) -> str:
    """The plan for the terminal, several lines."""
    config, hardware, gpus = plan.config, plan.hardware, plan.hardware.gpus
    if gpus:
        device = f"{gpus} x {hardware.gpu}, {hardware.gpu_memory:.0f} GiB each"
        device += "" if hardware.known else " (its speed is unknown, an RTX 3090's is assumed)"
    else:
        device = f"no GPU, {hardware.cores} cores (their speed is a rough guess)"
    copies = {"replicated": ", replicated on every GPU" if gpus > 1 else "", "sharded": ", sharded over the GPUs",
              "offloaded": ", optimizer in RAM"}[plan.layout]
    peak = f"{plan.training:.1f} GiB while training, " if config.steps else ""
    total = f"{_span(plan.gpu_hours)} GPU-hours" if gpus else _time(plan.gpu_hours)
    lines = {
        "model": f"{config.model}, {plan.parameters:,} parameters in {config.dtype}{copies}",
        **({"adapter": f"{plan.adapter:,} parameters of rank {config.lora_rank}; the weights are frozen"}
           if plan.adapter else {}),
        "hardware": device,
        "memory": f"{peak}{plan.generation:.1f} GiB while generating, "
                  + (f"of {hardware.gpu_memory:.0f} on each GPU" if gpus else "of RAM"),
        "RAM": f"{plan.ram:.1f} of {hardware.ram:.0f} GiB" + ("" if isfinite(hardware.disk) else " (assumed)"),
        "disk": _size(plan.disk) + (f", of {_size(hardware.disk)} that are free" if isfinite(hardware.disk) else ""),
        "training": f"{config.steps:,} steps, {plan.rollouts:,} rollouts, {plan.updates:,} optimizer updates, "
                    f"{_span(plan.rollout_tokens, 1e6)} million tokens",
        "evaluation": f"{plan.evaluations} x {plan.answers:,} answers, "
                      f"{_span(plan.evaluation_tokens, 1e6)} million tokens",
        "time": f"{total}: {_time(plan.training_hours)} of training, {_time(plan.evaluation_hours)} of evaluation"
                + (" on one GPU" if gpus > 1 else ""),
    }
    return "\n".join([
        f"Plan of {config.profile}, arm {config.arm}: an estimate, not a measurement",
        *(f"  {name:<11}{text}" for name, text in lines.items()),
        f"The low ends assume responses of {EXPECTED_LENGTH:.0%} of the allowed length, the published mean (Table 19); "
        "the high ends assume full length.",
        "Times may be off by a factor of two or three; rlvr_utils/scale/costs.py lists the assumptions."])


def _size(gib: float) -> str:
    return f"{gib:.1f} GiB" if gib >= 1 else f"{1024 * gib:.0f} MiB"


def _time(hours: tuple[float, float]) -> str:
    return f"{_span(hours)} h" if hours[1] >= 1 else f"{_span(tuple(60 * number for number in hours))} min"


def _span(pair: tuple[float, float], unit: float = 1.0) -> str:
    low, high = (f"{number / unit:,.0f}" if number >= 10 * unit else f"{number / unit:.2g}" for number in pair)
    return low if low == high else f"{low} to {high}"
