"""Reproduce: train the runs that the notebooks use, execute the notebooks, write the ledger of claims."""
from __future__ import annotations

import ast
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rlvr_utils.analysis.claims import LEDGER_ARMS, ledger
from rlvr_utils.errors import UserError, listed
from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import RunConfig, local_path
from rlvr_utils.records.files import write_atomically, write_json
from rlvr_utils.records.locks import locked
from rlvr_utils.records.run import discard, run_name
from rlvr_utils.runs.pool import obtain_all, parallel
from rlvr_utils.study.study import ROOT, Study
from rlvr_utils.study.tables import claims_frame

NOTEBOOKS = ROOT / "notebooks"


def reproduce(study: Study, only: str | None = None, retrain: bool = False) -> None:
    """Everything from training to claims.json, with progress lines.

    With `retrain`, existing runs are trained again; an interrupted reproduction continues where it stopped. Raises
    `UserError` for a notebook that does not exist or fails, and if another process reproduces into the same folder.
    """
    start = time.perf_counter()
    notebooks = chosen_notebooks(only)
    configs = wanted(study, notebooks)
    print(f"{len(configs)} runs and {len(notebooks)} notebooks into {os.path.relpath(study.results)}", flush=True)
    study.results.mkdir(parents=True, exist_ok=True)
    with locked(study.results / "reproduce.lock", f"the reproduction in {os.path.relpath(study.results)}"):
        if retrain:
            _discard_once(configs, study)
        obtain_all(configs, study.results)
        rows = [] if only else write_claims(study)  # the notebooks show what the ledger says
        with ThreadPoolExecutor(parallel(study.config.cpu_threads)) as pool:
            for path, _ in zip(notebooks, pool.map(lambda path: execute(path, study), notebooks)):
                print(f"notebook {path.stem}: done", flush=True)
        if rows:
            print(claims_table(rows))
        (study.results / ".retraining").unlink(missing_ok=True)
    print(f"done in {(time.perf_counter() - start) / 60:.1f} min", flush=True)


def check_audit(config: RunConfig) -> None:
    """Raise `UserError` if an audit lies beside the model's weights and says that the model has not passed it."""
    from rlvr_utils.pocket.audit import RECORD, failed

    source = local_path(config.model)
    gates = failed(Path(source))
    if gates:
        raise UserError(f"{config.model}: the base model has not passed its audit ({RECORD}: {listed(gates)}), so what "
                        "is trained from it may show artefacts; train another base, or add --ignore-audit")


def chosen_notebooks(only: str | None) -> list[Path]:
    """All numbered notebooks, or only the one named by its number or stem."""
    every = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    if not every:
        raise UserError(f"{NOTEBOOKS}: no notebooks, because an installed package does not contain them; run this from "
                        "a clone of the repository, or use train and evaluate, which need none")
    chosen = [path for path in every if only is None or only.zfill(2) in (path.stem, path.stem[:2])]
    if not chosen:
        raise UserError(f"notebook {only!r} does not exist; choose one of: {', '.join(p.stem[:2] for p in every)}")
    return chosen


def wanted(study: Study, notebooks: list[Path]) -> list:
    """The configurations of all arms in the notebooks' `arms` parameters, without duplicates. Raises `UserError` for
    a setting that none of them has."""
    arms = [arm for path in notebooks for arm in declared_arms(path)]
    check_settings(study, arms)
    return [with_arm(study.config, arm, seed) for arm in study.possible(arms) for seed in study.seeds]


def check_settings(study: Study, arms: list[str]) -> None:
    """Raise `UserError` for a setting that none of the arms that are run takes, since each has a value of its own."""
    run = [arm for arm in arms if arm in (study.config.arms or arms)]
    for name, keeping in study.kept_fields(run).items():
        if set(keeping) >= set(run) - {"base"}:
            raise UserError(f"--set {name} has no effect on reproduce: each arm has a value of its own; leave it out, "
                            "or use train")


def declared_arms(path: Path) -> list[str]:
    """The default of a notebook's `arms` parameter."""
    import nbformat

    for cell in nbformat.read(path, as_version=4).cells:
        if "parameters" in cell.metadata.get("tags", []):
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.Assign) and node.targets[0].id == "arms":
                    return ast.literal_eval(node.value)
    raise UserError(f"{path.name}: no parameter `arms`; tag the cell that assigns it with \"parameters\"")


def parameters(study: Study) -> dict:
    """The study as papermill parameters."""
    return {"profile": study.profile, "seeds": list(study.seeds),
            "results_dir": os.path.relpath(study.results), **study.overrides}


def execute(path: Path, study: Study) -> Path:
    """Run one notebook with papermill into `results/<profile>/notebooks/`."""
    import papermill

    target = study.results / "notebooks" / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(str(path), str(target), parameters(study), kernel_name="python3",
                                   progress_bar=False, log_output=False, extra_arguments=["--log-level=ERROR"])
    except papermill.PapermillExecutionError as error:
        raise UserError(f"notebook {path.stem} failed in cell {error.exec_count}: {error.ename}: "
                        f"{str(error.evalue).splitlines()[0]}; see {target}") from None
    return target


def _discard_once(configs: list, study: Study) -> None:
    """Discard each finished run once per reproduction. The list of discarded runs survives an interruption, so runs
    trained since then are kept."""
    marker = study.results / ".retraining"
    forgotten = set(json.loads(marker.read_text())) if marker.exists() else set()
    for config in configs:
        name = run_name(config)
        if name not in forgotten:
            discard(config, study.results)
            forgotten.add(name)
    write_json(marker, sorted(forgotten))


def write_claims(study: Study) -> list[dict]:
    """Compute the ledger from the records and write `claims.json`."""
    runs = study.runs(*study.possible(LEDGER_ARMS))
    rows = ledger(runs, study.example_subject())
    write_atomically(study.results / "claims.json", json.dumps(rows, indent=1) + "\n")
    return rows


def claims_table(rows: list[dict]) -> str:
    """The ledger as plain text for the terminal."""
    frame = claims_frame(rows)[["claim", "published", "what decides", "measured here", "verdict"]]
    return frame.to_string(max_colwidth=70)
