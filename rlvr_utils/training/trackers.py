"""Live curves: the metrics of a run, as they are recorded, in a tracker that the user asks for. Off by default;
what is sent where is the tracker's own matter: trackio and TensorBoard write files here, wandb sends."""
from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path

from rlvr_utils.errors import UserError, reason


def check_trackers(names: tuple[str, ...]) -> None:
    """Raise `UserError` for a tracker whose package is not installed."""
    for name in names:
        if find_spec(name) is None:
            raise UserError(f"report_to: the package of {name!r} is not installed; pip install {name}, or leave it out")


class Trackers:
    """transformers' own callbacks for these trackers, given the records' names and rollout steps in place of TRL's.
    `folder` is the run's: TensorBoard's files go to `tensorboard/<run>` of the results, beside `runs`."""

    def __init__(self, names: tuple[str, ...], folder: Path):
        from transformers.integrations.integration_utils import get_reporting_integration_callbacks

        self.callbacks = {name: kind() for name, kind in zip(names, get_reporting_integration_callbacks([*names]))}
        if "tensorboard" in names:
            place = folder.parents[1] / "tensorboard" / folder.stem
            self.callbacks["tensorboard"].logging_dir = self.callbacks["tensorboard"].logging_dir or str(place)

    def begin(self, args, state, control, model) -> None:
        """Start the trackers. Raises `UserError` for one that cannot, such as wandb without an account or a network:
        nothing has been trained yet."""
        for name, callback in self.callbacks.items():
            try:
                with redirect_stdout(sys.stderr):
                    callback.on_train_begin(args, state, control, model=model)
            except Exception as error:  # the libraries raise many types; the user needs one line
                raise UserError(f"report_to: {name!r} cannot be started ({reason(error)}); mend that, or leave it out: "
                                "the same command goes on") from error

    def log(self, row: dict, args, state, control, model) -> None:
        """Show the numbers of a rollout step; those that are not known are left out."""
        at_step = copy.copy(state)
        at_step.global_step = row["step"]  # transformers counts updates
        known = {name: value for name, value in row.items() if value is not None and name != "step"}
        self._each(lambda callback: callback.on_log(args, at_step, control, model=model, logs=known))

    def end(self, args, state, control, model) -> None:
        self._each(lambda callback: callback.on_train_end(args, state, control, model=model))

    def _each(self, act: Callable) -> None:
        """A tracker that fails is said once and left out: a lost curve is no lost run."""
        for name, callback in [*self.callbacks.items()]:
            try:
                with redirect_stdout(sys.stderr):
                    act(callback)
            except Exception as error:  # as above
                del self.callbacks[name]
                print(f"rlvr_utils: warning: report_to: {name!r} has failed ({reason(error)}); the run goes on without "
                      "it", file=sys.stderr, flush=True)
