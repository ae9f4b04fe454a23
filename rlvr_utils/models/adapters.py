"""LoRA (Hu et al. 2021, arXiv 2106.09685): the weights W are frozen, and an adapter of two small matrices is trained
beside each: W + lora_alpha / lora_rank * B A. Every policy that is kept has its adapter merged."""
from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

from rlvr_utils.errors import UserError, shown
from rlvr_utils.models.loading import load_policy, readable_as_umask_says
from rlvr_utils.recipe.config import RunConfig


def adapted_modules(model, targets: tuple[str, ...]) -> dict:
    """The linear layers that get an adapter, by name: those whose names end in one of `targets`, or all if there are no
    targets. The output matrix is never adapted. Raises `UserError` for a target that matches no such layer."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    output = model.get_output_embeddings()
    linear = {name: module for name, module in model.named_modules()
              if isinstance(module, (nn.Linear, Conv1D)) and module is not output}
    for target in targets:
        if not any(f".{name}".endswith(f".{target}") for name in linear):
            endings = dict.fromkeys(name.rpartition(".")[2] for name in linear)
            raise UserError(f"field 'lora_targets': {shown(target)} is not a linear layer of this "
                            f"{model.config.model_type} model that can be adapted; choose from: {', '.join(endings)}")
    return {name: module for name, module in linear.items()
            if not targets or any(f".{name}".endswith(f".{target}") for target in targets)}


def adapter_shapes(model, config: RunConfig) -> dict[str, tuple[int, int]]:
    """The shapes of the run's adapter matrices, by the names under which peft stores them; empty without an adapter.
    Raises `UserError` as `adapted_modules` does."""
    from transformers.pytorch_utils import Conv1D

    shapes = {}
    for name, module in adapted_modules(model, config.lora_targets).items() if config.lora_rank else ():
        outputs, inputs = reversed(module.weight.shape) if isinstance(module, Conv1D) else module.weight.shape
        if config.lora_rank > (most := min(outputs, inputs)):
            raise UserError(f"lora_rank={config.lora_rank}: layer {name} has {outputs} x {inputs} weights, so a rank "
                            f"above {most} adds nothing; lower it, or leave that layer out of lora_targets")
        shapes[f"base_model.model.{name}.lora_A.weight"] = (config.lora_rank, inputs)
        shapes[f"base_model.model.{name}.lora_B.weight"] = (outputs, config.lora_rank)
    return shapes


def check_layout(config: RunConfig, layout: str) -> None:
    """Raise `UserError` for an adapter of a model that is not whole on its device."""
    if config.lora_rank and layout != "replicated":
        raise UserError(f"lora_rank={config.lora_rank}: an adapter is not trained with a sharded or offloaded model; "
                        "launch with launch/one-gpu.yaml or launch/eight-gpus-ddp.yaml, or set lora_rank to 0")


def adapter_settings(model, config: RunConfig):
    """peft's configuration of the run's adapter (`LoraConfig`); None without an adapter."""
    if not config.lora_rank:
        return None
    from peft import LoraConfig

    return LoraConfig(task_type="CAUSAL_LM", r=config.lora_rank, lora_alpha=config.lora_alpha, lora_dropout=0.0,
                      target_modules=list(adapted_modules(model, config.lora_targets)))


def without_wrapper(model):
    """The model with its adapter, but without peft's wrapper, which hides the signature of the model's `forward`."""
    from accelerate.utils import is_peft_model

    return model.get_base_model() if is_peft_model(model) else model


@contextmanager
def base_restored(model):
    """Restore the frozen weights exactly after the block. To send weights to vLLM, TRL merges the adapter in place and
    then subtracts it again, which rounds: in bfloat16 the frozen weights would drift with every step."""
    layers = [module.base_layer for module in model.modules() if hasattr(module, "base_layer")]
    before = [layer.weight.detach().to("cpu", copy=True) for layer in layers]
    yield
    for layer, weight in zip(layers, before):
        layer.weight.data.copy_(weight)


def merge_policy(source: str, adapter: Path, target: Path, dtype: str) -> None:
    """Merge peft's folder `adapter` into the model `source` and save the result as a Hugging Face folder with weights
    of `dtype`. The sum is computed in float32 and rounded once. The caller's random state does not change."""
    import torch
    from peft import PeftModel

    model, tokenizer = load_policy(source, "float32", "cpu")
    with torch.random.fork_rng():  # peft initialises an adapter before it loads one
        merged = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    merged.to(getattr(torch, dtype)).save_pretrained(target)
    readable_as_umask_says(target)
    tokenizer.save_pretrained(target)
