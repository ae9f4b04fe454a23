"""A whole training step: this package compared with stock TRL, for the same model, batch, loss terms and rewards.

    python -m benchmarks.step

Seconds by phase are recorded for stock TRL, for this package with all shortcuts off, and with its defaults.
"""
from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from transformers import PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from benchmarks.measure import in_turn, load, pocket, policies, ratios, record, spread
from rlvr_utils.errors import take_no_options
from rlvr_utils.recipe.config import RunConfig, local_path
from rlvr_utils.records.files import read_rows
from rlvr_utils.training.recorder import Recorder
from rlvr_utils.training.rewards import coin, format, outcome, reward_weights
from rlvr_utils.training.setup import build_trainer, micro_steps, prepare

STEPS, WARM = 4, 1  # a trainer's first step includes one-time setup
PHASES = ("rollouts", "rewards", "references", "loss", "rest")
warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)


class StockTrainer(GRPOTrainer):
    """TRL's trainer, timed at the same places as ours."""

    def __init__(self, **args):
        self.clock: Counter = Counter()
        super().__init__(**args)
        self.remove_callback(PrinterCallback)

    @contextmanager
    def timed(self, phase: str):
        start = time.perf_counter()
        yield
        self.clock[phase] += time.perf_counter() - start

    def _generate_single_turn(self, *args, **kwargs):
        with self.timed("rollouts"):
            return super()._generate_single_turn(*args, **kwargs)

    def _calculate_rewards(self, *args):
        with self.timed("rewards"):
            return super()._calculate_rewards(*args)

    def _prepare_inputs(self, batch):
        with self.timed("preparation"):
            return super()._prepare_inputs(batch)

    def training_step(self, *args):
        with self.timed("micro_steps"):
            return super().training_step(*args)


class StepClock(TrainerCallback):
    """Seconds and phases of every rollout step of a stock trainer."""

    def __init__(self):
        self.rows, self.trainer, self.start = [], None, time.perf_counter()

    def on_step_end(self, *_, **__):
        clock, now = self.trainer.clock, time.perf_counter()
        self.rows.append({"seconds": now - self.start, "rollouts": clock["rollouts"], "rewards": clock["rewards"],
                          "references": clock["preparation"] - clock["rollouts"] - clock["rewards"],
                          "loss": clock["micro_steps"] - clock["preparation"]})
        self.start = now
        clock.clear()


def stock_arguments(config: RunConfig, folder: str) -> GRPOConfig:
    """TRL's settings closest to the recipe: token mean, k3 estimate of the KL, entropy bonus."""
    return GRPOConfig(
        output_dir=folder, max_steps=config.steps, seed=config.seed, per_device_train_batch_size=config.micro_batch,
        steps_per_generation=micro_steps(config), gradient_accumulation_steps=micro_steps(config),
        num_generations=config.num_generations,
        temperature=config.temperature, top_p=1.0, top_k=0, max_completion_length=config.max_response_tokens,
        learning_rate=config.learning_rate, lr_scheduler_type="constant", weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm, beta=config.kl_coef, entropy_coef=config.entropy_coef,
        use_bias_correction_kl=False, loss_type="bnpo", scale_rewards="group", num_iterations=1,
        reward_weights=reward_weights(config), shuffle_dataset=False, bf16=False, use_cpu=True,
        gradient_checkpointing=False, dataloader_pin_memory=False, logging_steps=1, save_strategy="no", report_to=[],
        disable_tqdm=True, log_level="error")


def stock_steps(config: RunConfig) -> list[dict]:
    model, tokenizer = load(local_path(config.model))
    clock = StepClock()
    with tempfile.TemporaryDirectory() as folder:
        clock.trainer = StockTrainer(
            model=model, processing_class=tokenizer, reward_funcs=[outcome, format, coin(config.seed)],
            args=stock_arguments(config, folder), train_dataset=prepare(config, tokenizer), callbacks=[clock])
        clock.start = time.perf_counter()
        clock.trainer.train()
    return clock.rows


def our_steps(config: RunConfig) -> list[dict]:
    model, tokenizer = load(local_path(config.model))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        recorder = Recorder(config, folder, tokenizer, [])
        trainer = build_trainer(config, model, tokenizer, prepare(config, tokenizer), folder / "checkpoints", recorder)
        recorder.started = time.perf_counter()
        trainer.train()
        return read_rows(folder / "timings.jsonl")


def step_seconds(rows: list[dict], phases: dict[str, list]) -> float:
    """Median seconds per step without the first; adds each step's phases to `phases`."""
    for row in rows[WARM:]:
        parts = {name: row[name] for name in PHASES[:-1]}
        for name, took in {**parts, "rest": row["seconds"] - sum(parts.values())}.items():
            phases.setdefault(name, []).append(took)
    return statistics.median(row["seconds"] for row in rows[WARM:])


def compare(config: RunConfig, rounds: int) -> dict:
    """Seconds per step of the three alternatives, in turn."""
    ways = {"trl": lambda: stock_steps(config), "here": lambda: our_steps(config),
            "here, shortcuts off": lambda: our_steps(config.changed(shortcuts=False, share_prompts=False))}
    phases: dict[str, dict] = {name: {} for name in ways}
    took = in_turn({name: lambda name=name: step_seconds(ways[name](), phases[name]) for name in ways}, rounds)
    return {"seconds_a_step": {name: spread(values) for name, values in took.items()},
            "trl_over_here": ratios(took["trl"], took["here"]),
            "shortcuts_off_over_on": ratios(took["here, shortcuts off"], took["here"]),
            "seconds_by_phase": {name: {phase: round(statistics.median(values), 4) for phase, values in parts.items()}
                                 for name, parts in phases.items()}}


def bench() -> dict:
    base, trained = policies().values()
    short = {"steps": STEPS, "eval_every": 0, "save_every": STEPS}
    return {"base, 32 rollouts": compare(pocket(model=base, **short), 3),
            "trained, 32 rollouts": compare(pocket(model=trained, **short), 3),
            "base, 128 rollouts": compare(pocket(model=base, prompts_per_step=16, **short), 2),
            "trained, 32 rollouts, policy loss alone": compare(
                pocket("one-shot-policy-only", model=trained, **short), 3)}


if __name__ == "__main__":
    take_no_options("benchmarks.step", __doc__)
    record("step", pocket(), bench)
