"""A score of which a part is written twice and played once: found, or refused, never accepted."""

from functools import cache

import numpy as np
import pytest
from tone_cases import make_score, make_tones

from data_pipelines.alignment.align import Alignment, align
from data_pipelines.alignment.structure import Run, unfold

pytest.importorskip("synctoolbox")
SECONDS = 36.0
KEYS = np.random.default_rng(3).integers(48, 80, 72)
SCORE = make_score(np.arange(0.0, SECONDS, 0.5), KEYS)
TRUTH = SCORE.start + 0.8 * np.sin(SCORE.start / 5) + 0.5
SOUND = make_tones(TRUTH, KEYS, attack=0.005, seconds=SECONDS + 3)


@cache
def aligned(first: float, last: float, jumps: bool) -> Alignment:
    """Aligns the score with what is from ``first`` to ``last`` written twice."""
    once, again = (0.0, last), (first, SECONDS)
    return align(unfold(SCORE, [Run(once, once), Run(again, again)]), SOUND, jumps=jumps)


def check_played_once(alignment: Alignment, least: int) -> None:
    """Checks the times of all notes, or of all but some at the beginning."""
    assert alignment.find_problem() is None
    count = len(alignment.notes)
    assert least <= count <= len(KEYS)
    assert alignment.played.pitch.tolist() == KEYS[-count:].tolist()
    error = np.abs(alignment.notes.start - TRUTH[-count:])
    assert np.median(error) < 0.02 and np.percentile(error, 95) < 0.08


def test_at_the_beginning_it_is_left_out_and_said() -> None:
    alignment = aligned(0.0, 12.0, jumps=False)
    # Where it begins is known to 0.2 s, in which a note may be lost.
    check_played_once(alignment, least=len(KEYS) - 1)
    assert len(alignment.form) == 1 and "is not played" in alignment.form[0]


def test_in_the_middle_it_is_refused() -> None:
    assert "--structure auto finds jumps" in str(aligned(12.0, 24.0, jumps=False).find_problem())


def test_in_the_middle_it_is_found_where_jumps_are_looked_for() -> None:
    alignment = aligned(12.0, 24.0, jumps=True)
    check_played_once(alignment, least=len(KEYS))
    assert len(alignment.form) == 1 and "skips from" in alignment.form[0]
