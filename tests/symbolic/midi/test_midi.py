"""MIDI files: what is read, what is reported, what is refused."""

import subprocess
import sys

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from scores import make_notes, rows_of, scores

from mt3synth.errors import UserError
from mt3synth.symbolic import (
    MidiError,
    Notes,
    notes_from_sequence,
    read_midi,
    sequence_from_notes,
    write_midi,
)


@pytest.fixture
def write(tmp_path):
    """Writes tracks of (type, ticks, fields) at 480 ticks and half a second a quarter."""

    def write(*tracks, **header):
        midi = mido.MidiFile(ticks_per_beat=header.pop("ticks_per_beat", 480), **header)
        for track in tracks:
            midi.tracks.append(mido.MidiTrack())
            for kind, ticks, values in track:
                meta = kind in ("set_tempo", "end_of_track")
                message = (mido.MetaMessage if meta else mido.Message)(kind, time=ticks, **values)
                midi.tracks[-1].append(message)
        midi.save(tmp_path / "made.mid")
        return tmp_path / "made.mid"

    return write


def struck(pitch=60, ticks=480, velocity=80, channel=0):
    return [
        ("note_on", 0, {"note": pitch, "velocity": velocity, "channel": channel}),
        ("note_off", ticks, {"note": pitch, "channel": channel}),
    ]


def control(number, value, ticks=0):
    return ("control_change", ticks, {"control": number, "value": value})


def test_programs_change_within_a_track_and_drums_stay(write):
    program = [("program_change", 0, {"program": 40})]
    notes, reports = read_midi(write([*struck(), *program, *struck(62), *struck(36, channel=9)]))
    assert rows_of(notes) == [
        (0, 500, 60, 80, 0, False),
        (500, 1000, 62, 80, 40, False),
        (1000, 1500, 36, 80, 0, True),
    ]
    assert reports == []


def test_sustain_pedal_holds_notes(write):
    notes, reports = read_midi(
        write([control(64, 127), *struck(60), *struck(62), control(64, 0, ticks=960)])
    )
    assert rows_of(notes) == [(0, 2000, 60, 80, 0, False), (500, 2000, 62, 80, 0, False)]
    assert reports == []


def test_each_kind_left_out_is_reported_once_with_its_count(write):
    track = [control(1, 3), control(1, 5), control(7, 100), control(99, 1), control(64, 30)]
    track += [("pitchwheel", 0, {"pitch": 100}), ("aftertouch", 0, {"value": 3})]
    track += [("program_change", 0, {"program": 8, "channel": 9}), *struck()]
    track += [("note_on", 0, {"note": 64, "velocity": 9}), ("polytouch", 480, {"note": 64})]
    notes, reports = read_midi(write(track))
    assert rows_of(notes) == [(0, 500, 60, 80, 0, False), (500, 1000, 64, 9, 0, False)]
    assert sorted(reports) == [
        "changes of drum kit: 1 ignored",
        "channel aftertouch: 1 ignored",
        "controller 1 (modulation): 2 ignored",
        "controller 7 (volume): 1 ignored",
        "controller 99: 1 ignored",
        "half pedal positions: 1 played as up below 64, else as down",
        "key aftertouch: 1 ignored",
        "notes never released: 1 given an end",
        "pitch bends: 1 ignored",
    ]


def test_an_empty_track_does_no_harm(write):
    path = write(struck())
    data = bytearray(path.read_bytes())
    data[11] += 1  # the number of tracks
    path.write_bytes(data + b"MTrk\0\0\0\0")
    assert len(read_midi(path)[0]) == 1


@pytest.mark.parametrize(
    ("tracks", "message"),
    [
        ([[]], "no notes"),
        ([struck(ticks=480 * 2 * 3600 * 5)], "18000 s long; at most 14400 s"),
        ([struck(ticks=2 * 10**8)], "208333 s long"),
        ([[("set_tempo", 0, {"tempo": 2**24 - 1}), *struck(ticks=500_000)]], "17476 s long"),
    ],
)
def test_files_that_cannot_be_played_are_refused(write, tracks, message):
    path = write(*tracks)
    with pytest.raises(MidiError, match=message) as caught:
        read_midi(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(MidiError, match="cannot be written"):
        write_midi(Notes.empty(), tmp_path / "missing" / "x.mid")
    assert issubclass(MidiError, UserError)


def test_files_too_large_are_refused(write, monkeypatch):
    path = write([*struck(), *struck()])
    monkeypatch.setattr("mt3synth.symbolic.midi.song.MAX_NOTES", 1)
    with pytest.raises(MidiError, match="2 notes; at most 1"):
        read_midi(path)
    monkeypatch.setattr("mt3synth.symbolic.midi.source.MAX_BYTES", 40)
    with pytest.raises(MidiError, match="over 40 bytes; a MIDI file may have at most that"):
        read_midi(path)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(notes=scores())
def test_written_notes_are_read_back(notes, tmp_path):
    assert rows_of(notes_from_sequence(sequence_from_notes(notes))) == rows_of(notes)
    if len(notes):
        write_midi(notes, tmp_path / "x.mid")
        again, reports = read_midi(tmp_path / "x.mid")
        assert rows_of(again) == rows_of(notes) and reports == []


def test_a_note_of_no_length_is_written_with_one_millisecond(tmp_path):
    write_midi(make_notes((1, 1, 60, 64, 0, False)), tmp_path / "x.mid")
    assert rows_of(read_midi(tmp_path / "x.mid")[0]) == [(1000, 1001, 60, 64, 0, False)]


def test_silent_notes_of_a_sequence_are_left_out():
    sequence = sequence_from_notes(make_notes((0, 1, 60, 64, 0, False)))
    sequence.notes.add(pitch=61, velocity=0, start_time=0, end_time=1)
    assert rows_of(notes_from_sequence(sequence)) == [(0, 1000, 60, 64, 0, False)]


def test_reading_imports_no_other_reader(tmp_path):
    write_midi(make_notes((0, 1, 60, 64, 0, False)), tmp_path / "x.mid")
    code = (
        "import sys, mt3synth.symbolic as s; s.read_midi(sys.argv[1]); "
        "print([m for m in ('note_seq', 'mido', 'pretty_midi', 'tensorflow') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "x.mid")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
