"""The schedule of a mixture: whose turn it is, from any position on."""

from itertools import islice

import numpy as np
import pytest

from data_pipelines.reading.schedule import CYCLE, Schedule


def test_every_cycle_has_the_same_shares_in_another_order():
    schedule = Schedule.of([5.0, 3.0, 0.001], seed=2)
    assert sum(schedule.shares) == CYCLE and schedule.shares[2] == 1
    assert schedule.shares[0] / schedule.shares[1] == pytest.approx(5 / 3, rel=0.01)
    drawn = list(islice(schedule.sources(), 3 * CYCLE))
    cycles = [drawn[i : i + CYCLE] for i in range(0, len(drawn), CYCLE)]
    for cycle in cycles:
        assert tuple(np.bincount(cycle)) == schedule.shares
    assert cycles[0] != cycles[1] != cycles[2]
    assert drawn != list(islice(Schedule.of([5.0, 3.0, 0.001], seed=3).sources(), 3 * CYCLE))


@pytest.mark.parametrize("start", [0, 1, 999, 1000, 1001, 2500])
def test_a_schedule_can_be_begun_anywhere(start):
    schedule = Schedule.of([1.0, 2.0, 4.0], seed=0)
    whole = list(islice(schedule.sources(), start + 50))
    assert list(islice(schedule.sources(start), 50)) == whole[start:]
    assert schedule.drawn_before(start) == tuple(np.bincount(whole[:start], minlength=3))


def test_the_start_of_a_schedule_costs_nothing():
    """Knows the position at once even a million million items in."""
    schedule = Schedule.of([1.0, 3.0], seed=0)
    assert schedule.drawn_before(10**12) == (250 * 10**9, 750 * 10**9)
    assert len(list(islice(schedule.sources(10**12), 10))) == 10


@pytest.mark.parametrize("rates", [[], [1.0, 0.0], [float("nan")], [1.0] * (CYCLE + 1)])
def test_rates_are_checked(rates):
    with pytest.raises(ValueError, match=r"must be 1\.\.1000 positive numbers"):
        Schedule.of(rates, 0)
