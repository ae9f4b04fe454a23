"""Rank the pocket pool by historical variance, as the paper ranks DSR-sub (§2, Eq. 5).

The authors log a row's accuracy whenever full-set training visits it, about fifty times in 500 steps. A pocket run is
too short for that, so the whole pool is answered at evenly spaced steps of one full-set run instead, with a seed that
no reported run uses.

`python -m rlvr_utils.pocket.ranking` writes `history.json` and prints the examples of the ranks in `RANKS`, and the
profile's field `ranking`.
"""
from __future__ import annotations

import json
import tempfile
from contextlib import nullcontext
from pathlib import Path

import torch
from transformers import TrainerCallback

from rlvr_utils.analysis.selection import rank_by_historical_variance
from rlvr_utils.errors import escape_output, take_no_options
from rlvr_utils.models.loading import load_policy
from rlvr_utils.pocket.answers import ask
from rlvr_utils.progress import say, show_progress
from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import RunConfig, load_profile, local_path
from rlvr_utils.training.examples import chosen_examples
from rlvr_utils.training.setup import build_trainer, prepare

PROFILE, SEED = "pocket-long", 1000
STEPS, EVERY, ATTEMPTS = 100, 10, 8
RANKS = (*range(1, 18), 605, 606, 1201, 1207, 1208, 1209)  # those of the paper's Tables 3 and 4
HISTORY = Path(__file__).parent / "history.json"


class PoolHistory(TrainerCallback):
    """Answers every pool problem at step 0 and every `EVERY` steps, and keeps the mean outcomes. It takes the
    recorder's place in the trainer, which asks it for `watch` and `timed`."""

    def __init__(self, config: RunConfig, tokenizer):
        self.config, self.tokenizer = config, tokenizer
        self.problems = chosen_examples(config)
        self.history: dict[str, list[float]] = {problem.id: [] for problem in self.problems}

    def watch(self, reward):
        """The reward without the columns that only records need."""
        return lambda completions, answer, row, **rest: reward(completions=completions, answer=answer)

    def timed(self, phase: str):
        """Times are not recorded here."""
        return nullcontext()

    def on_train_begin(self, args, state, control, model=None, **_):
        """The accuracies before training."""
        self.visit(model)

    def on_step_end(self, args, state, control, model=None, **_):
        """The accuracies after every `EVERY` steps."""
        if state.global_step % EVERY == 0:
            self.visit(model)

    def visit(self, model) -> None:
        """Answer the whole pool and append every problem's accuracy."""
        training = model.training
        model.eval()
        asked = [problem for problem in self.problems for _ in range(ATTEMPTS)]
        right = ask(model, self.tokenizer, asked, self.config.temperature, seed=SEED, training=True).right("training")
        model.train(training)
        for place, problem in enumerate(self.problems):
            self.history[problem.id].append(sum(right[place * ATTEMPTS:(place + 1) * ATTEMPTS]) / ATTEMPTS)
        say(f"visit {len(next(iter(self.history.values())))}: mean accuracy {sum(right) / len(right):.3f}")


def main(arguments: list[str] | None = None) -> None:
    """Train once, answering the pool along the way; write the history and print the ranking."""
    take_no_options("rlvr_utils.pocket.ranking", __doc__, arguments)
    escape_output()
    show_progress(True)
    config = with_arm(load_profile(PROFILE), "full-set", SEED).changed(steps=STEPS)
    torch.set_num_threads(config.cpu_threads)
    model, tokenizer = load_policy(local_path(config.model), config.dtype)
    watcher = PoolHistory(config, tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        build_trainer(config, model, tokenizer, prepare(config, tokenizer), Path(folder), watcher).train()
    HISTORY.write_text(json.dumps(watcher.history) + "\n", encoding="utf-8")
    order = rank_by_historical_variance(watcher.history)
    ranks = [rank for rank in RANKS if rank <= len(order)]
    for rank in ranks:
        problem = next(p for p in watcher.problems if p.id == str(order[rank - 1]))
        print(f"pi_{rank}: row {problem.id} [{problem.subject}] {problem.question} -> {problem.answer} "
              f"{watcher.history[problem.id]}")
    print("ranking: {" + ", ".join(f"{rank}: {order[rank - 1]}" for rank in ranks) + "}")


if __name__ == "__main__":
    main()
