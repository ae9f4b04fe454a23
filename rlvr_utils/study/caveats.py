"""What a notebook's results do not show, for each profile: `profiles/<profile>.caveats.json`, or for another profile on
the pocket world that of pocket."""
from __future__ import annotations

import json
from pathlib import Path

from rlvr_utils.recipe.config import FOLDER
from rlvr_utils.study.study import Study


def caveat(study: Study, notebook: str):
    """Markdown for the end of the notebook with this number: what was run, and the profile's caveats."""
    from IPython.display import Markdown

    config = study.config
    seeds = "one seed, so without intervals" if len(study.seeds) == 1 else f"{len(study.seeds)} seeds"
    model = config.model.removeprefix("package:") if config.model.startswith("package:") else Path(config.model).name
    ran = (f"What was run: profile {config.profile}, model {model}, up to {config.steps:,} rollout steps of "
           f"{config.prompts_per_step * config.num_generations:,} rollouts, {seeds}.")
    named = config.profile if (FOLDER / f"{config.profile}.caveats.json").exists() else config.model.split("/")[0]
    file = FOLDER / f"{named.removeprefix('package:')}.caveats.json"
    applies = file.exists() and not study.overrides.keys() & {"model", "train_file", "eval_files"}
    own = json.loads(file.read_text(encoding="utf-8")).get(notebook, "") if applies else ""
    return Markdown(f"{ran} {own}".strip())
