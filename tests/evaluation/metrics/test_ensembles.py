"""Who plays in a piece, by programs and drums."""

import numpy as np
import pytest

from mt3synth.evaluation.metrics.ensembles import name_ensemble
from mt3synth.symbolic.notes import Notes


@pytest.mark.parametrize(
    "programs, drums, name",
    [
        ([0, 6], [], "piano"),
        ([40, 41, 42, 48], [], "strings"),
        ([56, 71, 73], [], "winds"),
        ([33, 27], [0], "band with drums"),
        ([0], [0], "band with drums"),
        ([40, 73], [], "other"),
        ([46], [], "other"),
        ([], [], "other"),
    ],
)
def test_named_by_whoever_plays(programs: list[int], drums: list[int], name: str) -> None:
    program = np.array([*programs, *drums], int)
    is_drum = np.array([*([False] * len(programs)), *([True] * len(drums))], bool)
    start = np.arange(len(program), dtype=float)
    notes = Notes(start, start + 1, 60 + 0 * program, 80 + 0 * program, program, is_drum)
    assert name_ensemble(notes) == name
