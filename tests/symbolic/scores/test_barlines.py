"""Parts meet at barlines, however their measures are filled."""

import pytest
from notation_cases import note, quarters, score_of_parts

from mt3synth.symbolic.scores import play_score

FOUR = quarters("C4", "D4", "E4", "F4")


def onsets(*parts: list[str]) -> list[list[float]]:
    """Onsets of each part in quarters."""
    song = play_score(score_of_parts(*((part, f"Part {i}", 1) for i, part in enumerate(parts))))
    return [(2 * song.notes.start[song.channel == i]).round(3).tolist() for i in range(len(parts))]


def test_a_measure_that_holds_too_much_is_squeezed():
    # A cadenza of five quarters in the first of three parts.
    played = onsets([FOUR + note("G4"), FOUR], [FOUR, FOUR], [FOUR, FOUR])
    assert played[0] == [0, 0.8, 1.6, 2.4, 3.2, 4, 5, 6, 7]
    assert played[1] == played[2] == [0, 1, 2, 3, 4, 5, 6, 7]


def test_a_measure_that_rounding_left_short_is_stretched():
    short = quarters("C4", "D4", "E4") + note("F4", 23 / 24)
    played = onsets([short, FOUR], [FOUR, FOUR], [FOUR, FOUR])
    assert played[0] == pytest.approx([0, 1, 2, 3, 4, 5, 6, 7], abs=0.04)
    assert played[0][4] == 4


def test_a_measure_that_lacks_a_rest_is_left_as_it_is():
    played = onsets([quarters("C4", "D4"), FOUR], [FOUR, FOUR], [FOUR, FOUR])
    assert played[0] == [0, 1, 4, 5, 6, 7]


def test_a_pickup_is_short_in_all_parts():
    played = onsets([note("C4"), FOUR], [note("E4"), FOUR])
    assert played[0] == played[1] == [0, 1, 2, 3, 4]


def test_a_tie_over_a_moved_barline_is_still_a_tie():
    tied = '<tie type="{}"/>'
    first = quarters("C4", "D4", "E4") + note("F4", 23 / 24, "", tied.format("start"))
    second = note("F4", 4, "", tied.format("stop"))
    played = onsets([first, second], [FOUR, FOUR], [FOUR, FOUR])
    assert len(played[0]) == 4
