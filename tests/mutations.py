"""Planted mistakes: each must make its tests fail. `make mutations` applies them one by one to a copy.

A test that passes with its mistake planted proves nothing, and neither does one that fails without it; this file is the
proof that ours do neither.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What is planted: file of the package, text, mistaken text, tests that must notice.
MUTATIONS = {
    "an override that TRL never calls": (
        "training/trainer.py",
        "def _tokenize_prompts(self, prompts",
        "def _encode_prompts(self, prompts",
        "docs/test_training_step.py",
    ),
    "a recorded field that the docs lack": (
        "training/recorder.py",
        '{**row, "reflecting": reflecting}',
        '{**row, "reflections": reflecting}',
        "docs/test_record_schema.py",
    ),
    "sequences instead of tokens are averaged": (
        "training/objective.py",
        "len(part) / len(response_lengths) / max(tokens, 1)",
        "1 / len(response_lengths) / max(response_lengths[row], 1)",
        "training/test_objective.py",
    ),
    "one token mean over the mini-batch": (
        "training/objective.py",
        "weights[row] = len(part) / len(response_lengths) / max(tokens, 1)",
        "weights[row] = 1 / sum(response_lengths)",
        "training/test_objective.py",
    ),
    "ddof 0": (
        "training/objective.py",
        "groups.std(1, keepdim=True)",
        "groups.std(1, keepdim=True, correction=0)",
        "training/test_objective.py",
    ),
    "TRL's epsilon": (
        "training/objective.py",
        "ADVANTAGE_EPSILON = 1e-6",
        "ADVANTAGE_EPSILON = 1e-4",
        "training/test_objective.py",
    ),
    "swapped sign of the policy loss": (
        "training/objective.py",
        "-advantages * ratio, -advantages",
        "advantages * ratio, advantages",
        "training/test_objective.py",
    ),
    "swapped sign of the entropy bonus": (
        "training/trainer.py",
        "loss = loss - config.entropy_coef",
        "loss = loss + config.entropy_coef",
        "training/test_objective.py",
    ),
    "the other direction of the divergence": (
        "training/objective.py",
        "difference = reference - log_probs",
        "difference = log_probs - reference",
        "training/test_objective.py",
    ),
    "unbounded divergence": (
        "training/objective.py",
        ".clamp(-KL_BOUND, KL_BOUND)",
        "",
        "training/test_objective.py",
    ),
    "no clipping": (
        "training/objective.py",
        "ratio.clamp(1 - clip_ratio, 1 + clip_ratio)",
        "ratio",
        "training/test_objective.py",
    ),
    "missing temperature, shared prompts": (
        "sampling/shared_prompt.py",
        ".float() / temperature",
        ".float()",
        "training/test_objective.py",
    ),
    "missing temperature, TRL's forward pass": (
        "training/setup.py",
        "temperature=config.temperature, ",
        "",
        "training/test_objective.py",
    ),
    "logits without the model's own scale or cap": (
        "sampling/shared_prompt.py",
        """        return model(input_ids=input_ids[:, -keep:-1], attention_mask=attention_mask[:, :-1],
                     position_ids=positions(attention_mask)[:, -keep:-1], past_key_values=cache,
                     use_cache=True).logits
""",
        """        return model.get_output_embeddings()(model.get_decoder()(
            input_ids=input_ids[:, -keep:-1], attention_mask=attention_mask[:, :-1], past_key_values=cache,
            position_ids=positions(attention_mask)[:, -keep:-1], use_cache=True).last_hidden_state)
""",
        "sampling/test_architectures.py",
    ),
    "recurrent states pass as keys and values": (
        "sampling/cache.py",
        "return {type(layer) for layer in _layers(model)} <= {DynamicLayer, DynamicSlidingWindowLayer}",
        "return True",
        "sampling/test_architectures.py",
    ),
    "a prompt is shared despite a sliding window": (
        "sampling/cache.py",
        "            and all(type(layer) is DynamicLayer for layer in _layers(model)))",
        "            )",
        "sampling/test_architectures.py",
    ),
    "encoders pass as causal models": (
        "models/loading.py",
        "if differences[:3].max() >",
        "if False and differences[:3].max() >",
        "sampling/test_architectures.py",
    ),
    "missing temperature in rollouts": (
        "sampling/rollouts.py",
        "logits = logits.float() / temperature",
        "logits = logits.float()",
        "sampling/test_rollouts.py",
    ),
    "norms and biases do not decay": (
        "training/trainer.py",
        "return [name for name, _ in model.named_parameters()]",
        "return super().get_decay_parameter_names(model)",
        "training/test_objective.py",
    ),
    "no gradient clipping": (
        "training/setup.py",
        "max_grad_norm=config.max_grad_norm",
        "max_grad_norm=1e9",
        "training/test_objective.py",
    ),
    "no idle first step": ("training/trainer.py", "float(update >= updates)", "1.0", "training/test_objective.py"),
    "an idle update instead of an idle rollout step": (
        "training/trainer.py",
        "self.run_config.updates_per_rollout if self.run_config.idle_first_step else 0",
        "int(self.run_config.idle_first_step)",
        "training/test_objective.py",
    ),
    "the reward's penalty with the wrong sign": (
        "training/trainer.py",
        "scores = scores - self.run_config.kl_in_reward",
        "scores = scores + self.run_config.kl_in_reward",
        "training/test_objective.py",
    ),
    "doubled instruction": (
        "data/prompts.py",
        'f"{question} {SUFFIX}"',
        'f"{question} {SUFFIX} {SUFFIX}"',
        "data/test_prompts.py",
    ),
    "suffix in the evaluation prompt": (
        "data/prompts.py",
        "return before + question + after",
        'return before + f"{question} {SUFFIX}" + after',
        "data/test_prompts.py",
    ),
    "no space in Llama's empty system turn": (
        "data/prompts.py",
        "{DATE}\\n\\n <|eot_id|>",
        "{DATE}\\n\\n<|eot_id|>",
        "data/test_prompts.py",
    ),
    "two beginning-of-text tokens": (
        "training/trainer.py",
        "add_special_tokens=False",
        "add_special_tokens=True",
        "scale/test_drill.py",
    ),
    "another date in Llama's prompt": (
        "data/prompts.py",
        'DATE = "17 Apr 2025"',
        'DATE = "18 Apr 2025"',
        "data/test_prompts.py",
    ),
    "the wrong label": (
        "training/examples.py",
        "replace(rows[row], answer=label) if label else rows[row]",
        "rows[row]",
        "training/test_training.py",
    ),
    "another training example": (
        "recipe/profiles/qwen2.5-math-1.5b.yaml",
        "{1: 124,",
        "{1: 125,",
        "recipe/test_config.py",
    ),
    "row counts not checked": ("data/public.py", "!= entry.rows", "!= len(rows)", "data/test_public.py"),
    "greedy decoding picks the least likely token": (
        "sampling/rollouts.py",
        "return logits.argmax(-1)",
        "return logits.argmin(-1)",
        "sampling/test_rollouts.py",
    ),
    "attention leaves out the prompt": (
        "sampling/cache.py",
        "output = of_prompt.view(groups, rows, -1, size).transpose(0, 1) + ",
        "output = ",
        "sampling/test_rollouts.py",
    ),
    "unfinished rows are not moved in the cache": (
        "sampling/cache.py",
        "seen[holes] = seen[movers]",
        "pass",
        "sampling/test_rollouts.py",
    ),
    "random numbers by position instead of by row": (
        "sampling/rollouts.py",
        "draws[alive, step]",
        "draws[:len(alive), step]",
        "sampling/test_rollouts.py",
    ),
    "groups with equal rewards are skipped despite entropy and KL": (
        "training/trainer.py",
        "not config.shortcuts or config.kl_coef or config.entropy_coef * config.entropy_scale",
        "not config.shortcuts",
        "training/test_shortcuts.py",
    ),
    "no weight decay where there is no gradient": (
        "training/trainer.py",
        "0.0 * sum(parameter.sum() for parameter in model.parameters() if parameter.requires_grad)",
        "0.0 * model.get_input_embeddings().weight.sum()",
        "training/test_shortcuts.py",
    ),
    "the entropy of some groups is recorded as that of all": (
        "training/trainer.py",
        "terms.entropy if whole else None",
        "terms.entropy",
        "training/test_shortcuts.py",
    ),
    "evaluated twice after a crash": (
        "evaluation/kept_policies.py",
        "and (step, pair[0].name) not in done",
        "",
        "evaluation/test_kept_policies.py",
    ),
    "a NaN hidden by the mean of earlier losses": (
        "training/setup.py",
        "logging_nan_inf_filter=False",
        "logging_nan_inf_filter=True",
        "training/test_health.py",
    ),
    "a diverged run goes on": (
        "training/recorder.py",
        "self.stop_if_diverged(row, model)",
        "pass",
        "training/test_health.py",
    ),
    "a wrecked policy is saved": (
        "training/recorder.py",
        """diverged_value(row) or diverged_value(
            {"the largest logit after the update": self._largest_logit(model)})""",
        "diverged_value(row)",
        "training/test_health.py",
    ),
    "reward variance is checked in arms without a reward": (
        "training/health.py",
        "if config.policy_loss:",
        "if True:",
        "training/test_health.py",
    ),
    "records are not cut back to the checkpoint": (
        "runs/obtain.py",
        "step if checkpoint else -1",
        "10**9",
        "runs/test_resuming.py",
    ),
    "a checkpoint is marked complete too early": (
        "training/trainer.py",
        "        super()._save_checkpoint(model, trial)\n",
        "        super()._save_checkpoint(model, trial)\n"
        "        (Path(self._get_output_dir(trial)) / f'checkpoint-{self.state.global_step}' / 'whole').touch()\n",
        "runs/test_resuming.py",
    ),
    "a lock file is removed after its release": (
        "records/locks.py",
        "        lock.unlink(missing_ok=True)  # while still locked, so that nobody locks a file about to be removed\n"
        "        file.release()\n",
        "        file.release()\n        lock.unlink(missing_ok=True)\n",
        "runs/test_resuming.py",
    ),
    "a lock that does not name its holder": (
        "records/locks.py",
        ", on_acquired=partial(_write_process, lock)",
        "",
        "runs/test_resuming.py",
    ),
    "a run is trained without its lock": (
        "runs/obtain.py",
        "with lock_run(partial) if first_process() else nullcontext(), ",
        "with nullcontext(), ",
        "runs/test_resuming.py",
    ),
    "checkpoints removed by their dates": (
        "training/recorder.py",
        "use_mtime=False",
        "use_mtime=True",
        "torture/test_disks.py",
    ),
    "torch's message about a full disk is not recognised": (
        "records/disks.py",
        "return errno.ENOSPC if torch_wrote else None",
        "return None",
        "torture/test_disks.py",
    ),
    "an incomplete export under its final name": (
        "runs/export.py",
        "copy_policy(source, fresh, DTYPE)",
        "fresh = target\n        copy_policy(source, fresh, DTYPE)",
        "torture/test_disks.py",
    ),
    "weights exported in another precision": (
        "runs/export.py",
        "copy_policy(source, fresh, DTYPE)",
        'copy_policy(source, fresh, "float32")',
        "evaluation/test_kept_policies.py",
    ),
    "no time limit in the worker": (
        "grading/sandbox.py",
        "        _limit_time(limit)\n",
        "",
        "grading/test_grading.py",
    ),
    "imports charged to an answer": (
        "grading/sandbox.py",
        "_reply(START_LIMIT_S)",
        "_reply(LIMIT_S)",
        "grading/test_grading.py",
    ),
    "no memory limit in the worker": (
        "grading/sandbox.py",
        "    _limit_memory()\n    _limit",
        "    _limit",
        "grading/test_grading.py",
    ),
    "a dead worker is kept": (
        "grading/sandbox.py",
        " or _current.process.poll() is not None",
        "",
        "grading/test_grading.py",
    ),
    "answers run as Python": (
        "grading/symbolic.py",
        "    _check_python(text)\n    return",
        "    return",
        "torture/test_graders.py",
    ),
    "a letter is read from the answer alone": (
        "grading/qwen_eval.py",
        "answer = choice_letter(response)",
        "answer = choice_letter(answer)",
        "grading/test_authors_rules.py",
    ),
    "Minerva's units are removed": (
        "grading/qwen_eval.py",
        "keep_units = benchmark == _KEEPS_UNITS\n    if",
        "keep_units = False\n    if",
        "grading/test_authors_rules.py",
    ),
    "MATH500's golds normalised twice": (
        "grading/qwen_eval.py",
        "if benchmark in _NORMALISED_ONCE:",
        "if keep_units:",
        "grading/test_authors_rules.py",
    ),
    "pi as a number": ("grading/qwen_eval.py", "pi|(?<!", "(?<!", "grading/test_authors_rules.py"),
    "characters that the authors' reader rejects": (
        "grading/symbolic.py",
        " or not text.isascii()",
        "",
        "grading/test_authors_rules.py",
    ),
    "a space before a factorial's sign": (
        "grading/symbolic.py",
        'return f" {text}" if factorial else f" {text} "',
        'return f" {text} "',
        "grading/test_authors_rules.py",
    ),
    "the last step's evaluation is not planned": (
        "scale/plan.py",
        "periodic + bool(every and config.steps % every)",
        "periodic",
        "scale/test_plan.py",
    ),
    "LaTeX kept as it is in the training reward": (
        "grading/training_reward.py",
        "text = latex_to_text(text)",
        "pass",
        "grading/test_authors_rules.py",
    ),
    "a benchmark graded by the common rules": (
        "evaluation/benchmarks.py",
        "grading_rules(benchmark))",
        "None)",
        "evaluation/test_evaluation.py",
    ),
    "grading rules are not part of an evaluation's settings": (
        "recipe/identity.py",
        'settings["rules"] = rules',
        "pass",
        "recipe/test_identity.py",
    ),
    "records do not say how an evaluation was made": (
        "recipe/identity.py",
        "{name: getattr(config, name) for name in CONFIGURED}",
        "{}",
        "recipe/test_identity.py",
    ),
    "a field that is set twice gets its last value": (
        "study/study.py",
        "        if name in changes:",
        "        if name is changes:",
        "test_cli.py",
    ),
    "an option and a setting for one field": (
        "study/study.py",
        "if options.get(option) is not None:",
        "if False:",
        "test_cli.py",
    ),
    "a setting changes no run of a study": (
        "study/study.py",
        "    config = with_settings(config, settings)\n    seeds",
        "    seeds",
        "test_cli.py",
    ),
    "an arm that keeps its own value is not named": (
        "study/study.py",
        "        for name, keeping in self.kept_fields(left).items():",
        "        for name, keeping in ():",
        "test_cli.py",
    ),
    "an option given at its default has no effect": (
        "cli.py",
        "if getattr(options, name) not in (None, []):",
        "if getattr(options, name) not in (None, [], DEFAULTS.get(name)):",
        "test_cli.py",
    ),
    "a set's name gives it no rules": (
        "recipe/identity.py",
        'if benchmark.file.startswith(PUBLIC) else []), benchmark.name,',
        'if benchmark.file.startswith(PUBLIC) else []),',
        "evaluation/test_evaluation.py",
    ),
    "golds of any length": ("grading/verdicts.py", " or len(gold) > MAX_ANSWER", "", "grading/test_grading.py"),
    "a repeated key in a row": (
        "data/files.py",
        "        if name in fields:",
        "        if name is fields:",
        "data/test_files.py",
    ),
    "one id for two training problems": (
        "data/problems.py",
        "if (earlier.question, earlier.answer) != (problem.question, problem.answer):",
        "if False:",
        "data/test_problems.py",
    ),
    "NaN as a number of a run": (
        "recipe/config.py",
        "Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]",
        "Amount = Annotated[float, Field(le=1e300)]",
        "recipe/test_config.py",
    ),
    "text read as a number": ("recipe/config.py", "strict=True, extra=", "extra=", "recipe/test_config.py"),
    "an unknown field of a configuration is dropped": (
        "recipe/config.py",
        'extra="forbid"',
        'extra="ignore"',
        "recipe/test_config.py",
    ),
    "a later field enters the hash of earlier runs": (
        "recipe/config.py",
        "if field.json_schema_extra}",
        "if False}",
        "recipe/test_config.py",
    ),
    "1e-5 in a profile is text": (
        "recipe/yaml_text.py",
        "return yaml.load(text, _Loader)",
        "return yaml.safe_load(text)",
        "recipe/test_config.py",
    ),
    "a user's profile shares the results of one in the package": (
        "recipe/config.py",
        "if own and path.stem in profile_names()",
        "if False and path.stem in profile_names()",
        "recipe/test_config.py",
    ),
    "grading waits until all answers are generated": (
        "evaluation/benchmarks.py",
        "written = answers(policy, prompts, config, benchmark, seed)",
        "written = [*answers(policy, prompts, config, benchmark, seed)]",
        "evaluation/test_evaluation.py",
    ),
    "the same random numbers for every batch": (
        "models/engines.py",
        "            training = self.model.training\n",
        "            training = self.model.training\n            generator.manual_seed(seed)\n",
        "models/test_engines.py",
    ),
    "the engine's ratio upside down": (
        "training/objective.py",
        "log_probs - drawn_log_probs",
        "drawn_log_probs - log_probs",
        "training/test_engine_ratios.py",
    ),
    "logged means of pieces instead of tokens": (
        "training/trainer.py",
        'pieces * total / max(inputs["tokens"], 1)',
        'total / max(int(mask.sum()), 1)',
        "training/test_training.py",
    ),
    "prompts may leave no room for an answer": (
        "evaluation/benchmarks.py",
        "positions - config.eval_max_tokens",
        "positions",
        "evaluation/test_evaluation.py",
    ),
    "pickles that run code": (
        "models/files.py",
        "weights_only=True",
        "weights_only=False",
        "models/test_model_files.py",
    ),
    "a checkpoint of another model": (
        "runs/obtain.py",
        "check_checkpoint(checkpoint, model, adapter_shapes(model, config))",
        "pass",
        "models/test_model_files.py",
    ),
    "a sentence taken as the gold": ("data/rows.py", " or _is_prose(text)", "", "data/test_problems.py"),
    "one question with two answers": (
        "data/problems.py",
        "if same.answer != problem.answer:",
        "if False:",
        "data/test_problems.py",
    ),
    "the README's claims are those of another ledger": (
        "study/tables.py",
        'f"{row[\'published\']:+.1f}"',
        'f"{row[\'published\']:+.2f}"',
        "study/test_readme.py",
    ),
    "a worked solution taken as the gold": (
        "data/rows.py",
        "    if marked is not None:\n",
        "    if False:\n",
        "data/test_problems.py",
    ),
    "a gold left in its box": (
        "data/rows.py",
        "return _undelimited(boxed)",
        "return text",
        "data/test_problems.py",
    ),
    "half an evaluation is averaged": (
        "analysis/measures.py",
        "if wide.empty or wide.isna().any(axis=None):",
        "if wide.empty:",
        "analysis/test_measures.py",
    ),
    "a cached table outlives its files": (
        "analysis/measures.py",
        "(path, stat.st_size, stat.st_mtime_ns) for",
        "(path,) for",
        "analysis/test_measures.py",
    ),
    "differences that are not paired": (
        "analysis/measures.py",
        "minus(frame, second[seed]) for seed, frame",
        "minus(frame, next(iter(second.values()))) for seed, frame",
        "analysis/test_measures.py",
    ),
    "problems of one kind counted as independent": (
        "analysis/intervals.py",
        "error = by_seed + by_kind",
        "error = by_seed + 1e-12 * by_kind",
        "analysis/test_intervals.py",
    ),
    "the numbers of another evaluation of the run": (
        "analysis/measures.py",
        "run = Run(folder, config)",
        "run = Run(folder)",
        "analysis/test_measures.py",
    ),
    "a benchmark that is taken for an arm": (
        "study/tables.py",
        """frame.rename(index=LABELS, level="arm") if "arm" in frame.index.names else frame""",
        "frame.rename(index=LABELS)",
        "study/test_tables.py",
    ),
    "a figure is not shown in the notebook": (
        "study/figures.py",
        "if get_ipython():",
        "if False:",
        "study/test_kernels.py",
    ),
    "figures follow the reader's matplotlibrc": (
        "study/figures.py",
        "matplotlib.rcdefaults()",
        "matplotlib.rcParams",
        "study/test_kernels.py",
    ),
    "max_steps cannot exceed the profile's": (
        "study/study.py",
        "steps=max_steps)",
        "steps=min(config.steps, max_steps))",
        "study/test_study.py",
    ),
    "gains on other subjects than an unknown one": (
        "analysis/claims.py",
        'lacking = "" if own_subject else',
        'lacking = "" if True else',
        "analysis/test_claims.py",
    ),
    "the commit of a surrounding repository": (
        "records/provenance.py",
        'git("ls-files", "--error-unmatch", "--", str(here))',
        "pass",
        "test_mains.py",
    ),
    "the output matrix is adapted too": (
        "models/adapters.py",
        " and module is not output}",
        "}",
        "training/test_adapters.py",
    ),
    "full weights are trained where an adapter was asked for": (
        "training/setup.py",
        "peft_config=adapter_settings(model, config))",
        "peft_config=None)",
        "training/test_adapters.py",
    ),
    "a kept policy without its adapter": (
        "models/adapters.py",
        ".merge_and_unload()",
        ".unload()",
        "training/test_adapters.py",
    ),
    "merging draws from the training's random numbers": (
        "models/adapters.py",
        "with torch.random.fork_rng():",
        "if True:",
        "training/test_adapters.py",
    ),
    "frozen weights drift when the adapter is merged for vLLM": (
        "models/adapters.py",
        "layer.weight.data.copy_(weight)",
        "pass",
        "training/test_adapters.py",
    ),
    "a checkpoint of another adapter": (
        "models/files.py",
        "expected = adapter or {",
        "expected = shapes if adapter else {",
        "training/test_adapters.py",
    ),
    "the plan counts a reference model beside an adapter": (
        "scale/costs.py",
        "1 + (self.referenced and not self.adapter)",
        "1 + self.referenced",
        "scale/test_plan.py",
    ),
    "an empty list of targets renames every run": (
        "recipe/config.py",
        "list(value) if isinstance(value, tuple) else value",
        "value",
        "recipe/test_config.py",
    ),
    "activation checkpointing with shared prompts": (
        "training/setup.py",
        "activation_checkpointing=not on_cpu and not config.share_prompts",
        "activation_checkpointing=not on_cpu",
        "training/test_environment.py",
    ),
    "no beginning-of-text token where the tokenizer would add it": (
        "data/prompts.py",
        "return start + prompt",
        "return prompt",
        "training/test_preview.py",
    ),
    "train_template is ignored": (
        "training/examples.py",
        "training_prompt(tokenizer, example.question, config.train_template)",
        "training_prompt(tokenizer, example.question)",
        "training/test_preview.py",
    ),
    "the preview shows an evaluation's stop tokens for rollouts": (
        "training/preview.py",
        "_named(tokenizer, own_stops(settings))",
        "_named(tokenizer, evaluation_stops(settings, tokenizer))",
        "training/test_preview.py",
    ),
    "trackers count updates instead of rollout steps": (
        "training/trackers.py",
        'at_step.global_step = row["step"]',
        "pass",
        "training/test_trackers.py",
    ),
    "a tracker that fails ends the run": (
        "training/trackers.py",
        "del self.callbacks[name]",
        "raise",
        "training/test_trackers.py",
    ),
    "a tracker changes a run's name": (
        "recipe/identity.py",
        'DISPLAY_FIELDS = ("report_to", "arms")',
        "DISPLAY_FIELDS = ()",
        "training/test_trackers.py",
    ),
    "a missing tracker is noticed late": (
        "training/setup.py",
        "check_trackers(config.report_to)",
        "pass",
        "training/test_trackers.py",
    ),
}


def passes(tests: str, folder: Path) -> bool:
    """Do these tests pass in a copy of the package and its tests?"""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-m", "", f"tests/{tests}"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    if done.returncode not in (0, 1):
        sys.exit(f"{tests}: did not run:\n{done.stdout[-2000:]}")
    return done.returncode == 0


def survives(name: str, folder: Path) -> bool:
    """Does the mistake go unnoticed?"""
    file, right, wrong, tests = MUTATIONS[name]
    path = folder / "rlvr_utils" / file
    text = path.read_text(encoding="utf-8")
    if text.count(right) != 1:
        sys.exit(f"{name}: {right!r} stands {text.count(right)} times in {file}; mend the mutation")
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    try:
        return passes(tests, folder)
    finally:
        path.write_text(text, encoding="utf-8")


def main() -> int:
    """Plant every mistake, or those whose names contain a word of the command line."""
    names = [name for name in MUTATIONS if not sys.argv[1:] or any(word in name for word in sys.argv[1:])]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for part in ("rlvr_utils", "tests", "launch", "docs", "notebooks"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        for pattern in ("Makefile", "README.md", "*.yml", "*.toml", "requirements*"):
            for path in ROOT.glob(pattern):
                shutil.copy(path, folder)
        (folder / "results").symlink_to(ROOT / "results")
        for tests in dict.fromkeys(MUTATIONS[name][3] for name in names):
            if not passes(tests, folder):
                sys.exit(f"tests/{tests}: fail without any mistake; mend them first")
        unnoticed = []
        for name in names:
            verdict = "UNNOTICED" if survives(name, folder) else "noticed"
            unnoticed += [name] if verdict == "UNNOTICED" else []
            print(f"{verdict:10s} {name}", flush=True)
    print(f"{len(names) - len(unnoticed)} of {len(names)} planted mistakes noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
