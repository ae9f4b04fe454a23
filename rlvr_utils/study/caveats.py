"""What a notebook's results do not show, for each profile: `profiles/<profile>.caveats.json`."""
from __future__ import annotations

import json

from rlvr_utils.recipe.config import FOLDER
from rlvr_utils.study.study import Study


def caveat(study: Study, notebook: str):
    """Markdown for the end of the notebook with this number: what was run, and the profile's caveats."""
    from IPython.display import Markdown

    config = study.config
    seeds = "one seed, so without intervals" if len(study.seeds) == 1 else f"{len(study.seeds)} seeds"
    model = config.model.rsplit("/", 1)[-1] if "model" in study.overrides else config.model.removeprefix("package:")
    ran = f"What was run: profile {config.profile}, model {model}, up to {config.steps:,} rollout steps, {seeds}."
    file = FOLDER / f"{config.profile}.caveats.json"
    applies = file.exists() and not study.overrides.keys() & {"model", "train_file", "eval_files"}
    own = json.loads(file.read_text(encoding="utf-8")).get(notebook, "") if applies else ""
    return Markdown(f"{ran} {own}".strip())
