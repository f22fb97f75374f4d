"""Killed at any moment and started again, a run has the losses of an undisturbed one, bit for bit.

In processes of their own, on one device of this machine.
"""

import random
import time

import pytest
from hosts_cases import TEMPORARY, finish, losses, start

KILLED = -9

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Makes a folder whose run ``undisturbed`` is done."""
    folder = tmp_path_factory.mktemp("runs")
    finish(start(folder / "undisturbed"))
    assert len(losses(folder / "undisturbed")[0]) == 12
    return folder


def assert_as_undisturbed(runs, name: str) -> None:
    expected = losses(runs / "undisturbed")[0]
    done: dict[int, str] = {}
    for run in losses(runs / name):
        done |= run
        assert run == {step: expected[step] for step in run}
    assert done == expected


def test_killed_between_two_checkpoints(runs):
    finish(start(runs / "between", "--at-step", "7"), KILLED)
    finish(start(runs / "between"))
    assert min(losses(runs / "between")[1]) == 5
    assert_as_undisturbed(runs, "between")


def test_killed_while_saving(runs):
    finish(start(runs / "saving", "--in-save", "8"), KILLED)
    assert list((runs / "saving" / "checkpoints").glob(TEMPORARY))
    finish(start(runs / "saving"))
    assert min(losses(runs / "saving")[1]) == 5
    assert_as_undisturbed(runs, "saving")


def test_killed_at_any_moment_again_and_again(runs):
    moments = random.Random(5)
    for _ in range(4):
        process = start(runs / "random", "--save-every", "1")
        time.sleep(moments.uniform(1, 8))
        process.kill()
        process.communicate()
    finish(start(runs / "random", "--save-every", "1"))
    assert_as_undisturbed(runs, "random")


def test_stopped_by_sigterm(runs):
    output = finish(start(runs / "term", "--at-step", "6", "--signal", "TERM"), 143)
    assert "stopped by SIGTERM at step 6, which is saved" in output
    finish(start(runs / "term"))
    assert min(losses(runs / "term")[1]) == 7
    assert_as_undisturbed(runs, "term")
