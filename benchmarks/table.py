"""The README's table of benchmarks, from their records.

    python -m benchmarks.table
"""
from __future__ import annotations

import json

from benchmarks.measure import HERE
from rlvr_utils.errors import take_no_options


def results(name: str) -> dict:
    return json.loads((HERE / "records" / f"{name}.json").read_text(encoding="utf-8"))["results"]


def ratio(found: dict) -> str:
    return f"{found['median']:.1f}x [{found['min']:.1f}, {found['max']:.1f}]"


def rollout_rows() -> list[tuple]:
    return [(f"128 rollouts, {case}", shown, f"{found['tokens_a_second'][name]['median']:,.0f} tokens/s",
             f"{found['tokens_a_second']['sample']['median']:,.0f} tokens/s", ratio(found["ratio"][name]))
            for case, found in results("rollouts").items()
            for name, shown in (("generate", "`model.generate`"), ("vllm", "vLLM on the CPU"))]


def step_rows() -> list[tuple]:
    return [(f"training step, {case}", "TRL's GRPOTrainer", f"{found['seconds_a_step']['trl']['median']:.2f} s",
             f"{found['seconds_a_step']['here']['median']:.2f} s", ratio(found["trl_over_here"]))
            for case, found in results("step").items()]


def evaluation_rows() -> list[tuple]:
    found = results("evaluation")
    rows = [(f"{one['problems']} problems, greedy, two graders, {policy} policy", "–", "–",
             f"{one['seconds']['median']:.1f} s", "–") for policy, one in found["evaluation"].items()]
    return rows + [(f"`{name}`", "–", "–", f"{took['median']:.2f} s", "–")
                   for name, took in found["start_seconds"].items()]


def table() -> str:
    """Markdown: what, compared with what, theirs, ours, and the ratio with its minimum and maximum over the rounds."""
    rows = [("what", "against", "theirs", "here", "ratio"), ("---",) * 5,
            *rollout_rows(), *step_rows(), *evaluation_rows()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    take_no_options("benchmarks.table", __doc__)
    print(table())
