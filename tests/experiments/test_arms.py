"""What an experiment may be, and the arms of a grid."""

import pytest

from mt3synth.experiments.arms import Arm, Experiment
from mt3synth.experiments.grids import cross, film


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"name": "../up"}, "an arm named '../up'; must be of a-z, 0-9, dots and hyphens"),
        ({"name": "a", "film": 5.0}, r"arm a: film=5.0; must be within 0..4"),
        ({"name": "a", "film_in": "ears"}, "arm a: film_in='ears'; must be one of score, frames"),
    ],
)
def test_arms_that_cannot_be(as_released, asked, said):
    with pytest.raises(ValueError, match=said):
        Arm(**asked)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"arms": (Arm("a"),)}, "1 arms; an experiment compares two or more"),
        ({"arms": (Arm("a"), Arm("a"))}, "more than one arm is named a"),
        ({"arms": (Arm("a"), Arm("b")), "minutes": 0.0}, "minutes=0.0; must be above 0"),
    ],
)
def test_experiments_that_cannot_be(asked, said):
    with pytest.raises(ValueError, match=said):
        Experiment("Which?", **asked)


def test_a_grid_has_an_arm_of_every_series_at_every_point():
    arms = cross({"joint, notes 1.5": ("--kind", "joint")}, {1.0: ("-p", "1"), 1.25: ()})
    assert [arm.name for arm in arms] == ["joint-notes-1.5-1", "joint-notes-1.5-1.25"]
    assert arms[0].evaluate == ("--kind", "joint", "-p", "1")
    assert (arms[1].series, arms[1].at) == ("joint, notes 1.5", 1.25)
    assert [arm.name for arm in film((0.0, 2.0), ("score", "both"))] == [
        *("score-0", "score-2", "both-0", "both-2")
    ]
