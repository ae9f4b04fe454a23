"""What a run writes down while it trains: a TRL callback that appends JSON lines."""
from __future__ import annotations

import json
import time
from itertools import islice
from pathlib import Path

from transformers import TrainerCallback

from rlvr_utils.evaluation import REFLECTION, evaluate
from rlvr_utils.profiles import RunConfig

# TRL's name -> the record's name.
METRICS = {
    "rewards/outcome/mean": "outcome", "rewards/format/mean": "format", "reward_std": "reward_std",
    "frac_reward_zero_std": "zero_std_groups", "loss": "loss", "policy_loss": "policy_loss",
    "grad_norm": "grad_norm", "learning_rate": "learning_rate", "entropy": "entropy", "kl": "kl",
    "completions/mean_length": "response_length", "completions/clipped_ratio": "truncated",
}
SAMPLED_RESPONSES = 4


def append_rows(path: Path, rows: list[dict]) -> None:
    """Append rows as JSON lines in a single write."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write("".join(json.dumps(row) + "\n" for row in rows))


def read_rows(path: Path) -> list[dict]:
    """The rows of a JSON-lines file; none when it does not exist."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def drop_rows_after(path: Path, step: int) -> None:
    """Remove rows later than `step`, and a last line cut short by a crash; replaced atomically."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            break
        if row["step"] <= step:
            kept.append(line + "\n")
    fresh = path.with_suffix(".new")
    fresh.write_text("".join(kept), encoding="utf-8")
    fresh.replace(path)


class Recorder(TrainerCallback):
    """Writes metrics, timings, evaluations and sampled responses of every rollout step."""

    def __init__(self, config: RunConfig, folder: Path, tokenizer, benchmarks: list):
        self.config, self.folder = config, folder
        self.tokenizer, self.benchmarks = tokenizer, benchmarks
        self.batch: dict = {}
        self.started = time.perf_counter()

    def watch(self, reward):
        """The same reward function; what it was shown last is kept for the records."""
        def watched(completions, answer, row, **rest):
            values = reward(completions=completions, answer=answer, **rest)
            self.batch = {"responses": completions, "answers": answer, "outcomes": values, "rows": row}
            return values
        watched.__name__ = reward.__name__
        return watched

    def _rollout_step(self, state) -> int | None:
        """The rollout step that just ended, or None between the updates of one."""
        step, rest = divmod(state.global_step, self.config.updates_per_rollout)
        return None if rest else step

    def on_step_end(self, args, state, control, model=None, **_):
        step = self._rollout_step(state)
        if step is None or (step % self.config.eval_every and step != self.config.steps):
            return
        self.evaluate(model, step)
        batch = zip(self.batch["responses"], self.batch["answers"], self.batch["outcomes"])
        append_rows(self.folder / "samples.jsonl", [
            {"step": step, "answer": answer, "response": response, "outcome": value}
            for response, answer, value in islice(batch, SAMPLED_RESPONSES)])

    def evaluate(self, model, step: int) -> None:
        """Evaluate on every benchmark and write the records of this step."""
        rows, responses = evaluate(model, self.tokenizer, self.benchmarks, self.config, self.config.seed)
        append_rows(self.folder / "evaluations.jsonl", [{"step": step, **row} for row in rows])
        append_rows(self.folder / "responses.jsonl", [{"step": step, **row} for row in responses])

    def on_log(self, args, state, control, logs=None, **_):
        step = self._rollout_step(state)
        if step is None or not logs or "rewards/outcome/mean" not in logs:
            return
        texts = [text.lower() for text in self.batch["responses"]]
        row = {"step": step, **{name: logs.get(key) for key, name in METRICS.items()},
               "reflecting": sum(any(word in text for word in REFLECTION) for text in texts)}
        if row["policy_loss"] is None:  # TRL logs it apart only beside an entropy bonus
            row["policy_loss"] = row["loss"]
        append_rows(self.folder / "metrics.jsonl", [row])
        group = self.config.num_generations
        outcomes = self.batch["outcomes"]
        append_rows(self.folder / "history.jsonl", [{
            "step": step, "rows": self.batch["rows"][::group],
            "accuracies": [sum(outcomes[i:i + group]) / group for i in range(0, len(outcomes), group)]}])
        now = time.perf_counter()
        append_rows(self.folder / "timings.jsonl", [{"step": step, "seconds": round(now - self.started, 3)}])
        self.started = now

    def on_save(self, args, state, control, **_):
        """Marks a checkpoint as whole: a crash while it is written leaves no mark."""
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / "whole").touch()
