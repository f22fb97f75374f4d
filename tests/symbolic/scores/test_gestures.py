"""What changes within held notes: swells and slides, as curves beside the notes."""

import numpy as np
import pytest
from notation_cases import direction, dynamic, marks, note, play, quarters, score, wedge, words

from mt3synth.controllers.song_treatment import treat_song
from mt3synth.symbolic.midi import MidiSong
from mt3synth.symbolic.scores import play_score
from mt3synth.symbolic.scores.dynamics import LEVELS

SWELL = dynamic("p") + wedge("crescendo") + note("A4", 4) + wedge("stop")


def level(song: MidiSong, row: int, seconds: float | np.ndarray) -> np.ndarray:
    """How loud a note is at a moment, as a velocity: that of a note without a curve."""
    expression = song.curves[int(song.channel[row])].expression.at(seconds) / 127
    return song.notes.velocity[row] * expression


def test_a_held_note_swells_in_a_line_to_the_next_mark():
    song = play(SWELL, dynamic("f") + note("A4", 4))
    times = np.linspace(0, 3.9, 40)
    expected = LEVELS["p"] + (LEVELS["f"] - LEVELS["p"]) * times / 4
    np.testing.assert_allclose(level(song, 0, times), expected, atol=1)
    # The note after it is as loud as it is written, and nothing is done to it.
    assert song.notes.velocity[1] == LEVELS["f"] and level(song, 1, 5.0) == LEVELS["f"]
    assert song.beside == ["swells within notes: 1 ignored"] and song.reports == []


def test_it_is_heard_as_what_is_done_to_the_sound():
    treated = treat_song(play(SWELL, dynamic("f") + note("A4", 4)))
    [treatment] = treated.treatments
    ratio = treatment.gain.at(3.99) / treatment.gain.at(0.0)
    # 40 log10 of the velocities, as everywhere.
    assert 20 * np.log10(ratio) == pytest.approx(40 * np.log10(96 / 49), abs=0.3)


def test_without_curves_a_note_has_the_velocity_of_its_beginning():
    song = play_score(score(SWELL, dynamic("f") + note("A4", 4)), curves=False)
    assert song.notes.velocity.tolist() == [LEVELS["p"], LEVELS["f"]]
    assert song.curves[0].expression.is_constant and song.beside == []


@pytest.mark.parametrize(
    ("measures", "options"),
    [
        ([SWELL], {"name": "Piano", "program": 1}),  # its tones fade, whatever is written
        (
            [dynamic("p") + wedge("crescendo") + quarters("C4", "D4", "E4", "F4") + wedge("stop")],
            {},
        ),
        ([dynamic("mf") + words("cresc.") + note("C4", 2), note("D4", 4), note("E4", 4)], {}),
    ],
    ids=["a piano", "short notes", "less than 3 dB"],
)
def test_where_no_swell_is_heard_nothing_is_done(measures, options):
    song = play(*measures, **options)
    assert song.curves[0].expression.is_constant and song.beside == []


def test_a_held_fp_is_soft_after_half_a_quarter():
    song = play(dynamic("f") + note("C4") + dynamic("fp") + note("D4", 3))
    assert level(song, 1, 1.0) == 127
    assert level(song, 1, np.array([1.52, 2.0, 3.9])) == pytest.approx(LEVELS["p"], abs=0.5)


def test_voices_of_one_part_share_a_curve_and_keep_their_levels():
    back = "<backup><duration>96</duration></backup>"
    low = note("D4", 1, marks("accent")) + quarters("E4", "F4", "G4")
    second = low.replace("<voice>1", "<voice>2")
    song = play(SWELL + back + second, dynamic("f") + note("A4", 4))
    begins = song.notes.start
    for row in range(5):
        expected = LEVELS["p"] + (LEVELS["f"] - LEVELS["p"]) * begins[row] / 4
        expected *= 1.2 if song.notes.pitch[row] == 62 else 1
        # Nothing is struck harder than 127, also an accent in a swell.
        expected = min(expected, 127 * expected / LEVELS["f"])
        assert level(song, row, begins[row]) == pytest.approx(expected, abs=1.5)


def test_a_swell_is_repeated_with_its_measure():
    repeat = '<barline location="right"><repeat direction="backward"/></barline>'
    song = play(SWELL + repeat, note("C5", 4))
    assert level(song, 0, 2.0) == pytest.approx(level(song, 1, 6.0), abs=0.5)
    assert level(song, 1, 4.0) == pytest.approx(LEVELS["p"], abs=1)


def test_expression_shapes_phrases_around_a_swell():
    plain, song = play(SWELL, note("C5", 4)), play(SWELL, note("C5", 4), expression=1.0)
    rise = [float(level(s, 0, 0.98 * s.notes.end[0]) / level(s, 0, 0.0)) for s in (plain, song)]
    assert rise[0] == pytest.approx(rise[1], rel=0.05) and rise[0] > 1.2


def test_a_slide_bends_the_second_half_of_its_note():
    mark = '<slide type="{}" number="1"/>'
    song = play(note("C4", 2, mark.format("start")) + note("G4", 2, mark.format("stop")))
    assert song.notes.pitch.tolist() == [60, 67]
    bend = song.curves[0].bend
    np.testing.assert_allclose(bend.at(np.array([0, 0.9, 1.5, 1.98])), [0, 0, 3.5, 6.86], atol=0.15)
    assert np.all(bend.at(np.array([2.0, 3.0])) == 0)
    assert song.beside == ["slides: 1 ignored"]


def test_a_tempo_that_changes_stretches_a_swell():
    slow = direction("<words></words>", 'tempo="30"')
    held = dynamic("p") + wedge("crescendo") + note("A4", 4) + slow + note("B4", 4) + wedge("stop")
    song = play(held, dynamic("ff") + note("A4", 4), beats=8)
    middle = (LEVELS["p"] + LEVELS["ff"]) / 2
    assert level(song, 1, 4.0) == pytest.approx(middle, abs=1)
    assert level(song, 1, 8.0) == pytest.approx((middle + LEVELS["ff"]) / 2, abs=1)
