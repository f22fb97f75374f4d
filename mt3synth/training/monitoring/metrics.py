"""What the steps since the last log line have measured."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from mt3synth.training.state import Metrics

TIME_BINS = 10
"""Equal parts of the diffusion time, in each of which the training loss is summed up."""

_BY_TIME = ("loss_sum_by_time", "count_by_time")


class Window:
    """The metrics of some steps, left on the device until they are looked at.

    Args:
      record: what `record` gave when the run was saved, so that the next mean is what it would have
        been without an interruption.
    """

    def __init__(self, record: list[dict[str, Any]] | None = None) -> None:
        self._steps: list[Any] = [
            {name: np.asarray(value, np.float32) for name, value in step.items()}
            for step in record or []
        ]

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, metrics: Metrics) -> None:
        """Another step's."""
        self._steps.append(metrics)

    def loss(self) -> float:
        """The mean loss; not finite if any step's is not."""
        return float(np.mean([step["loss"] for step in self._fetch()]))

    def record(self) -> list[dict[str, Any]]:
        """All of it for JSON, exactly."""
        return [{name: value.tolist() for name, value in step.items()} for step in self._fetch()]

    def scalars(self) -> dict[str, float]:
        """By their names in TensorBoard: means, but the last gradient norm.

        The loss by diffusion time is where there was any.
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
        sums, counts = (np.sum([step[name] for step in steps], axis=0) for name in _BY_TIME)
        for place in np.flatnonzero(counts):
            name = f"loss_by_time/{place / TIME_BINS:.1f}-{(place + 1) / TIME_BINS:.1f}"
            values[name] = float(sums[place] / counts[place])
        return values

    def _fetch(self) -> list[dict[str, np.ndarray]]:
        self._steps = jax.device_get(self._steps)
        return self._steps
