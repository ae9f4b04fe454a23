"""The shortcut for repeated prompts gives the gradients of the plain forward pass."""
import pytest
import torch
from transformers import AutoModelForCausalLM

from rlvr_utils.sampling.shared_prompt import token_log_probs


def plain(model, input_ids, attention_mask, keep, temperature):
    positions = (attention_mask.cumsum(-1) - 1).clamp(min=0)
    logits = model(input_ids=input_ids, attention_mask=attention_mask, position_ids=positions).logits
    log_probs = torch.log_softmax(logits[:, -keep - 1:-1].float() / temperature, dim=-1)
    chosen = log_probs.gather(-1, input_ids[:, -keep:].unsqueeze(-1)).squeeze(-1)
    return chosen, -(log_probs.exp() * log_probs).sum(-1)


def ragged_batch(prompt_lengths, response_lengths, seed=0):
    """Left-padded prompts, repeated twice each, right-padded responses."""
    generator = torch.Generator().manual_seed(seed)
    width, keep = max(prompt_lengths), max(response_lengths)
    rows, masks = [], []
    for row, size in enumerate(response_lengths):
        prompt = prompt_lengths[row % len(prompt_lengths)]
        prompt_generator = torch.Generator().manual_seed(row % len(prompt_lengths))
        words = torch.randint(5, 300, (prompt,), generator=prompt_generator)
        answer = torch.randint(5, 300, (size,), generator=generator)
        rows.append(torch.cat([torch.zeros(width - prompt, dtype=torch.long), words, answer,
                               torch.zeros(keep - size, dtype=torch.long)]))
        masks.append(torch.cat([torch.zeros(width - prompt), torch.ones(prompt + size),
                                torch.zeros(keep - size)]).long())
    return torch.stack(rows), torch.stack(masks), keep


@pytest.mark.parametrize("prompts, responses", [([9], [4, 7, 1, 5]), ([9, 5, 7], [3, 8, 2, 6, 1, 4]), ([6], [1, 1])])
def test_gradients_are_those_of_the_plain_pass(tiny_model, prompts, responses):
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float64)
    ids, mask, keep = ragged_batch(prompts, responses)
    real = mask[:, -keep:].bool()
    results = []
    for function in (plain, token_log_probs):
        model.zero_grad()
        log_probs, entropies = function(model, ids, mask, keep, 0.6)
        (log_probs[real].mean() - 0.1 * entropies[real].mean()).backward()
        gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
        results.append((log_probs[real].detach(), entropies[real].detach(), gradient))
    for ours, theirs in zip(results[1], results[0]):
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-6 * theirs.abs().max().item())


def test_in_float32_loss_and_gradients_agree_to_a_millionth(tiny_model):
    """Of the largest gradient; what is left is rounding."""
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    ids, mask, keep = ragged_batch([9], [3, 8, 2, 6, 1, 4, 12, 5] * 5)
    results = []
    for function in (plain, token_log_probs):
        model.zero_grad()
        log_probs, entropies = function(model, ids, mask, keep, 0.6)
        loss = ((log_probs - 0.001 * entropies) * mask[:, -keep:]).sum() / mask[:, -keep:].sum()
        loss.backward()
        results.append((loss.item(), torch.cat([p.grad.flatten() for p in model.parameters()])))
    (loss, gradient), (other, other_gradient) = results
    assert loss == pytest.approx(other, rel=1e-6)
    assert torch.allclose(gradient, other_gradient, rtol=0, atol=1e-6 * gradient.abs().max().item())
