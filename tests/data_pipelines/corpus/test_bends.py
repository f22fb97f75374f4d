"""Songs that bend and swell: what is stored of them is what is rendered."""

import io

import numpy as np
import pytest
from corpus_cases import SMALL_SOUNDFONT, needs_fluidsynth

from data_pipelines.corpus.arrangement.kinds import BENT, read_kinds
from data_pipelines.corpus.bends import bend_notes
from data_pipelines.corpus.sound.render import encode_midi, synthesize
from data_pipelines.corpus.sound.voices import BEND_SEMITONES, assign_channels
from mt3synth.symbolic.midi import read_song
from mt3synth.symbolic.note_curves import NoteCurves
from mt3synth.symbolic.notes import Notes


def held(count: int = 12, program: int = 40) -> Notes:
    same = np.ones(count, int)
    start = 0.7 * np.arange(count)
    drum = np.arange(count) == 3
    keys = 60 + np.arange(count)
    return Notes(start, start + 2.0, keys, 80 * same, np.where(drum, 0, program), drum)


@pytest.mark.parametrize("seed", range(4))
def test_midi_says_of_each_note_what_its_curve_says(seed):
    notes = bend_notes(held(), np.random.default_rng(seed))
    song = read_song(io.BytesIO(encode_midi(notes)))
    assert not song.reports
    channels = assign_channels(notes)
    np.testing.assert_array_equal(song.channel, channels[notes.order()])
    for i in np.flatnonzero(~notes.is_drum):
        written = song.curves[int(channels[i])]
        at = np.linspace(0.011, 1.98, 80)
        semitones, gain = notes.curves.at(int(i), at)
        found = written.cents(notes.start[i] + at) / 100
        # Messages are steps, of 5 ms.
        near = np.abs(found[:, None] - semitones) - 0.03
        slack = np.abs(np.gradient(semitones, at)) * 0.006
        assert np.all(np.diagonal(near) <= slack + 0.02)
        db = written.level_db(notes.start[i] + at) - 40 * np.log10(100 / 127)
        heard = gain > 0.02
        off = np.abs(db[heard] - 20 * np.log10(gain[heard]))
        assert np.median(off, axis=None) < 0.2 if heard.any() else True
        assert np.all(db[gain == 0] < -60)


def test_bends_are_within_what_a_wheel_reaches_and_drums_have_none():
    for seed in range(8):
        notes = bend_notes(held(), np.random.default_rng(seed))
        if notes.curves is not None:
            assert np.abs(notes.curves.semitones).max() <= BEND_SEMITONES
            assert notes.curves.plain[3]


def test_as_many_notes_bend_at_once_as_midi_has_channels():
    count = 20
    same = np.ones(count, int)
    chord = Notes(0.0 * same, 2.0 * same, 50 + np.arange(count), 80 * same, 40 * same, same == 0)
    knot = (np.zeros(1), np.array([0.3]), np.ones(1))
    all_bent = chord.with_curves(NoteCurves.of([knot] * count))
    assert np.sum(assign_channels(all_bent) < 0) == count - 14
    with pytest.raises(ValueError, match="6 notes bend for which MIDI has no channel left"):
        encode_midi(all_bent)
    bent = next(
        made
        for made in (bend_notes(chord, np.random.default_rng(seed)) for seed in range(20))
        if made.curves is not None and np.sum(~made.curves.plain) == 14
    )
    encode_midi(bent)


@needs_fluidsynth
def test_a_bent_note_sounds_where_its_curve_is():
    """By the phase of a low tone: a whole tone up, its period is shorter by the ratio."""
    plain = held(1)
    knot = (np.zeros(1), np.array([2.0]), np.array([0.5]))
    rate = 16_000
    sounds = [
        synthesize(notes, SMALL_SOUNDFONT / "TimGM6mb.sf2", rate)[rate // 2 : rate]
        for notes in (plain, plain.with_curves(NoteCurves.of([knot])))
    ]
    peaks, levels = [], []
    for sound in sounds:
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 18))
        low = int(200 / rate * (1 << 18))
        peaks.append((low + int(np.argmax(spectrum[low : 2 * low]))) * rate / (1 << 18))
        levels.append(np.sqrt(np.mean(sound**2)))
    assert 1200 * np.log2(peaks[1] / peaks[0]) == pytest.approx(200, abs=6)
    assert 20 * np.log10(levels[1] / levels[0]) == pytest.approx(-6, abs=1.5)


def test_bent_songs_are_of_a_kind_that_is_asked_for():
    assert read_kinds("bent=1,held=1") == (("held", 0.5), (BENT, 0.5))
