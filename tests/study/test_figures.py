"""The look of figures: colours that stand out, arms that differ without colour, labels that do not overlap."""
from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib.colors import to_rgb

from rlvr_utils.analysis.intervals import Interval
from rlvr_utils.recipe.arms import ARMS
from rlvr_utils.study.drawings import STYLE_LOOKS
from rlvr_utils.study.figures import LOOKS, draw_bars, new_figure, plain, save_figure, spread_out
from rlvr_utils.study.study import open_study


def contrast(colour: str) -> float:
    """With white, as WCAG 2 defines it."""
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return 1.05 / (0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05)


@pytest.mark.parametrize("looks", [LOOKS, STYLE_LOOKS], ids=["arms", "styles"])
def test_colours_stand_out_and_arms_differ_without_them(looks):
    assert min(contrast(look.colour) for look in looks.values()) >= 3
    assert len({(str(look.line), look.marker) for look in looks.values()}) == len(looks)


def test_every_arm_has_a_look():
    assert LOOKS.keys() == ARMS.keys()


@pytest.mark.parametrize("places", [[0.5, 0.5, 0.5], [0.0, 0.01, 0.9, 0.95, 1.0], [0.2, 0.8], []])
def test_labels_keep_their_distance_and_stay_beside_the_panel(places):
    moved = spread_out(places, 0.1)
    assert all(after - before >= 0.1 - 1e-9 for before, after in zip(moved, moved[1:]))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in moved) and len(moved) == len(places)
    assert spread_out([0.2, 0.8], 0.1) == [0.2, 0.8]


def test_a_figure_is_saved_as_picture_and_as_vectors_with_its_words(tmp_path):
    study = replace(open_study("pocket"), results=tmp_path)
    fig, (ax,) = new_figure(1)
    draw_bars(ax, {"base": Interval(0.4, 0.3, 0.5, 3)}, "accuracy, %", {"base": 36.0})
    assert ax.get_xlim()[0] == 0 and any(patch.get_hatch() for patch in ax.patches)
    path = save_figure(fig, study, "one", "**What we see.** With $\\{\\pi_1\\}$ it rises.")
    assert path.stat().st_size > 2000
    assert "What we see. With {pi_1} it rises." in path.with_suffix(".svg").read_text(encoding="utf-8")


def test_words_for_those_who_cannot_see_hold_no_markup():
    assert plain("**What** $\\{\\pi_1\\}$ `is`") == "What {pi_1} is"
