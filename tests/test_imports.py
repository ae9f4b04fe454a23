"""Imports run one way: no circle between files, none between folders (late imports inside functions count too)."""
from __future__ import annotations

import ast
from graphlib import TopologicalSorter

from conftest import ROOT

PACKAGE = ROOT / "rlvr_utils"
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
           for path in PACKAGE.rglob("*.py")}


def imported(path) -> set[str]:
    """The package's modules that a file imports, at its top or inside its functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rlvr_utils"):
            submodules = {f"{node.module}.{name.name}" for name in node.names}
            found |= submodules & MODULES.keys() or {node.module}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names} & MODULES.keys()
    return found


def test_files_import_in_one_direction():
    graph = {module: imported(path) - {module} for module, path in MODULES.items()}
    assert len(list(TopologicalSorter(graph).static_order())) >= len(MODULES)  # a circle raises CycleError


def test_folders_import_in_one_direction():
    def chapter(module: str) -> str:
        return ".".join(module.split(".")[:2])

    graph: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        graph.setdefault(chapter(module), set()).update(chapter(other) for other in imported(path))
    TopologicalSorter({name: others - {name} for name, others in graph.items()}).prepare()
