"""One-shot RLVR, reproducible: the thin package behind the numbered notebooks."""

__version__ = "0.1.0"
