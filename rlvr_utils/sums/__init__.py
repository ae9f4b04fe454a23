"""Sums of one digit and of two: what a small pretrained model, SmolLM2-135M-Instruct, gains from one of them."""
