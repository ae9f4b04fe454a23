"""What a notebook's results do not show, by the profile that was run."""
from __future__ import annotations

from rlvr_utils.study import Study

CAVEATS = {
    "pocket": {
        "00": "The pocket profile is a model organism: 1.1 million parameters, trained in this repository on a small "
              "procedural world whose corpus mixes six registers of solutions. That mixture is built in; what "
              "reinforcement does with it is not. It shows the mechanism at work and cannot tell how large the effect "
              "is for a real model.",
        "02": "The test problems of the pocket world come from the same generators as its corpus, with other numbers; "
              "a real benchmark is further from what a model has read. The careful register existed before training: "
              "what one example taught is to use it everywhere, and a model without it would gain nothing.",
        "03": "The pocket model is an organism with habits of its own. If the rise is missing above, that is a finding "
              "about this organism and is kept.",
        "04": "In the pocket world the easy set asks for a group and the challenge set for a property, which takes one "
              "more fact, and the science questions were answered in the same six registers as the mathematics, so the "
              "manner can carry over by construction; what is measured is that it does, and how far. The pocket base "
              "knows the group of nearly every choice, yet picks the letter hardly better than chance even when it "
              "works carefully (see its model card), so a gain on these sets is a gain in form, and one in four is "
              "about its ceiling.",
        "05": "The paper's run is thirty times longer in steps, or more. At this scale \"late\" means the last part of "
              "a short run, and over-fitting of the kind in Figure 3 may simply lie beyond its end. The corpus of the "
              "pocket world contains a register with a second try, so reflection here is a habit that training may "
              "keep or drop, not one that it has to invent.",
    },
}


def caveat(study: Study, notebook: str):
    """Markdown for the end of a notebook, named by its number: what ran, and what is peculiar to it."""
    from IPython.display import Markdown

    config = study.config
    seeds = "one seed, so without intervals" if len(study.seeds) == 1 else f"{len(study.seeds)} seeds"
    model = config.model.rsplit("/", 1)[-1] if "model" in study.brought else config.model.removeprefix("package:")
    ran = f"What was run: profile {config.profile}, model {model}, up to {config.steps:,} rollout steps, {seeds}."
    own = "" if study.brought.keys() & {"model", "train_file", "eval_files"} else CAVEATS.get(config.profile, {}).get(
        notebook, "")
    return Markdown(f"{ran} {own}".strip())
