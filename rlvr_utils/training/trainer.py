"""The trainer: TRL's GRPOTrainer with the authors' objective, weight decay and learning-rate schedule."""
from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path

import torch
from transformers import PrinterCallback
from trl import GRPOTrainer

from rlvr_utils.errors import UserError
from rlvr_utils.models.adapters import base_restored, merge_policy, without_wrapper
from rlvr_utils.models.engines import VllmRollouts
from rlvr_utils.models.loading import copy_policy, readable_as_umask_says
from rlvr_utils.recipe.config import RunConfig, local_path
from rlvr_utils.records.run import kept_policy
from rlvr_utils.sampling.rollouts import sample
from rlvr_utils.sampling.shared_prompt import token_log_probs
from rlvr_utils.training.micro_batches import token_micro_batches
from rlvr_utils.training.objective import engine_ratios, group_advantages, sequence_weights, token_terms, weighted_sum


@contextmanager
def _unsharded():
    """Models loaded inside are not sharded. Under ZeRO-3 transformers would shard them over processes that do not load
    them, and wait for those forever."""
    from transformers.integrations import deepspeed

    held = deepspeed._hf_deepspeed_config_weak_ref
    deepspeed.unset_hf_deepspeed_config()
    try:
        yield
    finally:
        deepspeed._hf_deepspeed_config_weak_ref = held


def _rows(inputs: dict, chosen: torch.Tensor) -> dict:
    """The chosen sequences of a micro-batch: every tensor with one entry per sequence is indexed."""
    return {name: value[chosen] if isinstance(value, torch.Tensor) and value.shape[:1] == chosen.shape else value
            for name, value in inputs.items()}


class OneShotTrainer(GRPOTrainer):
    """GRPOTrainer as the authors train. `timed` is the recorder's clock, `stops` the token ids that end a rollout."""

    def __init__(self, config: RunConfig, stops: set[int], timed, **kwargs):
        self.run_config, self.stops, self.timed = config, stops, timed
        super().__init__(**kwargs)
        self.remove_callback(PrinterCallback)
        beside = config.engine == "vllm" and not self.use_vllm  # on a CPU
        self.engine = VllmRollouts(config, stops, self.model, self.processing_class) if beside else None

    def _generate_single_turn(self, prompt_ids, *args, **kwargs):
        with self.timed("rollouts"):
            if self.use_vllm:
                with base_restored(self.model):
                    return super()._generate_single_turn(prompt_ids, *args, **kwargs)
            if self.engine:
                self.engine.load(self.model)
                return self.engine.sample(prompt_ids)
            model = self._policy(self.model_wrapped)
            model.eval()
            responses = sample(model, prompt_ids, self.run_config.max_response_tokens, self.temperature, self.stops,
                               share=self.run_config.shortcuts)
            model.train()
        return responses, None

    def _policy(self, model):
        """The model without the wrappers of a launcher (torchrun wraps a single process too) and of peft."""
        return without_wrapper(self.accelerator.unwrap_model(model))

    def _tokenize_prompts(self, prompts: list[str]):
        """Tokenize the templated text unchanged: TRL would add a second beginning-of-text token."""
        return self.processing_class(text=prompts, add_special_tokens=False)["input_ids"], None, {}

    def _calculate_rewards(self, *args):
        with self.timed("rewards"):
            return super()._calculate_rewards(*args)

    def _generate_and_score_completions(self, inputs):
        batch = super()._generate_and_score_completions(inputs)
        scores = batch["advantages"]  # unscaled: the reward minus its group's mean
        if self.run_config.kl_in_reward:
            scores = scores - self.run_config.kl_in_reward * self._summed_log_ratio(batch)
        batch["advantages"] = group_advantages(scores, self.num_generations)
        return batch

    def _summed_log_ratio(self, batch) -> torch.Tensor:
        """log policy - log reference of each response, [sequences]. The released code subtracts it from the reward
        when the KL loss is off."""
        log_probs = batch.get("old_per_token_logps")
        if log_probs is None:
            with torch.no_grad():
                log_probs, _ = self._log_probs(self.model, batch, self.args.per_device_train_batch_size)
        return ((log_probs - batch["ref_per_token_logps"]) * batch["completion_mask"]).sum(-1)

    def _prepare_inputs(self, generation_batch):
        before = self._buffered_inputs
        with self.timed("preparation"):
            inputs = super()._prepare_inputs(generation_batch)
        if self._buffered_inputs is not before:
            update = self.args.gradient_accumulation_steps
            for start in range(0, len(self._buffered_inputs), update):
                self._set_loss_weights(self._buffered_inputs[start:start + update])
        return inputs

    def _set_loss_weights(self, chunks: list[dict]) -> None:
        """Give every sequence of one update its loss weight, independent of the chunks in which the loss is computed,
        and mark the sequences that do not affect the loss. As in the released code, all processes use the same number
        of micro-batches."""
        responses = torch.cat([chunk["completion_mask"].sum(-1) for chunk in chunks])
        lengths = (responses + torch.cat([chunk["prompt_mask"].sum(-1) for chunk in chunks])).tolist()
        budget = self.run_config.micro_batch_tokens
        parts = token_micro_batches(lengths, budget)
        counts = torch.tensor([[len(parts), int(responses.sum())]], device=responses.device)
        counts = self.accelerator.gather(counts)  # of every process
        most, tokens = int(counts[:, 0].max()), int(counts[:, 1].sum())
        parts = parts if len(parts) == most else token_micro_batches(lengths, budget, most)
        weights = torch.tensor(sequence_weights(responses.tolist(), parts), device=responses.device)
        for chunk, part in zip(chunks, weights.split([len(chunk["advantages"]) for chunk in chunks])):
            chunk["weights"] = part
            chunk["idle"] = self._idle(chunk)
        whole = not any(chunk["idle"].any() for chunk in chunks)
        for chunk in chunks:
            chunk["whole"], chunk["tokens"] = whole, tokens

    def _idle(self, chunk: dict) -> torch.Tensor:
        """Which sequences cannot change the weights, [sequences]: those with advantage 0, if neither entropy nor KL is
        in the loss. With several processes none, since all must run the model."""
        config = self.run_config
        needed = (not config.shortcuts or config.kl_coef or config.entropy_coef * config.entropy_scale
                  or self.accelerator.num_processes > 1)
        idle = chunk["advantages"] == 0 if config.policy_loss else torch.ones_like(chunk["advantages"], dtype=bool)
        return torch.zeros_like(idle) if needed else idle

    def _log_probs(self, model, inputs, batch_size=None):
        """(log-probabilities, entropies) of the responses, [sequences, tokens]."""
        ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
        mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
        return self._get_per_token_logps_and_entropies(model, ids, mask, inputs["completion_ids"].size(1), batch_size,
                                                       compute_entropy=True)[:2]

    def _compute_loss(self, model, inputs):
        config, reference = self.run_config, inputs.get("ref_per_token_logps")
        if inputs["idle"].all():
            for name in ("policy_loss", "clip_ratio/region_mean", *["kl"] * (reference is not None)):
                self._metrics["train"][name].append(0.0)
            # A zero gradient, so that the optimizer still applies weight decay and momentum.
            return 0.0 * sum(parameter.sum() for parameter in model.parameters() if parameter.requires_grad)
        if inputs["idle"].any():
            inputs = _rows(inputs, ~inputs["idle"])
        mask, weights = inputs["completion_mask"], inputs["weights"]
        log_probs, entropies = self._log_probs(model, inputs)
        terms = token_terms(log_probs, entropies, inputs["advantages"], inputs.get("old_per_token_logps"),
                            reference, config.clip_ratio)
        policy_terms, distance = terms.policy, None
        if (drawn := inputs.get("sampling_per_token_logps")) is not None:  # of vLLM
            old = inputs.get("old_per_token_logps", log_probs.detach())
            distance = torch.nan_to_num(old - drawn, nan=0.0).abs()
            if config.engine_ratio_cap:
                policy_terms = policy_terms * engine_ratios(old, drawn, config.engine_ratio_cap)
        policy = weighted_sum(policy_terms, weights, mask)
        loss = config.policy_loss * policy
        loss = loss - config.entropy_coef * config.entropy_scale * weighted_sum(terms.entropy, weights, mask)
        if terms.kl is not None:
            loss = loss + config.kl_coef * weighted_sum(terms.kl, weights, mask)
        self._log_terms(terms, distance, policy, mask, inputs)
        return loss

    def _log_terms(self, terms, distance: torch.Tensor | None, policy: torch.Tensor, mask: torch.Tensor,
                   inputs: dict) -> None:
        """Log the terms of the loss as token means over all processes and the whole update. If part of an update was
        skipped, its entropy and the engine's distance are unknown; the other terms are 0 for what was skipped."""
        whole = inputs["whole"]
        values = {"entropy": terms.entropy if whole else None, "kl": terms.kl,
                  "clip_ratio/region_mean": terms.clipped,
                  "sampling/sampling_logp_difference/mean": distance if whole else None}
        known = {name: value.detach() for name, value in values.items() if value is not None}
        sums = torch.stack([(value * mask).sum() for value in known.values()])
        totals = self.accelerator.reduce(sums, reduction="sum")
        metrics = self._metrics["train"]
        pieces = self.current_gradient_accumulation_steps  # `log` averages over them
        for name, total in zip(known, totals.tolist()):
            metrics[name].append(pieces * total / max(inputs["tokens"], 1))
        metrics["policy_loss"].append(pieces * self.accelerator.reduce(policy.detach(), reduction="mean").item())

    def training_step(self, *args):
        with self.timed("micro_steps"):
            return super().training_step(*args)

    def create_scheduler(self, num_training_steps: int, optimizer=None):
        """A constant learning rate, optionally 0 in the first rollout step, as in the released code."""
        updates = self.run_config.updates_per_rollout if self.run_config.idle_first_step else 0
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer or self.optimizer, lambda update: float(update >= updates))
        return self.lr_scheduler

    def _get_per_token_logps_and_entropies(self, model, input_ids, attention_mask, logits_to_keep, batch_size=None,
                                           compute_entropy=False, **kwargs):
        if not self.run_config.share_prompts:
            return super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, batch_size, compute_entropy, **kwargs)
        model = self._policy(model)
        size = batch_size or len(input_ids)
        with self.accelerator.autocast():
            parts = [token_log_probs(model, input_ids[i:i + size], attention_mask[i:i + size], logits_to_keep,
                                     self.temperature) for i in range(0, len(input_ids), size)]
        log_probs, entropies = (torch.cat(part) for part in zip(*parts))
        return log_probs, entropies if compute_entropy else None, None

    def check_trl_log_probs(self) -> None:
        """Raise `UserError` unless TRL's forward pass gives the model's own log-probabilities, with left padding too:
        TRL computes logits from hidden states itself and passes no positions."""
        model, mode = self.model, self.model.training
        tokens = torch.tensor([[0, 1, 2, 3, 4], [3, 1, 4, 1, 2]], device=model.device)
        mask = torch.tensor([[0, 1, 1, 1, 1], [1, 1, 1, 1, 1]], device=model.device)
        model.eval()
        with torch.no_grad(), self.accelerator.autocast():
            theirs = super()._get_per_token_logps_and_entropies(model, tokens, mask, 2)[0]
            own, _ = token_log_probs(self._policy(model), tokens, mask, 2, self.temperature)
        model.train(mode)
        if (theirs - own).abs().max() > (1e-3 if self.args.bf16 is False else 0.1):
            raise UserError(f"for models of type {model.config.model_type!r}, TRL's forward pass gives other "
                            "log-probabilities than the model's own; set share_prompts to true")

    def get_decay_parameter_names(self, model) -> list[str]:
        """The authors apply weight decay to every parameter, including norms and biases."""
        return [name for name, _ in model.named_parameters()]

    def create_model_card(self, *_, **__) -> None:
        """Checkpoints get no model card."""

    def _save_checkpoint(self, model, trial):
        super()._save_checkpoint(model, trial)
        if self.accelerator.is_main_process:
            readable_as_umask_says(Path(self.args.output_dir))
        step, rest = divmod(self.state.global_step, self.run_config.updates_per_rollout)
        if self.run_config.keep_every and not rest and step % self.run_config.keep_every == 0:
            self._keep(kept_policy(Path(self.args.output_dir).parent, step))
        self.accelerator.wait_for_everyone()  # a checkpoint is complete when every process has written its part

    def _keep(self, folder: Path) -> None:
        """Keep the policy for evaluation, in the precision of evaluations; a sharded policy is gathered, and an adapter
        is merged."""
        raw, fresh = folder.with_suffix(".raw"), folder.with_suffix(".new")
        self.save_model(str(raw))
        config = self.run_config
        if self.accelerator.is_main_process:
            for earlier in (fresh, folder):  # from an interrupted attempt
                shutil.rmtree(earlier, ignore_errors=True)
            with _unsharded():
                if config.lora_rank:
                    merge_policy(local_path(config.model), raw, fresh, config.eval_dtype or config.dtype)
                else:
                    copy_policy(raw, fresh, config.eval_dtype or config.dtype)
            fresh.rename(folder)
            shutil.rmtree(raw)
