"""Trackers: the metrics of a run as live curves, only if the user asks for them. trackio and TensorBoard write local
files unless their own settings say otherwise; wandb sends the metrics to its server."""
from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path

from rlvr_utils.errors import UserError, reason


def check_trackers(names: tuple[str, ...]) -> None:
    """Raise `UserError` for a tracker that is not installed."""
    for name in names:
        if find_spec(name) is None:
            raise UserError(f"field 'report_to': {name} is not installed; pip install {name}, or leave it out")


class Trackers:
    """transformers' callbacks for these trackers, called with the names of the records and with rollout steps. `folder`
    is the run's; TensorBoard's files go to `tensorboard/<run>` in the results folder."""

    def __init__(self, names: tuple[str, ...], folder: Path):
        from transformers.integrations.integration_utils import get_reporting_integration_callbacks

        self.callbacks = {name: kind() for name, kind in zip(names, get_reporting_integration_callbacks([*names]))}
        if "tensorboard" in names:
            place = folder.parents[1] / "tensorboard" / folder.stem
            self.callbacks["tensorboard"].logging_dir = self.callbacks["tensorboard"].logging_dir or str(place)

    def begin(self, args, state, control, model) -> None:
        """Start the trackers, before the first step. Raises `UserError` for one that fails, such as wandb without an
        account or a network."""
        for name, callback in self.callbacks.items():
            try:
                with redirect_stdout(sys.stderr):
                    callback.on_train_begin(args, state, control, model=model)
            except Exception as error:  # the libraries raise many types; the user needs one line
                raise UserError(f"field 'report_to': {name} cannot start ({reason(error)}); correct that or leave it "
                                "out, and repeat the command") from error

    def log(self, row: dict, args, state, control, model) -> None:
        """Log the values of a rollout step, without those that are None."""
        at_step = copy.copy(state)
        at_step.global_step = row["step"]  # transformers counts optimizer updates
        known = {name: value for name, value in row.items() if value is not None and name != "step"}
        self._each(lambda callback: callback.on_log(args, at_step, control, model=model, logs=known))

    def end(self, args, state, control, model) -> None:
        """Close the trackers, after the last step."""
        self._each(lambda callback: callback.on_train_end(args, state, control, model=model))

    def _each(self, act: Callable) -> None:
        """Call every tracker. One that fails is reported once and dropped: it must not end the run."""
        for name, callback in [*self.callbacks.items()]:
            try:
                with redirect_stdout(sys.stderr):
                    act(callback)
            except Exception as error:  # as above
                del self.callbacks[name]
                print(f"rlvr_utils: warning: {name} has failed ({reason(error)}); the run continues without it",
                      file=sys.stderr, flush=True)
