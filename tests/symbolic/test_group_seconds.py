"""How long each instrument group sounds."""

import numpy as np
import pytest

from mt3synth.symbolic.group_seconds import DRUMS, group_seconds
from mt3synth.symbolic.groups import DEFAULT_GROUPS
from mt3synth.symbolic.notes import Notes


def test_notes_of_a_group_that_overlap_count_once():
    rows = [  # start, end, pitch, velocity, program, drum
        (0.0, 2.0, 60, 80, 0, 0),
        (1.0, 3.0, 64, 80, 4, 0),  # an electric piano is of the same group
        (1.5, 1.7, 67, 80, 0, 0),
        (5.0, 6.0, 60, 80, 0, 0),
        (1.0, 2.5, 72, 80, 73, 0),
        (0.0, 9.0, 38, 80, 0, 1),  # as short as a drum is, whatever the file says
        (0.1, 0.1, 42, 80, 0, 1),
    ]
    found = group_seconds(Notes(*np.array(rows).T), DEFAULT_GROUPS, drum_seconds=0.15)
    assert found == {
        "piano": pytest.approx(4.0),
        "flute": pytest.approx(1.5),
        DRUMS: pytest.approx(0.25),
    }


def test_no_notes_are_no_groups():
    assert group_seconds(Notes(*np.zeros((6, 0))), DEFAULT_GROUPS, drum_seconds=0.15) == {}
