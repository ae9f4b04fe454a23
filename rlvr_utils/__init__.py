"""One-shot RLVR, reproducible: the thin package behind the numbered notebooks."""
import warnings

__version__ = "0.1.0"
# This package reports progress as plain lines, so tqdm's warning about missing notebook widgets is noise.
warnings.filterwarnings("ignore", message="IProgress not found")
