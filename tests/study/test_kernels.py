"""The notebooks in real kernels: run twice in one, changed and run again, mistyped, in odd environments."""
from __future__ import annotations

import copy

import nbclient
import nbformat
import papermill
import pytest
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from test_notebook_profiles import fabricate

from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import load_profile
from rlvr_utils.study.reproduce import NOTEBOOKS

OVERVIEW = NOTEBOOKS / "00_overview.ipynb"


@pytest.fixture
def odd_environment(tmp_path, monkeypatch):
    """A backend that shows nothing, LaTeX for every text, a variable of IPython's startup, ASCII output."""
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("favourite = 3\n")
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 40\n")
    for name, value in (("IPYTHONDIR", tmp_path / "ipython"), ("MATPLOTLIBRC", tmp_path / "matplotlibrc"),
                        ("MPLBACKEND", "agg"), ("PYTHONIOENCODING", "ascii")):
        monkeypatch.setenv(name, str(value))


def shown(cells: list) -> list:
    """What the cells print and show, pictures included; a kernel may send the lines of a cell in several pieces."""
    return [("".join(output.get("text", "") for output in cell.outputs),
             [output.data for output in cell.outputs if "data" in output])
            for cell in cells if cell.cell_type == "code"]


@pytest.mark.slow
def test_run_twice_in_one_kernel_and_again_after_a_change_with_pictures(tmp_path, odd_environment):
    for arm in ("base", "one-shot"):
        for seed in (0, 1):
            fabricate(with_arm(load_profile("pocket"), arm, seed), tmp_path)
    plain = load_notebook_node(str(OVERVIEW))
    injected = {"seeds": [0, 1], "results_dir": str(tmp_path), "arms": "one-shot"}
    once = parameterize_notebook(copy.deepcopy(plain), injected)
    changed = copy.deepcopy(plain.cells)
    cell = next(cell for cell in changed if "parameters" in cell.metadata.get("tags", []))
    cell.source += f"\nseeds = [1]\nresults_dir = {str(tmp_path)!r}\nmine = 3"
    passes = [once.cells, copy.deepcopy(once.cells), changed]
    whole = nbformat.v4.new_notebook()
    whole.cells = [cell for cells in passes for cell in cells]
    for number, cell in enumerate(whole.cells):
        cell.id = str(number)
    nbclient.NotebookClient(whole, timeout=300, kernel_name="python3").execute()
    outputs = [output for cell in whole.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    size = len(once.cells)
    assert shown(whole.cells[:size]) == shown(whole.cells[size:2 * size])
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3
    described = [text for text, _ in shown(whole.cells) if "this notebook: " in text]
    assert ["seeds 0, 1, " in text for text in described] == [True, True, False] and "seeds 1, " in described[2]


@pytest.mark.slow
@pytest.mark.parametrize("notebook", ["00", "03"])
def test_a_mistyped_parameter_is_an_error_of_papermill(tmp_path, notebook):
    path = next(NOTEBOOKS.glob(f"{notebook}_*.ipynb"))
    with pytest.raises(papermill.PapermillExecutionError, match="UserError: parameter 'max_stepps' does not exist"):
        papermill.execute_notebook(str(path), str(tmp_path / "out.ipynb"), {"max_stepps": 3, "seeds": [0]},
                                   progress_bar=False)
