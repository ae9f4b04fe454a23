"""Export a run's policy as a Hugging Face folder with a model card, for transformers and `vllm serve`."""
from __future__ import annotations

import shutil
from pathlib import Path

from rlvr_utils.errors import UserError
from rlvr_utils.models.engines import evaluation_stops
from rlvr_utils.models.loading import check_target, copy_policy
from rlvr_utils.records.locks import locked
from rlvr_utils.records.run import Run, kept_policy, kept_steps

DTYPE = "bfloat16"


def export(run: Run, target: Path, step: int | None = None) -> None:
    """Write the final policy, or the one kept at `step`, in bfloat16 with its model card to the folder `target`, which
    appears only when it is complete.

    Raises `UserError` for a run without weights, a step that was not kept, and a `target` that exists.
    """
    source = run.folder / "weights" if step is None else kept_policy(run.folder, step)
    if not source.is_dir():
        kept = ", ".join(map(str, kept_steps(run)))
        wanted = "its last step" if step is None else f"step {step}"
        other = f"give another --step (kept steps: {kept}), or " if kept else ""
        raise UserError(f"run {run.folder.name} has no weights of {wanted}; {other}train the run here")
    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh, card = target.with_name(f"{target.name}.new"), model_card(run, step)
    with locked(target.with_name(f"{target.name}.lock"), str(target)):
        check_target(target)
        shutil.rmtree(fresh, ignore_errors=True)  # from an interrupted attempt
        copy_policy(source, fresh, DTYPE)
        _end_as_evaluated(fresh)
        (fresh / "README.md").write_text(card, encoding="utf-8")
        fresh.rename(target)


def _end_as_evaluated(folder: Path) -> None:
    """Let whatever reads the folder end an answer where the evaluations did: at the end of a turn too, which a base
    model's own settings do not name."""
    from transformers import AutoTokenizer, GenerationConfig

    settings = GenerationConfig.from_pretrained(folder)
    settings.eos_token_id = sorted(evaluation_stops(settings, AutoTokenizer.from_pretrained(folder)))
    settings.save_pretrained(folder)


def model_card(run: Run, step: int | None) -> str:
    """The model card in Markdown: what the policy is, where it comes from and what was measured."""
    config, facts = run.config, run.provenance
    versions = ", ".join(f"{name} {number}" for name, number in sorted(facts["versions"].items()))
    machine = ", ".join(facts["hardware"]["gpus"]) or facts["hardware"]["cpu"]
    base = "pocket (rlvr_utils/pocket/base)" if config.model.startswith("package:") else config.model
    header = f"base_model: {base}\n" if "/" in base and not config.model.startswith(("package:", "/", ".")) else ""
    return f"""---
{header}library_name: transformers
pipeline_tag: text-generation
---
# {base}, arm {config.arm}, seed {config.seed}

{base} after {step or config.steps} rollout steps of GRPO in a reproduction of *Reinforcement Learning for Reasoning in
Large Language Models with One Training Example* (arXiv 2504.20571). It answers in the prompt format of its base model;
weights are {DTYPE}. The licence of the base model applies.

## Measured here

{_table(run, step)}
Accuracies in percent by two graders, on one seed. They say what this checkpoint did on these files, no more.

## Where it comes from

- profile {config.profile}, learning rate {config.learning_rate:g}, {config.prompts_per_step} prompts a step with
  {config.num_generations} responses each, entropy bonus {config.entropy_coef * config.entropy_scale:g},
  KL coefficient {config.kl_coef:g}, weight decay {config.weight_decay:g}, reward {config.reward}
- configuration {facts["config_hash"]}
- code at commit {facts["git"].get("sha", "unknown")}
- {machine}; {versions}
"""


def _table(run: Run, step: int | None) -> str:
    rows = run.rows("evaluations")
    wanted = rows[-1]["step"] if step is None and rows else step
    lines = [f"| {row['benchmark']} | {row['problems']} x {row['samples']} | "
             + ", ".join(f"{name} {100 * value:.1f}" for name, value in row["accuracy"].items()) + " |"
             for row in rows if row["step"] == wanted]
    if not lines:
        return "Nothing was measured at this step.\n"
    return "\n".join([f"Step {wanted}.\n", "| benchmark | answers | accuracy |", "|---|---|---|", *lines, ""])
