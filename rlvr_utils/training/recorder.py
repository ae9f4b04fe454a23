"""What a run writes down while it trains: a TRL callback that appends JSON lines."""
from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import torch
from accelerate.utils import gather_object
from transformers import TrainerCallback
from transformers.trainer_utils import rotate_checkpoints

from rlvr_utils.errors import UserError
from rlvr_utils.evaluation.benchmarks import REFLECTION, evaluate
from rlvr_utils.models.engines import TransformersPolicy
from rlvr_utils.recipe.config import RunConfig
from rlvr_utils.records.files import append_rows
from rlvr_utils.records.run import step_of, whole_checkpoint
from rlvr_utils.training.health import runaway

# TRL's name -> the record's name.
METRICS = {
    "rewards/outcome/mean": "outcome", "rewards/format/mean": "format", "reward_std": "reward_std",
    "frac_reward_zero_std": "zero_std_groups", "loss": "loss", "policy_loss": "policy_loss",
    "grad_norm": "grad_norm", "learning_rate": "learning_rate", "entropy": "entropy", "kl": "kl",
    "completions/mean_length": "response_length", "completions/clipped_ratio": "truncated",
    "clip_ratio/region_mean": "ratio_clipped",
}
SAMPLED_RESPONSES = 4
KEPT_CHECKPOINTS = 2


def _now() -> float:
    """The clock, after what the GPU has been asked to do is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


class Recorder(TrainerCallback):
    """Writes metrics, timings, evaluations and sampled responses of every rollout step; of several
    processes only the first one writes. Ends the training after step `stop_after`, with a checkpoint,
    and with a `UserError` in every process when the loss or the policy has run away."""

    def __init__(self, config: RunConfig, folder: Path, tokenizer, benchmarks: list, stop_after: int | None = None,
                 bar=None):
        self.config, self.folder, self.stop_after, self.bar = config, folder, stop_after, bar
        self.tokenizer, self.benchmarks = tokenizer, benchmarks
        self.batch: dict = {}
        self.seconds: Counter = Counter()
        self.started = time.perf_counter()

    @contextmanager
    def timed(self, phase: str):
        """Count the block's seconds under this phase of the rollout step."""
        start = _now()
        yield
        self.seconds[phase] += _now() - start

    def watch(self, reward):
        """The same reward function; what it was shown last is kept for the records."""
        def watched(prompts, completions, answer, row, **rest):
            values = reward(completions=completions, answer=answer, **rest)
            seen = {"prompts": prompts, "responses": completions, "answers": answer, "outcomes": values, "rows": row}
            self.batch = {name: gather_object(list(items)) for name, items in seen.items()}
            return values
        watched.__name__ = reward.__name__
        return watched

    def _rollout_step(self, state) -> int | None:
        """The rollout step that just ended, or None between the updates of one."""
        step, rest = divmod(state.global_step, self.config.updates_per_rollout)
        return None if rest else step

    def _due(self, step: int, every: int) -> bool:
        """Is this one of every so many steps, or the last? Never when `every` is 0."""
        return bool(every) and (step % every == 0 or step == self.config.steps)

    def keep_samples(self, step: int) -> None:
        """Write down the first training responses of this step."""
        batch = zip(self.batch["responses"], self.batch["answers"], self.batch["outcomes"])
        append_rows(self.folder / "samples.jsonl", [
            {"step": step, "answer": answer, "response": response, "outcome": value}
            for response, answer, value in islice(batch, SAMPLED_RESPONSES)])

    def evaluate(self, policy, step: int) -> None:
        """Evaluate on every benchmark and write the records of this step."""
        rows, responses = evaluate(policy, self.benchmarks, self.config, self.config.seed)
        append_rows(self.folder / "evaluations.jsonl", [{"step": step, **row} for row in rows])
        append_rows(self.folder / "responses.jsonl", [{"step": step, **row} for row in responses])

    def on_log(self, args, state, control, model=None, logs=None, **_):
        """The end of a step's update: before its checkpoint, and before the next rollouts."""
        step = self._rollout_step(state)
        if step is None or not logs or "rewards/outcome/mean" not in logs:
            return
        row = {"step": step, **{name: logs.get(key) for key, name in METRICS.items()}}
        if self.config.engine != "transformers":
            row["engine_difference"] = logs.get("sampling/sampling_logp_difference/mean")
        self.refuse_runaway(row, model)
        if step == self.stop_after and step < self.config.steps:
            control.should_save = control.should_training_stop = True
        if not state.is_world_process_zero:
            return
        if self._due(step, self.config.eval_every):
            self.evaluate(TransformersPolicy(model, self.tokenizer), step)
        if self._due(step, self.config.eval_every or self.config.keep_every):
            self.keep_samples(step)
        self.keep_metrics(row)
        if self.bar is not None:
            self.bar.set_postfix(reward=f"{row['outcome']:.2f}", refresh=False)
            self.bar.update()

    def refuse_runaway(self, row: dict, model) -> None:
        """Raise `UserError` where the step's values, or the logits after its update, have run away; the
        values are the same in every process."""
        wrong = runaway(row) or runaway({"the largest logit after the update": self._largest_logit(model)})
        if wrong:
            raise UserError(f"run {self.folder.stem} was stopped at step {row['step']}: {wrong}; lower learning_rate "
                            f"({self.config.learning_rate:g}); {self._last_checkpoint()}")

    def _last_checkpoint(self) -> str:
        checkpoint = whole_checkpoint(self.folder)
        if not checkpoint:
            return "it has no checkpoint yet"
        return (f"the last good checkpoint is of step {step_of(checkpoint, self.config)}, {checkpoint}; the same "
                "command goes on from there")

    def _largest_logit(self, model) -> float:
        """Of the token after the last prompt, in absolute value; one short forward pass."""
        ids = self.tokenizer(self.batch["prompts"][-1], add_special_tokens=False, return_tensors="pt")["input_ids"]
        model.eval()
        with torch.no_grad():
            logits = model(input_ids=ids.to(model.device), logits_to_keep=1).logits
        model.train()
        return logits.abs().max().item()

    def keep_metrics(self, row: dict) -> None:
        """Write down the step's metrics, accuracies and seconds."""
        step, texts = row["step"], [text.lower() for text in self.batch["responses"]]
        reflecting = sum(any(word in text for word in REFLECTION) for text in texts)
        append_rows(self.folder / "metrics.jsonl", [{**row, "reflecting": reflecting}])
        group = self.config.num_generations
        outcomes = self.batch["outcomes"]
        append_rows(self.folder / "history.jsonl", [{
            "step": step, "rows": self.batch["rows"][::group],
            "accuracies": [sum(outcomes[i:i + group]) / group for i in range(0, len(outcomes), group)]}])
        append_rows(self.folder / "timings.jsonl", [{"step": step, **self._phases()}])

    def _phases(self) -> dict:
        """Seconds since the last call: in all, and by phase; what is in none of them (optimizer,
        evaluation, records) is the rest."""
        now, parts = _now(), self.seconds
        phases = {"seconds": now - self.started, "rollouts": parts["rollouts"], "rewards": parts["rewards"],
                  "references": parts["preparation"] - parts["rollouts"] - parts["rewards"],
                  "loss": parts["micro_steps"] - parts["preparation"]}
        self.started, self.seconds = now, Counter()
        return {name: round(seconds, 4) for name, seconds in phases.items()}

    def on_save(self, args, state, control, **_):
        """Marks a checkpoint as whole: a crash while it is written leaves no mark. The trainer would
        remove earlier ones before that, and by their dates, which a clock put back turns around."""
        if not state.is_world_process_zero:
            return
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / "whole").touch()
        rotate_checkpoints(args.output_dir, KEPT_CHECKPOINTS, use_mtime=False)
