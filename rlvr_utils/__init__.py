"""One-shot RLVR, reproducible: the thin package behind the numbered notebooks."""
import warnings

__version__ = "0.1.0"
# Progress is told in plain lines here; tqdm's notebook widgets, whose absence it warns of, are not wanted.
warnings.filterwarnings("ignore", message="IProgress not found")
