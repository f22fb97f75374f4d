"""Fits as many steps as there is time for, with a learning rate that ends with it.

A warm-up and a plateau need not know how long the run is; only the decay does. So the run begins
without an end, its speed is measured, and the end is planned, and planned again at every log line
until the decay begins: no learning rate that was used would have been another (see
`learning_rate.compute_rate`), and what evaluations and checkpoints cost is in the measurement.
From then on the plan stands, and the run ends when it is done. A run that has lost its time, by a
slow compilation or a restart, brings its learning rate down in a few steps more: it ends late, but
with a finished model.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from mt3synth.atomic import write_text
from mt3synth.errors import UserError
from mt3synth.training.optim.learning_rate import OPEN, Plan

FILE = "budget.json"
"""File of the time spent within the folder of a run."""

_STEADY = 0.01  # share of its steps by which a plan may be off before it is given up
_LEAST_DECAY = 0.05  # of the steps done, even if the time is over


@dataclass(frozen=True)
class BudgetConfig:
    """Says how much time there is to train.

    Attributes:
      minutes: by the clock, of all the processes that worked on the run one after another, with
        compilation, evaluation and checkpoints.
      decay_share: of the steps, in which the learning rate falls to zero; Hägele et al. 2024
        (arXiv 2405.18392) find 0.2 enough.
      measure_seconds: for how long the speed is measured before the first plan; at most a tenth
        of the budget is taken for it.

    Raises:
      ValueError: a time that is not positive, or a share outside (0, 1).
    """

    minutes: float
    decay_share: float = 0.2
    measure_seconds: float = 60.0

    def __post_init__(self) -> None:
        for name in ("minutes", "measure_seconds"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name}={getattr(self, name)}; must be positive and finite")
        if not 0 < self.decay_share < 1:
            raise ValueError(f"decay_share={self.decay_share}; must be between 0 and 1")


class Budget:
    """Keeps the time of one run, and the plan that follows from it.

    With several processes all must make one and call `revise` at the same steps: the first
    process's clock decides for all.

    Args:
      config: how much there is.
      folder: of the run; what was spent before is read from it.
      step: updates that the run has behind it.
      clock: seconds, for measuring differences.

    Raises:
      UserError: what the folder says about the budget cannot be read.

    Attributes:
      plan: the plan in force, `OPEN` until there is one.
    """

    def __init__(
        self,
        config: BudgetConfig,
        folder: Path,
        step: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config, self._path, self._clock = config, folder / FILE, clock
        self._began = clock()
        # The clock goes on where an earlier process left it: the budget is the run's.
        self._before, recorded = self._read()
        self._origin: tuple[float, int] | None = None
        self.plan = _agreed(OPEN if recorded is None else recorded)
        # A decay that a process before this one began before its last checkpoint goes on.
        self._settled = self._decays_after(step)
        if not self._settled and self.plan != OPEN:
            self.plan = self._from(step, self.plan.steps)

    @property
    def spent(self) -> float:
        """Counts the seconds spent so far, by earlier processes of the run too."""
        return self._before + self._clock() - self._began

    def revise(self, step: int) -> Plan:
        """Plans anew after ``step`` updates; to be called when the device has done them.

        The time before the first call, in which the step is compiled, is spent but tells nothing
        about speed.
        """
        self._settled = self._settled or self._decays_after(step)
        if not self._settled:
            self.plan = _agreed(self._fitting(step))
        self._write()
        return self.plan

    def measure_anew(self) -> None:
        """Forgets the speed measured so far, for steps begin to take longer or shorter.

        The plan stays until their speed is known, which is measured as at the beginning.
        """
        self._origin = None

    def _fitting(self, step: int) -> Plan:
        """Makes the plan that this process's clock suggests."""
        now = self._clock()
        if self._origin is None:
            # Measured from the first call on and not from the start: what compiled and opened the
            # data until now will not be spent again.
            self._origin = now, step
        elapsed, done = now - self._origin[0], step - self._origin[1]
        # A short budget cannot wait a minute for its first plan; a tenth of it is little to lose,
        # and no decay has to begin by then.
        enough = min(self._config.measure_seconds, 0.1 * 60 * self._config.minutes)
        measured = done > 0 and elapsed >= enough
        left = max(0.0, 60 * self._config.minutes - self.spent)
        if left and not measured:
            return self.plan  # A guess would be worse than the plan that stands, or than none.
        fitting = step + (int(left * done / elapsed) if measured else 0)
        # A plan that is nearly right stays: every change of it shows in the progress bar.
        steady = abs(fitting - self.plan.steps) <= _STEADY * self.plan.steps
        # Even a run that is out of time ends at rate zero: its average of weights is only worth
        # exporting after a decay, for which these few steps are enough.
        least = step + max(1, math.ceil(_LEAST_DECAY * step))
        return self._from(step, max(self.plan.steps if steady else fitting, least))

    def _decays_after(self, step: int) -> bool:
        """Tells whether the learning rate already falls after ``step`` updates."""
        return self.plan != OPEN and step >= self.plan.decay_begins

    def describe(self, warmup_steps: int) -> str:
        """Describes the plan in one line."""
        plan = self.plan
        if plan == OPEN:
            return f"budget of {self._config.minutes:g} min: measuring the speed"
        line = (
            f"budget of {self._config.minutes:g} min: {plan.steps} steps, the learning rate falls "
            f"from step {plan.decay_begins} on"
        )
        if plan.decay_begins < warmup_steps:
            top = plan.steps / (warmup_steps + plan.decay_steps)
            line += f"; it reaches {top:.0%} of its peak, for the warm-up takes {warmup_steps}"
        over = self.spent - 60 * self._config.minutes
        return line if over <= 0 else f"{line}; {over / 60:.1f} min over it already"

    def _from(self, step: int, steps: int) -> Plan:
        """Makes a plan of ``steps`` whose decay is still to come after ``step``."""
        # Cut short where the run has less left than the share: the decay begins now.
        decay = max(1, round(self._config.decay_share * steps))
        return Plan(steps, min(decay, steps - step))

    def _read(self) -> tuple[float, Plan | None]:
        """Reads what earlier processes spent, in seconds, and planned."""
        try:
            values = json.loads(self._path.read_text())
            spent = float(values["spent_seconds"])
            # With another budget all is open again, even what a decay has begun.
            if values["plan"] is None or values["minutes"] != self._config.minutes:
                return spent, None
            return spent, Plan(**values["plan"])
        except FileNotFoundError:
            return 0.0, None
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{self._path}: does not say how much of the budget is spent: {error}; delete it "
                "to begin the budget anew"
            ) from error

    def _write(self) -> None:
        """Writes down what is spent and planned, for a process that takes the run over."""
        if jax.process_index() != 0:
            return
        plan = None if self.plan == OPEN else vars(self.plan)
        # With the budget it was made for: another one opens the plan again.
        values = {"minutes": self._config.minutes, "spent_seconds": self.spent, "plan": plan}
        write_text(self._path, json.dumps(values, indent=1) + "\n")


def _agreed(plan: Plan) -> Plan:
    """Returns the first process's plan in every process."""
    if jax.process_count() == 1:
        return plan
    from jax.experimental import multihost_utils

    # Two numbers, for what is sent between processes are arrays.
    numbers = np.asarray([plan.steps, plan.decay_steps], np.int32)
    steps, decay = multihost_utils.broadcast_one_to_all(numbers)
    return Plan(int(steps), int(decay))
