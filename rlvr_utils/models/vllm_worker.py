"""An extension of vLLM's worker, in the process that vLLM starts for it."""
from __future__ import annotations


class NewWeights:
    """Mixed into vLLM's worker by its name (`worker_extension_cls`)."""

    def take_policy(self, folder: str) -> None:
        """Generate with the weights in a Hugging Face folder from now on. vLLM 0.30 reloads every layer except a head
        tied to the embeddings, which the build for CPUs keeps in a repacked copy: it is repacked here."""
        self.reload_weights(weights_path=folder)
        head = getattr(self.get_model(), "lm_head", None)
        if hasattr(head, "cpu_linear"):
            head.quant_method.process_weights_after_loading(head)
