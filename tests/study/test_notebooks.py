"""The committed notebooks: executed in order, readable, without traces of a machine."""
import ast
import json
import re

import papermill
import pytest
from conftest import ROOT, line_of

from rlvr_utils.errors import UserError
from rlvr_utils.recipe.arms import ARMS
from rlvr_utils.study.reproduce import chosen_notebooks, declared_arms, parameters
from rlvr_utils.study.study import PARAMETERS, open_study

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def code_cells(path):
    cells = json.loads(path.read_text())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def test_there_are_six_numbered_notebooks():
    assert [path.name[:2] for path in NOTEBOOKS] == ["00", "01", "02", "03", "04", "05"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_executed_top_to_bottom_with_pictures_and_without_errors(path):
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"]
    assert any("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_are_short_and_hold_no_absolute_path(path):
    assert max(len("".join(cell["source"]).splitlines()) for cell in code_cells(path)) <= 20
    text = path.read_text()
    assert str(ROOT) not in text and "site-packages" not in text
    assert not re.search(r"[\"' (]/(home|Users|opt|mnt|var)/", text)
    assert json.loads(text)["metadata"]["kernelspec"]["name"] == "python3"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_parameters_cell_holds_the_common_parameters_as_literals(path):
    tagged = [cell for cell in code_cells(path) if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1
    names = [node.targets[0].id for node in ast.parse("".join(tagged[0]["source"])).body]
    assert tuple(names) == tuple(papermill.inspect_notebook(path)) == PARAMETERS  # a comment with `=` hides one
    assert set(declared_arms(path)) <= set(ARMS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_cell_after_the_parameters_refuses_what_was_mistyped(path):
    parameters, guard = code_cells(path)[:2]
    assert "parameters" in parameters["metadata"]["tags"]
    assert "".join(guard["source"]).splitlines()[2].startswith("refuse_unknown_parameters()")


def test_a_notebook_is_given_the_file_of_a_profile_and_not_its_name(tmp_path):
    """The package has no profile of that name."""
    (tmp_path / "mine.yaml").write_text("like: pocket\nsteps: 3\n")
    study = open_study(str(tmp_path / "mine.yaml"), [0], str(tmp_path / "results"))
    given = parameters(study)
    assert open_study(given.pop("profile"), given["seeds"], given["results_dir"]) == study


def test_an_unknown_notebook_is_refused_with_the_list():
    with pytest.raises(UserError, match="'07' does not exist; choose one of: 00, 01"):
        chosen_notebooks("07")
    assert chosen_notebooks("2") == chosen_notebooks("02")


def test_without_notebooks_the_line_says_where_they_are(monkeypatch, tmp_path):
    monkeypatch.setattr("rlvr_utils.study.reproduce.NOTEBOOKS", tmp_path)
    assert line_of(chosen_notebooks, "01").startswith(f"{tmp_path}: ") and line_of(chosen_notebooks, None)
