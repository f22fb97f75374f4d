"""Keeps the averaged parameters that validated best, beside what every validation found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import jax
from flax.traverse_util import flatten_dict

from mt3synth.atomic import remove_unfinished, write_atomically, write_text
from mt3synth.errors import UserError
from mt3synth.param_check import read_params, write_params
from mt3synth.training.parallel.sharding import fetch_to_host
from mt3synth.types import PyTree

FOLDER = "best"
"""Folder of the best parameters within that of a run."""
RECORD = "validation.json"


@dataclass(frozen=True)
class Validated:
    """Says what the averaged parameters of a step gave.

    Attributes:
      step: updates that made them.
      loss: by which validations of a run compare; lower is better.
    """

    step: int
    loss: float


class BestWeights:
    """Keeps the best parameters of one run; all processes of it call the same methods.

    Args:
      folder: of the run; what was validated before is read from it.

    Raises:
      UserError: what the folder says about validations cannot be read.

    Attributes:
      best: the best so far, None if nothing was validated yet.
      losses: what each step gave, None where nothing was measured.

    Example:
      >>> best = BestWeights(Path("runs/mine"))
      >>> best.offer(state.ema, step=500, loss=0.21)
    """

    def __init__(self, folder: Path) -> None:
        # Beside the checkpoints and not among them: those are cleared up by their age.
        self._folder = folder / FOLDER
        self.best, self.losses = _read(self._folder)
        if jax.process_index() == 0:
            self._clear()

    def _clear(self) -> None:
        """Removes what a killed process left, and weights that it had no time to remove."""
        remove_unfinished(self._folder)
        kept = None if self.best is None else _path(self._folder, self.best.step)
        for path in self._folder.glob("weights_*.safetensors"):
            if path != kept:
                path.unlink(missing_ok=True)

    def offer(self, ema: PyTree, step: int, loss: float | None) -> None:
        """Writes down what a validation gave, and the parameters if none were better before.

        Raises:
          UserError: they cannot be written.
        """
        # None is kept as well, so that a step that was validated is not validated again.
        self.losses[step] = loss
        former = self.best
        if loss is not None and (former is None or loss < former.loss):
            self.best = Validated(step, loss)
        # In every process, for a gather needs all of them; only the first writes.
        weights = fetch_to_host(ema) if self.best != former else None
        # Behind the gather, which all have to take part in.
        if jax.process_index() != 0:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if weights is not None:
                # Under a name of their own: the record still names those before until it is written
                # anew.
                with write_atomically(_path(self._folder, step)) as unfinished:
                    write_params(unfinished, flatten_dict(weights, sep="/"))
            self._write_record()
            # The record named them until now: a run that is killed in between has both.
            if former is not None and self.best is not None and former.step != self.best.step:
                _path(self._folder, former.step).unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"{self._folder}: cannot be written: {error}") from error

    def _write_record(self) -> None:
        # Losses of all steps, by which a resumed run knows when it has validated.
        best = None if self.best is None else vars(self.best)
        losses = {str(step): loss for step, loss in sorted(self.losses.items())}
        text = json.dumps({"best": best, "losses": losses}, indent=1) + "\n"
        write_text(self._folder / RECORD, text)


def load_best(folder: Path, like: PyTree) -> tuple[PyTree, Validated, dict[int, float | None]]:
    """Loads the parameters of a run that validated best, and says what all validations gave.

    Args:
      folder: of the run, which may be going on.
      like: shapes of the parameters.

    Raises:
      UserError: none were kept, or they are of another network.
    """
    best, losses = _read(folder / FOLDER)
    if best is None:
        raise UserError(
            f"{folder}: has no best weights: nothing was held out, or nothing is validated yet; "
            "leave --best out for the last ones"
        )
    return read_params(_path(folder / FOLDER, best.step), like, UserError), best, losses


def _path(folder: Path, step: int) -> Path:
    return folder / f"weights_{step:08}.safetensors"


def _read(folder: Path) -> tuple[Validated | None, dict[int, float | None]]:
    path = folder / RECORD
    try:
        values = json.loads(path.read_text())
        # Null where nothing was measured yet.
        best = values["best"] and Validated(**values["best"])
        return best, {int(step): loss for step, loss in values["losses"].items()}
    except FileNotFoundError:
        return None, {}
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path}: does not say what was validated: {error}; delete it to begin anew"
        ) from error
