"""One-shot RLVR, reproducible: the thin package behind the numbered notebooks."""
import warnings

# In a notebook progress is reported in plain lines, so tqdm's warning about missing widgets is noise.
warnings.filterwarnings("ignore", message="IProgress not found")
