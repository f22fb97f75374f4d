"""Controllers of a song as curves of its notes, for a model that hears them."""

import dataclasses

import numpy as np
import pytest
from midi_cases import control, event, midi, tone, wheel

from mt3synth.controllers import note_curves
from mt3synth.controllers.note_curves import let_notes_carry
from mt3synth.controllers.song_treatment import treat_song
from mt3synth.symbolic.midi import Curve, MidiSong, read_song
from mt3synth.symbolic.notes import Notes


def carried(*tracks: bytes):
    return let_notes_carry(treat_song(read_song(midi(*tracks))))


def test_a_song_without_controllers_stays_as_it_is():
    song = carried(tone() + tone(36, channel=9))
    assert song.notes.curves is None and not song.reports


def test_a_slide_and_a_fade_are_in_the_note_and_nothing_is_left_for_its_sound():
    steps = b"".join(
        wheel(int(w), after=24) + control(11, int(e))
        for w, e in zip(np.linspace(0, 8191, 40), np.linspace(127, 40, 40))
    )
    track = event(0x90, 60, 80) + steps + event(0x80, 60, 0, after=240)
    song = carried(track)
    assert all(each.is_plain(stereo=True) for each in song.treatments)
    read = read_song(midi(track))
    at = np.arange(0, 1.2, 0.013)
    found, gain = song.notes.curves.at(0, at)
    written = read.curves[0]
    # Half the time the wheel is above a whole tone, so that is the key that is played.
    cents = 100 * (song.notes.pitch[0] - 60 + found)
    assert np.abs(cents - written.cents(at)).max() < 9
    loudest = written.level_db(0.0)
    assert np.abs(20 * np.log10(gain) - (written.level_db(at) - loudest)).max() < 1.2
    assert song.reports == [
        "bends, tunings and modulation: played by the model, in 1 of 1 notes",
        "volume and expression: played by the model, in 1 of 1 notes",
    ]


def test_a_vibrato_is_in_the_note():
    song = carried(control(1, 127) + tone(ticks=960))
    found, _ = song.notes.curves.at(0, np.arange(0, 1, 0.001))
    assert found.max() == pytest.approx(0.5, abs=0.05)
    assert found.min() == pytest.approx(-0.5, abs=0.05)
    assert np.sum(np.diff(np.sign(found)) > 0) in (5, 6)


def test_place_and_the_pitch_of_drums_are_left_to_their_sound():
    song = carried(
        control(10, 20) + control(7, 50) + tone(),
        wheel(4096, channel=9) + tone(36, channel=9) + control(10, 64, channel=9),
    )
    drum = song.treatments[song.treatment[np.flatnonzero(song.notes.is_drum)[0]]]
    piano = song.treatments[song.treatment[np.flatnonzero(~song.notes.is_drum)[0]]]
    assert piano.pan.values[0] == 20 and not piano.moves_level and not piano.moves_pitch
    assert drum.cents.values[0] == pytest.approx(100, abs=1)
    _, gain = song.notes.curves.at(int(np.flatnonzero(~song.notes.is_drum)[0]), np.zeros(1))
    assert gain[0] == pytest.approx(0.25)
    # Groups without anything to be told apart by are one.
    alike = carried(control(7, 50) + tone(), control(7, 100, channel=1) + tone(64, channel=1))
    assert len(alike.treatments) == 1


def test_a_note_of_no_length_has_a_curve_too():
    notes = Notes(*map(np.array, ([0.5], [0.5], [60], [80], [0], [False])))
    song = treat_song(MidiSong.of_notes(notes))
    cents = Curve(np.array([0.0, 0.4]), np.array([0, 30], np.float32))
    moved = dataclasses.replace(song.treatments[0], cents=cents)
    carried_song = let_notes_carry(dataclasses.replace(song, treatments=(moved,)))
    np.testing.assert_allclose(carried_song.notes.curves.semitones, [0.3], rtol=1e-6)


def test_hours_of_a_bent_chord_are_sampled_no_finer_than_can_be_afforded(monkeypatch):
    keys = range(30, 90)
    chord = b"".join(event(0x90, key, 80) for key in keys)
    ends = b"".join(event(0x80, key, 0) for key in keys)
    track = chord + control(1, 64, after=480) + wheel(4000, after=480 * 3600) + ends
    monkeypatch.setattr(note_curves, "MOST_SAMPLES", 6000)
    curves = carried(track).notes.curves
    assert len(curves) == 60 and 60 * 2 < len(curves.seconds) < 60 * 150
