"""What expression adds, and that it adds nothing at 0."""

import numpy as np
from notation_cases import note, play, quarters

FOUR = quarters("C4", "E4", "G4", "C5")
PIECE = (FOUR,) * 8


def test_to_the_letter_nothing_is_added():
    song = play(*PIECE)
    np.testing.assert_array_equal(song.notes.start, np.arange(32.0))
    assert set(song.notes.velocity.tolist()) == {80}


def test_notes_stay_the_same_notes():
    plain, full = play(*PIECE), play(*PIECE, expression=1.0)
    np.testing.assert_array_equal(plain.notes.pitch, full.notes.pitch)
    assert np.all(np.diff(full.notes.start) > 0)


def test_the_ending_is_slower_than_the_middle():
    steps = np.diff(play(*PIECE, expression=1.0).notes.start)
    assert steps[-1] > 1.4 * np.median(steps)
    assert np.all(np.diff(steps[-4:]) > 0)


def test_phrases_rise_and_fall():
    measure = quarters("C4", "C4", "C4", "C4")
    velocity = play(*(measure,) * 8, expression=1.0).notes.velocity.astype(float)
    bars = velocity.reshape(8, 4).mean(axis=1)
    # Two phrases of four measures.
    assert bars[1] > bars[0] and bars[2] > bars[3]
    assert bars[5] > bars[4] and bars[6] > bars[7]


def test_higher_notes_are_louder():
    song = play(quarters("C3", "C6", "C3", "C6"), expression=1.0)
    velocity = song.notes.velocity
    assert velocity[1] > velocity[2] and velocity[3] > velocity[2]


def test_half_the_expression_is_about_half_of_it():
    def later(expression: float) -> float:
        return float(play(*PIECE, expression=expression).notes.end_time - 32)

    assert 0 < later(0.3) < later(0.6) < later(1.0)


def test_a_single_note_can_be_expressive():
    assert len(play(note("C4", 4), expression=1.0).notes) == 1
