"""A run's time, on a clock that the test turns."""

from dataclasses import dataclass, field
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.errors import UserError
from mt3synth.training.loop import LoopConfig, ValidationSteps
from mt3synth.training.optim.learning_rate import OPEN, Plan, compute_rate
from mt3synth.training.optim.time_budget import FILE, Budget, BudgetConfig

WARMUP, LOG_EVERY, SAVE_EVERY = 50, 20, 100
TEN = BudgetConfig(minutes=10.0)


@dataclass
class Machine:
    """Takes its time for what a run does; killed at a moment of its own."""

    step_seconds: float = 0.5
    compile_seconds: float = 30.0
    evaluation_seconds: float = 0.0
    killed_at: float = float("inf")
    slower_from: int | None = None
    now: float = 1000.0
    plans: dict[int, Plan] = field(default_factory=dict)

    def clock(self) -> float:
        return self.now

    def train(self, folder: Path, config: BudgetConfig, first: int = 0) -> tuple[int, Plan]:
        """Trains until the plan is fulfilled; returns the last step saved, and the plan."""
        budget = Budget(config, folder, first, self.clock)
        plan, step, saved = budget.plan, first, first
        self.now += self.compile_seconds
        while step < plan.steps:
            self.plans[step] = plan
            if step == self.slower_from:
                self.step_seconds *= 4
                budget.measure_anew()
            step += 1
            self.now += self.step_seconds
            if step % SAVE_EVERY == 0:
                self.now += self.evaluation_seconds
                saved = step
            if self.now >= self.killed_at:
                return saved, plan
            if step % LOG_EVERY == 0:
                plan = budget.revise(step)
        return step, plan

    def rates(self, steps: int) -> np.ndarray:
        """Returns the rates of the steps 0 to ``steps``, each by the plan of its time, or NaN."""
        none = Plan(1, 0)
        plans = [self.plans.get(step, none) for step in range(steps)]
        found = rates_by([p.steps for p in plans], [p.decay_steps for p in plans])
        return np.where([p == none for p in plans], np.nan, found)


def rates_by(steps: list[int], decay_steps: list[int]) -> np.ndarray:
    plans = jnp.array(steps), jnp.array(decay_steps)
    return np.asarray(compute_rate(jnp.arange(len(steps)), 1.0, WARMUP, *plans))


def rates_of(plan: Plan) -> np.ndarray:
    return rates_by([plan.steps] * plan.steps, [plan.decay_steps] * plan.steps)


@pytest.mark.parametrize("evaluation_seconds", [0.0, 20.0])
def test_a_run_ends_with_its_time_and_its_rate_at_zero(tmp_path, evaluation_seconds):
    machine = Machine(evaluation_seconds=evaluation_seconds)
    steps, plan = machine.train(tmp_path, TEN)
    assert machine.now - 1000 == pytest.approx(600, rel=0.05)
    assert steps == plan.steps
    # Had the end been known from the start, every rate would have been the same.
    np.testing.assert_array_equal(machine.rates(steps), rates_of(plan))
    assert machine.rates(steps).max() == 1 and machine.rates(steps)[-1] < 0.01


def test_a_machine_that_slows_down_gets_fewer_steps(tmp_path):
    class Tiring(Machine):
        def clock(self) -> float:
            self.step_seconds = 0.5 if self.now < 1200 else 1.0
            return self.now

    machine = Tiring()
    steps, plan = machine.train(tmp_path, TEN)
    # The speed is that of the whole run so far, so the change is not taken in at once.
    assert machine.now - 1000 == pytest.approx(600, rel=0.15)
    np.testing.assert_array_equal(machine.rates(steps), rates_of(plan))


@pytest.mark.parametrize("compile_seconds", [1.0, 30.0, 240.0])
@pytest.mark.parametrize("minutes", [1.0, 5.0, 100.0])
def test_ten_validations_in_any_budget(tmp_path, minutes, compile_seconds):
    """Though nobody knows the end when it begins, and a short one has little left then."""
    machine = Machine(compile_seconds=min(compile_seconds, 30 * minutes))
    steps, _ = machine.train(tmp_path, BudgetConfig(minutes=minutes))
    validations = ValidationSteps(LoopConfig(steps=1), 0)
    due = [step for step in range(1, steps + 1) if validations.due(step, planned(machine, step))]
    assert max(10, steps // 500) <= len(due) <= max(12, steps // 500 + 1)
    assert due[-1] >= 0.9 * steps


def planned(machine: Machine, step: int) -> int:
    """Returns how many steps the run had in view after so many."""
    return machine.plans[min(step, max(machine.plans))].steps


@pytest.mark.parametrize(
    ("steps", "apart"), [(8, 1), (10, 1), (120, 12), (360, 36), (6000, 500), (10**9, 500)]
)
def test_ten_validations_in_any_number_of_steps(steps, apart):
    upto = min(steps, 1700)
    whole = ValidationSteps(LoopConfig(steps=steps), 0)
    found = [step for step in range(1, upto + 1) if whole.due(step, steps)]
    assert found == list(range(apart, upto + 1, apart))
    # One that goes on validates where it would have, and at once if it was just about to.
    for first in (found[0] - 1, found[2] - 1, found[2], min(found[2] + 1, upto)):
        rest = ValidationSteps(LoopConfig(steps=steps), first, [s for s in found if s < first])
        again = [step for step in range(first, upto + 1) if rest.due(step, steps)]
        assert again == [step for step in found if step >= first]
    few = ValidationSteps(LoopConfig(steps=steps, validations=0), 0)
    assert [s for s in range(1, upto + 1) if few.due(s, steps)] == list(range(500, upto + 1, 500))


@pytest.mark.parametrize("killed_after", [20.0, 200.0, 560.0])
def test_what_was_spent_before_a_restart_counts(tmp_path, killed_after):
    first = Machine(killed_at=1000 + killed_after)
    saved, _ = first.train(tmp_path, TEN)
    assert saved < 1100
    # Between the two lies a night that counts for nothing.
    second = Machine(now=90000.0, plans=first.plans)
    steps, plan = second.train(tmp_path, TEN, saved)
    worked = first.now - 1000 + second.now - 90000
    # At most the time since the last log line before the kill is lost, and a decay that was under
    # way is finished even if compiling took what was left.
    assert worked == pytest.approx(600, abs=100)
    assert steps == plan.steps
    np.testing.assert_array_equal(second.rates(steps), rates_of(plan))


@pytest.mark.parametrize("slower_from", [30, 300, 700])
def test_steps_that_become_slower_are_measured_anew(tmp_path, slower_from):
    machine = Machine(slower_from=slower_from)
    steps, plan = machine.train(tmp_path, TEN)
    assert machine.now - 1000 == pytest.approx(600, rel=0.05)
    np.testing.assert_array_equal(machine.rates(steps), rates_of(plan))


def test_a_decay_under_way_is_finished_as_it_was_planned(tmp_path):
    first = Machine(killed_at=1000 + 590.0)
    saved, plan = first.train(tmp_path, TEN)
    assert saved >= plan.decay_begins
    second = Machine(now=90000.0)
    assert second.train(tmp_path, TEN, saved) == (plan.steps, plan)


def test_another_budget_opens_a_finished_run(tmp_path):
    machine = Machine()
    steps, _ = machine.train(tmp_path, TEN)
    began = machine.now
    more, _ = machine.train(tmp_path, BudgetConfig(minutes=15.0), steps)
    assert more > steps
    assert machine.now - began == pytest.approx(300, rel=0.1)


def test_a_run_shorter_than_its_warm_up_says_so_and_ends_at_zero(tmp_path):
    machine = Machine(step_seconds=1.0, compile_seconds=0.0)
    config = BudgetConfig(minutes=1.0)
    steps, plan = machine.train(tmp_path, config)
    assert steps == pytest.approx(60, abs=2) and machine.rates(steps)[-1] < 0.1
    line = Budget(config, tmp_path, plan.decay_begins, machine.clock).describe(warmup_steps=500)
    assert "of its peak" in line and f"{plan.steps} steps" in line


def test_a_run_that_lost_its_time_comes_down_in_a_few_steps_more(tmp_path):
    machine = Machine(compile_seconds=700.0)
    steps, plan = machine.train(tmp_path, TEN)
    assert steps == plan.steps == 21 and plan.decay_steps == 1
    # A restart when the time is over, far from the end that was planned.
    saved = 1000
    later = Machine(now=machine.now)
    steps, plan = later.train(tmp_path, BudgetConfig(minutes=11.0), saved)
    assert saved < steps <= 1.06 * (saved + LOG_EVERY) and plan.decay_steps >= 0.05 * saved
    assert later.rates(steps)[saved] == 1 and later.rates(steps)[-1] < 0.05
    line = Budget(BudgetConfig(minutes=11.0), tmp_path, steps, later.clock).describe(0)
    assert line.endswith("min over it already")


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / FILE).write_text('{"minutes": 10}')
    with pytest.raises(UserError, match="spent_seconds"):
        Budget(TEN, tmp_path, 0)


def test_a_plan_that_is_nearly_right_is_kept(tmp_path):
    machine = Machine()
    budget = Budget(TEN, tmp_path, 0, machine.clock)
    budget.revise(0)
    plans = set()
    for step in range(10, 600, 10):
        machine.now += 5.0 + 0.1 * (step % 20)
        plans.add(budget.revise(step))
    assert len(plans) <= 5


def test_the_plan_is_open_until_the_speed_is_known(tmp_path):
    machine = Machine()
    budget = Budget(TEN, tmp_path, 0, machine.clock)
    assert budget.plan == budget.revise(20) == OPEN and budget.plan.end is None
    assert "measuring" in budget.describe(WARMUP)
    machine.now += 61
    assert budget.revise(100).steps == pytest.approx(100 + 80 * 539 / 61, abs=1)


@pytest.mark.parametrize(
    ("name", "value"), [("minutes", 0.0), ("minutes", float("inf")), ("decay_share", 1.0)]
)
def test_bad_values_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        BudgetConfig(**{"minutes": 1.0, name: value})
