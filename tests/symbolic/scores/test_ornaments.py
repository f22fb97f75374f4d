"""Notes that are not written out."""

import numpy as np
import pytest
from notation_cases import direction, note, play, quarters, rows, score

from mt3synth.symbolic.scores import play_score


def ornament(name: str, inside: str = "") -> str:
    return f"<ornaments><{name}>{inside}</{name}></ornaments>"


def keys(measure: str) -> list[int]:
    return [key for _, _, key in rows(play(measure))]


def test_a_trill_alternates_ends_on_its_note_and_fills_its_time():
    played = rows(play(note("C4", 2, ornament("trill-mark")) + note("D4", 2)))
    trill = played[:-1]
    assert [key for _, _, key in trill] == [60, 62] * (len(trill) // 2) + [60]
    assert sum(length for _, length, _ in trill) == pytest.approx(2.0, abs=0.01)
    # As fast as hands are: 12 or so a second.
    assert np.diff([start for start, _, _ in trill]) == pytest.approx(0.08, abs=0.01)


def test_a_trill_is_as_fast_at_any_tempo():
    def count(tempo: int) -> int:
        speed = direction("<words></words>", f'tempo="{tempo}"')
        song = play_score(score(speed + note("C4", 4, ornament("trill-mark"))))
        return len(song.notes)

    # Half the tempo, twice the time, twice the notes.
    assert count(60) == pytest.approx(2 * count(120), abs=2)


@pytest.mark.parametrize(
    ("pitch", "accidental", "other"),
    [("E4", "", 65), ("C4", "", 62), ("C4", "flat", 61), ("B3", "sharp", 61)],
)
def test_a_trill_goes_to_the_next_note_of_the_key_or_as_marked(pitch, accidental, other):
    mark = "<trill-mark/>"
    if accidental:
        mark += f"<accidental-mark>{accidental}</accidental-mark>"
    assert keys(note(pitch, 2, f"<ornaments>{mark}</ornaments>"))[1] == other


@pytest.mark.parametrize(
    ("name", "played"),
    [
        ("mordent", [60, 59, 60]),
        ("inverted-mordent", [60, 62, 60]),
        ("turn", [62, 60, 59, 60]),
        ("inverted-turn", [59, 60, 62, 60]),
        ("delayed-turn", [60, 62, 60, 59, 60]),
    ],
)
def test_mordents_and_turns(name, played):
    song = play(note("C4", 2, ornament(name)))
    assert song.notes.pitch.tolist() == played
    assert song.notes.end.max() == pytest.approx(2.0)
    # Small notes are short; the one that stays is the note itself.
    lengths = song.notes.end - song.notes.start
    assert np.sort(lengths)[:-1].max() <= 0.3
    assert song.notes.pitch[np.argmax(lengths)] == 60


def test_what_is_too_short_for_an_ornament_is_played_plainly():
    assert keys(note("C4", 0.0625, ornament("trill-mark")) + note("D4")) == [60, 62]


@pytest.mark.parametrize(("strokes", "count"), [(1, 2), (2, 4), (3, 8)])
def test_a_tremolo_repeats_its_note(strokes, count):
    measure = note("C4", 1, ornament("tremolo", str(strokes)))
    assert keys(measure) == [60] * count


def test_a_tremolo_is_not_faster_than_a_bow():
    measure = note("C4", 1, ornament("tremolo", "8"))
    assert np.diff(play(measure).notes.start).min() > 0.05


def chord(kind: str) -> str:
    mark = f"<arpeggiate{kind}/>"
    return note("C4", 2, mark) + note("E4", 2, mark, "<chord/>") + note("G4", 2, mark, "<chord/>")


def test_arpeggios_begin_one_after_another_and_end_together():
    played = play(chord(""))
    assert played.notes.pitch.tolist() == [60, 64, 67]
    assert np.diff(played.notes.start) == pytest.approx(0.045)
    assert played.notes.end.tolist() == [2.0] * 3
    assert play(chord(' direction="down"')).notes.pitch.tolist() == [67, 64, 60]


GRACE = "<grace slash='yes'/>"


def test_grace_notes_come_before_the_beat():
    measure = note("C4", 2) + note("E4", 0, "", GRACE) + note("F4", 0, "", GRACE) + note("G4", 2)
    played = rows(play(measure))
    assert [key for _, _, key in played] == [60, 64, 65, 67]
    assert [start for start, _, _ in played] == [0, 1.86, 1.93, 2.0]


def test_grace_notes_before_the_first_note_are_on_the_beat():
    played = rows(play(note("E4", 0, "", GRACE) + note("G4", 2)))
    assert [start for start, _, _ in played] == [0, 0.07]
    assert played[1][0] + played[1][1] == 2.0


def test_an_appoggiatura_takes_its_value():
    played = rows(play(note("D4", 0, "", "<grace slash='no'/>") + note("C4", 2) + note("E4", 2)))
    assert played == [(0, 0.5, 62), (0.5, 1.5, 60), (2.0, 2.0, 64)]


def test_an_accent_on_a_trill_is_struck_once():
    marked = "<articulations><accent/></articulations>" + ornament("trill-mark")
    velocities = play(note("C4", 2, marked)).notes.velocity.tolist()
    assert velocities[0] == 96
    assert set(velocities[1:]) == {80}


def gliding(kind: str, first: str, second: str, quarters: float = 2) -> str:
    mark = f'<{kind} type="{{}}" number="1"/>'
    return note(first, quarters, mark.format("start")) + note(second, 2, mark.format("stop"))


def test_a_glissando_runs_through_the_keys_between():
    played = rows(play(gliding("glissando", "C4", "G4")))
    assert [key for _, _, key in played] == list(range(60, 68))
    assert played[0] == (0, 1, 60) and played[-1] == (2, 2, 67)
    assert [start for start, _, _ in played[1:-1]] == pytest.approx(1 + np.arange(6) / 6, abs=1e-3)
    assert keys(gliding("glissando", "G4", "E4")) == [67, 66, 65, 64]


def test_on_keys_and_harps_it_runs_through_the_white_ones():
    song = play(gliding("glissando", "C4", "C5"), name="Harp", program=47)
    assert song.notes.pitch.tolist() == [60, 62, 64, 65, 67, 69, 71, 72]
    # Nobody slides on a piano.
    song = play(gliding("slide", "C4", "G4"), name="Piano", program=1)
    assert song.notes.pitch.tolist() == [60, 62, 64, 65, 67]


def test_a_glissando_has_no_more_notes_than_there_is_time_for():
    played = play(gliding("glissando", "C3", "C6", 0.5)).notes
    assert np.diff(played.start)[1:].min() >= 0.03 - 1e-6
    assert np.all(np.diff(played.pitch.astype(int)) > 0) and played.pitch[-1] == 84


def shaken(first: str, second: str, strokes: int) -> str:
    mark = f'<ornaments><tremolo type="{{}}">{strokes}</tremolo></ornaments>'
    return note(first, 1, mark.format("start")) + note(second, 1, mark.format("stop"))


def test_a_tremolo_between_two_notes_alternates_through_the_time_of_both():
    played = rows(play(shaken("C4", "E4", 2) + note("G4", 2)))
    assert [key for _, _, key in played] == [60, 64] * 4 + [67]
    assert [start for start, _, _ in played] == pytest.approx([*np.arange(8) / 4, 2])
    # Not faster than hands are.
    assert np.diff([start for start, _, _ in rows(play(shaken("C4", "E4", 8)))]).min() > 0.05


def test_a_tremolo_between_chords_alternates_whole_chords():
    mark = '<ornaments><tremolo type="{}">1</tremolo></ornaments>'
    measure = "".join(
        note(low, 1, mark.format(side)) + note(high, 1, "", "<chord/>")
        for low, high, side in (("C4", "E4", "start"), ("F4", "A4", "stop"))
    )
    assert [(start, key) for start, _, key in rows(play(measure))] == [
        *((0, 60), (0, 64), (0.5, 65), (0.5, 69)),
        *((1, 60), (1, 64), (1.5, 65), (1.5, 69)),
    ]


def test_what_is_not_played_is_reported():
    for measure, told in (
        (gliding("slide", "C4", "G4"), "glissandi to or from no note: 1 ignored"),
        (shaken("C4", "G4", 3), "tremolos between two notes, of which one is missing: 1 ignored"),
    ):
        first, second = measure.split("</note>", 1)
        cue = second.replace("<voice>1</voice>", '<voice>1</voice><type size="cue">half</type>')
        assert play(f"{first}</note>{cue}").reports == ["cue notes: 1 not played", told]
    cue = quarters("C4", "D4").replace(
        "<voice>1</voice>", '<voice>1</voice><type size="cue">quarter</type>', 1
    )
    song = play(cue)
    assert song.notes.pitch.tolist() == [62]
    assert song.reports == ["cue notes: 1 not played"]
