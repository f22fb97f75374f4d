"""FluidSynth plays a file as it plays the notes that are read of it.

Both are rendered and compared in level, 20 ms at a time: what the reader makes of programs, drums,
tempo, pedals and resets is what a synthesizer makes of them. The notes are written as a plain file
that has nothing else in it.
"""

from pathlib import Path

import numpy as np
import pytest
from fluidsynth_cases import levels, needs_fluidsynth, play
from midi_cases import REAL_INPUTS, control, event, exclusive, midi, tempo, tone

from mt3synth.symbolic.midi import read_song, write_midi

pytestmark = needs_fluidsynth

# FluidSynth 2.3 refuses some kinds (SMPTE, undefined status bytes, leading bytes, RIFF, foreign
# chunks, cut files, running status after a meta event, wrong counts of tracks), does not know the
# rhythm bank of GM2, and plays hours of silence. Three kinds have levels or bends: their curves are
# tested.
SAME = [
    "drums_without_note_off",
    "half_pedal_50",
    "junk_after_last_track",
    "key_signature_mode_255",
    "last_chord_never_released",
    "no_end_of_track",
    "pedal_in_right_hand_track",
    "pedal_reset_by_cc121",
    "program_change_while_note_sounds",
    "program_in_setup_track",
    "released_by_all_notes_off",
    "sostenuto",
    "tempo_in_drum_track",
    "track_length_too_long",
    "xg_drums_bank_127_channel_11",
    "zero_length_last_note",
]
ORGAN = event(0xC0, 19)
MADE = {
    "all sound off": ORGAN + event(0x90, 60, 80) + control(120, 0, after=480) + tone(64),
    "omni off": ORGAN + event(0x90, 60, 80) + control(124, 0, after=480) + tone(64),
    "sostenuto, then sustain": ORGAN
    + event(0x90, 60, 80)
    + control(66, 127)
    + event(0x80, 60, 0, after=240)
    + control(64, 127)
    + tone(64)
    + control(66, 0)
    + control(64, 0, after=480)
    + tone(67),
    "sustain, then sostenuto": ORGAN
    + control(64, 127)
    + tone(60)
    + control(66, 127)
    + tone(64)
    + control(64, 0)
    + control(66, 0, after=480)
    + tone(67),
    "coarse tuning": ORGAN + control(101, 0) + control(100, 2) + control(6, 76) + tone(60),
    "reset in mid-song": ORGAN + tone() + exclusive("7e 7f 09 01") + tone(64),
    "tempo": tone() + tempo(250_000) + tone(64) + tempo(1_000_000, after=100) + tone(67),
}


def levels_of(path: Path) -> np.ndarray:
    """Level in dB every 20 ms, as FluidSynth plays a file."""
    return levels(play(path).mean(axis=1))


def differences(data: bytes, folder: Path) -> np.ndarray:
    """How far the two renderings are apart, in dB, where either can be heard."""
    (folder / "written.mid").write_bytes(data)
    song = read_song(data)
    write_midi(song.notes, folder / "read.mid")
    written, read = levels_of(folder / "written.mid"), levels_of(folder / "read.mid")
    # A key that is let go sounds on a little; after the last release there is nothing to compare.
    length = min(len(written), len(read), int(song.notes.end_time * 50) + 10)
    written, read = written[:length], read[:length]
    return np.abs(written - read)[np.maximum(written, read) > -55]


@pytest.mark.parametrize("name", SAME)
def test_real_inputs_sound_as_they_are_read(name, tmp_path):
    apart = differences((REAL_INPUTS / f"{name}.mid").read_bytes(), tmp_path)
    assert len(apart) > 20 and np.mean(apart) < 1.5, apart.round(1).tolist()


@pytest.mark.parametrize("name", MADE)
def test_made_files_sound_as_they_are_read(name, tmp_path):
    apart = differences(midi(MADE[name]), tmp_path)
    assert len(apart) > 20 and np.mean(apart) < 1.5, apart.round(1).tolist()


def test_levels_follow_volume_and_expression_as_the_curves_say(tmp_path):
    steps = [(7, 127), (7, 90), (7, 50), (11, 80), (11, 40)]
    track = ORGAN + b"".join(control(*step) + tone(ticks=960) for step in steps)
    (tmp_path / "x.mid").write_bytes(midi(track))
    song = read_song(midi(track))
    heard = np.array([levels_of(tmp_path / "x.mid")[int(50 * t) + 25] for t in song.notes.start])
    said = song.curves[0].level_db(song.notes.start)
    assert heard - heard[0] == pytest.approx(said - said[0], abs=1.0)
