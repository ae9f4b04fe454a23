"""LoRA (Hu et al. 2021, arXiv 2106.09685): an adapter, two small matrices beside every frozen one, is trained in
place of the weights, W + lora_alpha / lora_rank * B A, and merged into them wherever a policy is kept."""
from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

from rlvr_utils.errors import UserError, listed, shown
from rlvr_utils.models.loading import load_policy, readable_as_umask_says
from rlvr_utils.recipe.config import RunConfig


def adapted_modules(model, targets: tuple[str, ...]) -> dict:
    """The linear layers that get an adapter, by name: those whose names end in one of `targets`, or without
    targets all but the output matrix, which is never adapted. Raises `UserError` for a target that is none."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    output = model.get_output_embeddings()
    linear = {name: module for name, module in model.named_modules()
              if isinstance(module, (nn.Linear, Conv1D)) and module is not output}
    for target in targets:
        if not any(f".{name}".endswith(f".{target}") for name in linear):
            endings = dict.fromkeys(name.rpartition(".")[2] for name in linear)
            raise UserError(f"lora_targets: {shown(target)} is no linear layer of this {model.config.model_type} model "
                            f"that can be adapted; it has: {listed(endings)}")
    return {name: module for name, module in linear.items()
            if not targets or any(f".{name}".endswith(f".{target}") for target in targets)}


def adapter_shapes(model, config: RunConfig) -> dict[str, tuple[int, int]]:
    """The name and shape of every matrix of the run's adapter, as peft stores them; none where the weights
    themselves are trained. Raises as `adapted_modules`."""
    from transformers.pytorch_utils import Conv1D

    shapes = {}
    for name, module in adapted_modules(model, config.lora_targets).items() if config.lora_rank else ():
        outputs, inputs = reversed(module.weight.shape) if isinstance(module, Conv1D) else module.weight.shape
        shapes[f"base_model.model.{name}.lora_A.weight"] = (config.lora_rank, inputs)
        shapes[f"base_model.model.{name}.lora_B.weight"] = (outputs, config.lora_rank)
    return shapes


def adapter_settings(model, config: RunConfig):
    """peft's settings of the run's adapter, None where the weights themselves are trained."""
    if not config.lora_rank:
        return None
    from peft import LoraConfig

    return LoraConfig(task_type="CAUSAL_LM", r=config.lora_rank, lora_alpha=config.lora_alpha, lora_dropout=0.0,
                      target_modules=list(adapted_modules(model, config.lora_targets)))


def without_wrapper(model):
    """The model with its adapter in place, but without the class that peft puts around it, whose `forward` takes
    anything and says nothing about the model's own."""
    from accelerate.utils import is_peft_model

    return model.get_base_model() if is_peft_model(model) else model


@contextmanager
def base_restored(model):
    """Give the base weights their own bits back at the end. For vLLM, TRL merges an adapter into them and takes
    it out again, which rounds: in bfloat16 the base would wander off, step by step."""
    layers = [module.base_layer for module in model.modules() if hasattr(module, "base_layer")]
    before = [layer.weight.detach().to("cpu", copy=True) for layer in layers]
    yield
    for layer, weight in zip(layers, before):
        layer.weight.data.copy_(weight)


def merge_policy(source: str, adapter: Path, target: Path, dtype: str) -> None:
    """Write the model `source` with peft's folder `adapter` merged into it, as a Hugging Face folder with weights
    of `dtype`; it is added up in float32 and rounded once. No random number is drawn from the caller's generator."""
    import torch
    from peft import PeftModel

    model, tokenizer = load_policy(source, "float32", "cpu")
    with torch.random.fork_rng():  # peft draws an adapter before it reads one
        merged = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    merged.to(getattr(torch, dtype)).save_pretrained(target)
    readable_as_umask_says(target)
    tokenizer.save_pretrained(target)
