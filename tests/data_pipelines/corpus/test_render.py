"""Rendering: MIDI bytes, alignment, loudness; what needs FluidSynth is skipped without it."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from corpus_cases import STUDIO, needs_fluidsynth

from data_pipelines.corpus.sound.render import RING_OUT_S, encode_midi, render, synthesize
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes

RATE = 16_000


def _notes(start, pitch, velocity, program=0, is_drum=False, length=0.2) -> Notes:
    start = np.atleast_1d(start)
    n = len(start)
    return Notes(
        start=start,
        end=start + length,
        pitch=np.broadcast_to(pitch, n),
        velocity=np.broadcast_to(velocity, n),
        program=np.full(n, program),
        is_drum=np.full(n, is_drum),
    )


def test_midi_bytes_read_back_by_another_reader() -> None:
    pretty_midi = pytest.importorskip("pretty_midi")
    song = Notes.concatenate(
        [
            _notes([0.123, 1.5, 70.25], [60, 61, 62], [20, 64, 127], program=40),
            _notes([0.5, 0.75], [36, 38], 90, is_drum=True),
            _notes([0.123], 50, 33, program=42),
        ]
    )
    read = pretty_midi.PrettyMIDI(io.BytesIO(encode_midi(song)))
    rows = sorted(
        (n.start, n.end, n.pitch, n.velocity, i.program, i.is_drum)
        for i in read.instruments
        for n in i.notes
    )
    s = song
    written = sorted(zip(s.start, s.end, s.pitch, s.velocity, s.program, s.is_drum))
    assert [r[2:] for r in rows] == [tuple(w[2:]) for w in written]
    np.testing.assert_allclose(
        [r[:2] for r in rows], [[float(w[0]), float(w[1])] for w in written], atol=1e-4
    )


def test_sixteen_programs_do_not_fit_into_midi() -> None:
    many = Notes.concatenate([_notes([0.0], 60, 80, program=p) for p in range(16)])
    with pytest.raises(ValueError, match="16 programs"):
        encode_midi(many)


@needs_fluidsynth
def test_clicks_sound_where_they_are_written() -> None:
    start = 0.2 + 0.3137 * np.arange(8)
    audio = np.abs(synthesize(_notes(start, 42, 110, is_drum=True), STUDIO.soundfont.path(), RATE))
    for at in start:
        first = round((at - 0.05) * RATE)
        window = audio[first : first + round(0.15 * RATE)]
        onset = first + np.argmax(window > 0.1 * window.max())
        assert abs(onset / RATE - at) < 0.005


@needs_fluidsynth
def test_a_soundfont_that_does_not_load_is_not_replaced_by_another(tmp_path: Path) -> None:
    broken = tmp_path / "broken.sf2"
    with STUDIO.soundfont.path().open("rb") as whole:
        broken.write_bytes(whole.read(10_000))
    with pytest.raises(UserError, match=r"fluidsynth failed on .*broken\.sf2: .*error"):
        synthesize(_notes([0.1], 60, 80), broken, RATE)


@needs_fluidsynth
def test_velocity_is_loudness_and_nothing_is_normalised() -> None:
    rms = []
    for velocity in (30, 60, 120):
        notes = _notes([0.1], 69, velocity, program=40, length=1.0)
        audio = render(notes, STUDIO, RATE, np.random.default_rng(0))
        assert len(audio) == round((1.1 + RING_OUT_S) * RATE)
        rms.append(20 * np.log10(audio[3200:14400].std()))
    assert rms[1] - rms[0] > 6 and rms[2] - rms[1] > 6
    assert np.abs(audio).max() < 0.9


def test_rendering_imports_no_tensorflow() -> None:
    code = "import sys, data_pipelines.corpus.build; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
