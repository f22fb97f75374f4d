"""Collects what the steps since the last log line have measured."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from mt3synth.training.state import Metrics

TIME_BINS = 10
"""Equal parts of the diffusion time, in each of which the training loss is summed up."""

_BY_TIME = ("loss_sum_by_time", "count_by_time")


class LogInterval:
    """Collects the metrics of the steps between two log lines.

    They stay on the device until they are looked at: fetching them after each step would make the
    device wait for Python.

    Args:
      record: what `record` returned when the run was saved, so that the next mean is what it would
        have been without an interruption.

    Example:
      >>> interval = LogInterval()
      >>> interval.add({"loss": jnp.float32(0.5), "gradient_norm": jnp.float32(1.0)})
      >>> interval.scalars()
      {'train/loss': 0.5, 'train/gradient_norm': 1.0}
    """

    def __init__(self, record: list[dict[str, Any]] | None = None) -> None:
        self._steps: list[Any] = [
            # In the type that they had: means must come out as in a run that was not interrupted.
            {name: np.asarray(value, np.float32) for name, value in step.items()}
            for step in record or []
        ]

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, metrics: Metrics) -> None:
        """Adds the metrics of one more step."""
        self._steps.append(metrics)

    def loss(self) -> float:
        """Returns the mean loss; not finite if that of any step is not."""
        return float(np.mean([step["loss"] for step in self._fetch()]))

    def record(self) -> list[dict[str, Any]]:
        """Returns all of it for JSON, and exactly: JSON keeps every digit of a double."""
        return [{name: value.tolist() for name, value in step.items()} for step in self._fetch()]

    def scalars(self) -> dict[str, float]:
        """Returns values by their names in TensorBoard: means, but the last gradient norm.

        The loss by diffusion time is there for the times that any example had.
        """
        steps = self._fetch()
        values = {
            "train/loss": self.loss(),
            "train/gradient_norm": float(steps[-1]["gradient_norm"]),
        }
        for name in steps[0].keys() - {"loss", "gradient_norm", *_BY_TIME}:
            values[f"train/{name}"] = float(np.mean([step[name] for step in steps]))
        if not steps[0].keys() >= set(_BY_TIME):
            return values
        # Sums over the interval before the division: examples count, and not steps.
        sums, counts = (np.sum([step[name] for step in steps], axis=0) for name in _BY_TIME)
        for part in np.flatnonzero(counts):
            name = f"loss_by_time/{part / TIME_BINS:.1f}-{(part + 1) / TIME_BINS:.1f}"
            values[name] = float(sums[part] / counts[part])
        return values

    def _fetch(self) -> list[dict[str, np.ndarray]]:
        self._steps = jax.device_get(self._steps)
        return self._steps
