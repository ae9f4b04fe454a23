"""The records of a run during training: a TRL callback that appends JSON lines."""
from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate.utils import gather_object
from transformers import TrainerCallback
from transformers.trainer_utils import rotate_checkpoints

from rlvr_utils.errors import UserError
from rlvr_utils.evaluation.benchmarks import REFLECTION, evaluate
from rlvr_utils.models.adapters import without_wrapper
from rlvr_utils.models.engines import TransformersPolicy
from rlvr_utils.recipe.config import RunConfig
from rlvr_utils.records.files import append_rows
from rlvr_utils.records.run import latest_complete_checkpoint, step_of
from rlvr_utils.training.health import diverged_value
from rlvr_utils.training.trackers import Trackers

# TRL's name -> the record's name.
METRICS = {
    "rewards/outcome/mean": "outcome", "rewards/format/mean": "format", "reward_std": "reward_std",
    "frac_reward_zero_std": "zero_std_groups", "loss": "loss", "policy_loss": "policy_loss",
    "grad_norm": "grad_norm", "learning_rate": "learning_rate", "entropy": "entropy", "kl": "kl",
    "completions/mean_length": "response_length", "completions/clipped_ratio": "truncated",
    "clip_ratio/region_mean": "ratio_clipped",
}
KEPT_CHECKPOINTS = 2


def _now() -> float:
    """The time in seconds, after all pending GPU work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


class Recorder(TrainerCallback):
    """Writes metrics, timings, evaluations and sampled responses of every rollout step; only the main process writes.
    Ends training with a checkpoint after step `stop_after`, and with a `UserError` in every process if the loss or
    the policy diverges."""

    def __init__(self, config: RunConfig, folder: Path, tokenizer, benchmarks: list, stop_after: int | None = None,
                 bar=None):
        self.config, self.folder, self.stop_after, self.bar = config, folder, stop_after, bar
        self.tokenizer, self.benchmarks = tokenizer, benchmarks
        self.batch: dict = {}
        self.seconds: Counter = Counter()
        self.started = time.perf_counter()
        self.trackers = Trackers(config.report_to, folder)
        self.accuracies: dict[str, float] = {}  # of the current step, for the trackers

    def on_train_begin(self, args, state, control, model=None, **_):
        self.trackers.begin(args, state, control, model)

    def on_train_end(self, args, state, control, model=None, **_):
        self.trackers.end(args, state, control, model)

    @contextmanager
    def timed(self, phase: str):
        """Add the block's seconds to this phase of the rollout step."""
        start = _now()
        yield
        self.seconds[phase] += _now() - start

    def watch(self, reward):
        """The same reward function, but its last inputs and rewards are kept for the records."""
        def watched(prompts, completions, completion_ids, answer, row, **kwargs):
            values = reward(completions=completions, answer=answer, **kwargs)
            seen = {"prompts": prompts, "responses": completions, "tokens": completion_ids, "answers": answer,
                    "outcomes": values, "rows": row}
            self.batch = {name: gather_object(list(items)) for name, items in seen.items()}
            return values
        watched.__name__ = reward.__name__
        return watched

    def _rollout_step(self, state) -> int | None:
        """The rollout step that has just ended, or None between the updates of a step."""
        step, rest = divmod(state.global_step, self.config.updates_per_rollout)
        return None if rest else step

    def _kept(self, step: int) -> bool:
        """Is the policy of this step kept for an evaluation after training?"""
        every = self.config.keep_every
        return bool(every) and not self.config.eval_every and (step % every == 0 or step == self.config.steps)

    def write_samples(self, step: int) -> None:
        """Record the step's first group of rollouts. Of the first step, whose rollouts the initial model wrote, it is
        the first group that disagrees, if one does, with its tokens, so that its loss can be computed again."""
        names = ("rows", "answers", "responses", "outcomes", "tokens")
        group, outcomes = self.config.num_generations, self.batch["outcomes"]
        starts = [at for at in range(0, len(outcomes), group) if len(set(outcomes[at:at + group])) > 1]
        start = starts[0] if starts and step == 1 else 0
        batch = zip(*(self.batch[name][start:start + group] for name in names))
        append_rows(self.folder / "samples.jsonl", [
            {"step": step, "row": row, "answer": answer, "response": response, "outcome": value,
             **({"tokens": tokens} if step == 1 else {})} for row, answer, response, value, tokens in batch])

    def evaluate(self, policy, step: int) -> None:
        """Evaluate on every benchmark and record the results of this step."""
        rows, responses = evaluate(policy, self.benchmarks, self.config, self.config.seed)
        append_rows(self.folder / "evaluations.jsonl", [{"step": step, **row} for row in rows])
        append_rows(self.folder / "responses.jsonl", [{"step": step, **row} for row in responses])
        self.accuracies = {f"{row['benchmark']}/accuracy/{grader}": value
                           for row in rows for grader, value in row["accuracy"].items()}

    def on_log(self, args, state, control, model=None, logs=None, **_):
        """Called after a step's update, before its checkpoint and the next rollouts."""
        step = self._rollout_step(state)
        if step is None or not logs or "rewards/outcome/mean" not in logs:
            return
        row = {"step": step, **{name: logs.get(key) for key, name in METRICS.items()}}
        if self.config.engine != "transformers":
            row["engine_difference"] = logs.get("sampling/sampling_logp_difference/mean")
        self.stop_if_diverged(row, model)
        if step == self.stop_after and step < self.config.steps:
            control.should_save = control.should_training_stop = True
        if not state.is_world_process_zero:
            return
        evaluated = self.config.evaluated(step)
        if evaluated:
            self.evaluate(TransformersPolicy(without_wrapper(model), self.tokenizer), step)
        if step == 1 or evaluated or self._kept(step):
            self.write_samples(step)
        written = self.write_metrics(row)
        self.trackers.log({**written, **self.accuracies}, args, state, control, model)
        self.accuracies = {}
        if self.bar is not None:
            self.bar.set_postfix(reward=f"{row['outcome']:.2f}", refresh=False)
            self.bar.update()

    def stop_if_diverged(self, row: dict, model) -> None:
        """Raise `UserError` if the step's values, or the logits after its update, have diverged. The values are the
        same in every process."""
        wrong = diverged_value(row) or diverged_value(
            {"the largest logit after the update": self._largest_logit(model)})
        if wrong:
            raise UserError(f"run {self.folder.stem} was stopped at step {row['step']}: {wrong}; lower learning_rate "
                            f"(now {self.config.learning_rate:g}); {self._last_checkpoint()}")

    def _last_checkpoint(self) -> str:
        checkpoint = latest_complete_checkpoint(self.folder)
        if not checkpoint:
            return "it has no checkpoint yet"
        return (f"the last good checkpoint, {checkpoint}, is of step {step_of(checkpoint, self.config)}; the same "
                "command continues from there")

    def _largest_logit(self, model) -> float:
        """The largest absolute logit for the token after the last prompt; takes one short forward pass."""
        ids = self.tokenizer(self.batch["prompts"][-1], add_special_tokens=False, return_tensors="pt")["input_ids"]
        model.eval()
        with torch.no_grad():
            logits = model(input_ids=ids.to(model.device), logits_to_keep=1).logits
        model.train()
        return logits.abs().max().item()

    def write_metrics(self, row: dict) -> dict:
        """Record the step's metrics, accuracies and timings. Returns the row of metrics as recorded."""
        step, texts = row["step"], [text.lower() for text in self.batch["responses"]]
        reflecting = sum(any(word in text for word in REFLECTION) for text in texts)
        row = {**row, "reflecting": reflecting}
        append_rows(self.folder / "metrics.jsonl", [row])
        group = self.config.num_generations
        outcomes = self.batch["outcomes"]
        append_rows(self.folder / "history.jsonl", [{
            "step": step, "rows": self.batch["rows"][::group],
            "accuracies": [sum(outcomes[i:i + group]) / group for i in range(0, len(outcomes), group)]}])
        append_rows(self.folder / "timings.jsonl", [{"step": step, **self._phases()}])
        return row

    def _phases(self) -> dict:
        """Seconds since the last call, in total and by phase; the rest of the total is optimizer, evaluation and
        records."""
        now, parts = _now(), self.seconds
        phases = {"seconds": now - self.started, "rollouts": parts["rollouts"], "rewards": parts["rewards"],
                  "references": parts["preparation"] - parts["rollouts"] - parts["rewards"],
                  "loss": parts["micro_steps"] - parts["preparation"]}
        self.started, self.seconds = now, Counter()
        return {name: round(seconds, 4) for name, seconds in phases.items()}

    def on_save(self, args, state, control, **_):
        """Mark a checkpoint as complete, so that one interrupted by a crash has no mark, and only then remove earlier
        ones, by step. The trainer would remove them before that, and by date, which a changed clock reverses."""
        if not state.is_world_process_zero:
            return
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / "whole").touch()
        rotate_checkpoints(args.output_dir, KEPT_CHECKPOINTS, use_mtime=False)
