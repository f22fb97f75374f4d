"""Files of kinds that real programs write: read as every player plays them."""

import json

import numpy as np
import pytest
from midi_cases import REAL_INPUTS, mismatches

from mt3synth.symbolic.midi import read_midi, read_song

EXPECTED = json.loads((REAL_INPUTS / "expected.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_notes_are_as_expected(name):
    assert mismatches(read_song(REAL_INPUTS / name), EXPECTED[name]) == []


@pytest.mark.parametrize("name", [n for n, e in EXPECTED.items() if {"fade_db", "swell_db"} & {*e}])
def test_curves_hold_fades_and_swells(name):
    song, expected = read_song(REAL_INPUTS / name), EXPECTED[name]
    level = song.curves[int(song.channel[0])].level_db(song.notes.start)
    assert level[0] - level[-1] >= expected.get("fade_db", -np.inf)
    assert np.ptp(level) >= expected.get("swell_db", -np.inf)


def test_curves_hold_a_muted_part():
    name = "muted_channel_volume_0.mid"
    song = read_song(REAL_INPUTS / name)
    muted = song.notes.program == EXPECTED[name]["silent_program"]
    assert 0 < muted.sum() < len(muted)
    levels = [
        song.curves[channel].level_db(start)
        for channel, start in zip(song.channel.tolist(), song.notes.start)
    ]
    assert np.array_equal(np.isneginf(levels), muted)


def test_curves_hold_a_glide():
    name = "pitch_bend_whole_tone.mid"
    song = read_song(REAL_INPUTS / name)
    cents = song.curves[0].cents(np.linspace(0, song.notes.end_time, 100))
    assert cents[0] == 0 and np.all(np.diff(cents) >= 0)
    assert cents[-1] == pytest.approx(100 * EXPECTED[name]["bend_semitones"], abs=2)


@pytest.mark.parametrize(
    ("name", "line"),
    {
        "cut_short": "the end of the file is cut off: 1 track read as far as it goes",
        "foreign_chunk_before_track": "foreign chunks: 1 skipped",
        "half_pedal_50": "half pedal positions: 1 played as up below 64, else as down",
        "header_says_more_tracks": "tracks that the header counts and the file lacks: 2",
        "header_says_no_tracks": "tracks that the header does not count: 2 read",
        "last_chord_never_released": "notes never released: 3 given an end",
        "leading_bytes": "bytes before the header: 2 skipped",
        "no_end_of_track": "tracks without an end-of-track message: 1",
        "realtime_status_f8": "undefined or real-time status bytes: 1 skipped",
        "track_length_too_long": "tracks of a wrong length: 1 read up to their end",
        "undefined_status_f4": "undefined or real-time status bytes: 1 skipped",
        "velocity_200": "data bytes above 127: 1 masked",
        "zero_length_note": "notes without a length: 1 made 0.05 s long",
    }.items(),
)
def test_what_is_repaired_or_not_heard_is_said_in_one_line(name, line):
    assert line in read_song(REAL_INPUTS / f"{name}.mid").reports


@pytest.mark.parametrize(
    ("name", "line"),
    {
        "pitch_bend_whole_tone": "pitch bends: 24 ignored",
        "soft_pedal": "controller 67 (soft pedal): 1 ignored",
    }.items(),
)
def test_what_stands_in_curves_is_ignored_by_who_takes_the_notes_alone(name, line):
    path = REAL_INPUTS / f"{name}.mid"
    song = read_song(path)
    assert song.reports == [] and song.beside == [line]
    assert read_midi(path)[1] == [line]


@pytest.mark.parametrize(
    "name",
    [
        "end_of_track_after_five_hours.mid",
        "gm2_rhythm_bank_120_channel_11.mid",
        "junk_after_last_track.mid",
        "key_signature_mode_255.mid",
        "pedal_in_right_hand_track.mid",
        "released_by_all_notes_off.mid",
        "riff_rmid.rmi",
        "running_status_after_meta.mid",
        "smpte_25fps_40.mid",
        "sostenuto.mid",
        "tempo_in_drum_track.mid",
        "xg_drums_bank_127_channel_11.mid",
    ],
)
def test_what_is_played_as_written_is_not_reported(name):
    assert read_song(REAL_INPUTS / name).reports == []
