"""The learning rate's corners."""

import numpy as np
import pytest

from mt3synth.training.optim.optimizer import OptimizerConfig


def test_rate_rises_holds_and_falls_to_zero():
    rate = OptimizerConfig(learning_rate=1e-3, warmup_steps=10, decay_steps=20).schedule(100)
    steps = [0, 5, 10, 50, 80, 90, 100]
    expected = [0, 5e-4, 1e-3, 1e-3, 1e-3, 5e-4, 0]
    np.testing.assert_allclose([rate(s) for s in steps], expected, atol=1e-9)


def test_a_lengthened_run_stays_on_the_plateau():
    config = OptimizerConfig(learning_rate=1e-3, warmup_steps=10, decay_steps=20)
    assert config.schedule(100)(79) == config.schedule(500)(79)


@pytest.mark.parametrize(("name", "value"), [("learning_rate", 0), ("clip_norm", -1)])
def test_bad_values_are_refused(name, value):
    with pytest.raises(ValueError, match="must be positive"):
        OptimizerConfig(**{name: float(value)})


def test_an_unknown_direction_is_refused(as_released):
    with pytest.raises(ValueError, match="direction='sideways'; must be one of"):
        OptimizerConfig(direction="sideways")
