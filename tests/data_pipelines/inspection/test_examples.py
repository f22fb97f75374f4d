"""Examples: tones at the notes' pitches and times, files that other readers take."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
from inspection_cases import RATE, song
from PIL import Image

from data_pipelines.inspection.examples import make_stem, write_example
from data_pipelines.inspection.pictures import choose_mel_spec
from data_pipelines.inspection.tones import pan_apart, synthesize_tones
from mt3synth.audio.mel import MELGAN, log_mel
from mt3synth.errors import UserError
from mt3synth.reporting.mel_pictures import bin_of
from mt3synth.symbolic.midi import read_midi
from mt3synth.symbolic.notes import Notes


def one(pitch=69, start=1.0, end=2.0, velocity=100, drum=False):
    return Notes(*(np.array([v]) for v in (start, end, pitch, velocity, 0, drum)))


def strongest(audio):
    return np.argmax(np.abs(np.fft.rfft(audio))) * RATE / len(audio)


@pytest.mark.parametrize("pitch, hertz", [(69, 440), (60, 261.63), (124, 5274), (127, 6271.9)])
def test_a_tone_has_the_pitch_or_is_octaves_lower(pitch, hertz):
    audio = synthesize_tones(one(pitch), RATE, 3 * RATE)
    assert strongest(audio[RATE : 2 * RATE]) == pytest.approx(hertz, abs=1)


@pytest.mark.parametrize("drum", [False, True])
def test_a_tone_begins_at_the_onset(drum):
    audio = synthesize_tones(one(drum=drum), RATE, 3 * RATE)
    first = np.flatnonzero(np.abs(audio) > 0.1)[0] / RATE
    assert first == pytest.approx(1.0, abs=0.004)
    assert not np.any(audio[:RATE])
    assert not np.any(audio[int(2.03 * RATE) :])
    assert np.array_equal(audio, synthesize_tones(one(drum=drum), RATE, 3 * RATE))


def test_loudness_follows_velocity_and_the_end_cuts():
    loud, soft = (np.std(synthesize_tones(one(velocity=v), RATE, 3 * RATE)) for v in (100, 50))
    assert loud == pytest.approx(2 * soft, rel=1e-4)
    assert len(synthesize_tones(one(), RATE, int(1.5 * RATE))) == 1.5 * RATE
    assert not np.any(synthesize_tones(one(), RATE, RATE // 2))


def test_both_sides_are_equally_strong():
    left = synthesize_tones(one(), RATE, 2 * RATE) / 5
    right = synthesize_tones(one(60), RATE, 2 * RATE) / 2
    both = pan_apart(left, right)
    np.testing.assert_array_equal(both[:, 0], left)
    assert np.std(both[:, 1]) == pytest.approx(np.std(left), rel=0.01)
    silent = np.zeros(10, np.float32)
    assert not np.any(pan_apart(silent, silent))
    click = np.zeros(1000, np.float32)
    click[5] = 1
    assert np.max(np.abs(pan_apart(np.full(1000, 0.9, np.float32), click))) <= 1


def test_files_of_an_example(tmp_path):
    example = write_example(song("first/take 1.wav", 1), "train", 7, tmp_path / "x")
    assert (example.start, example.end, example.notes) == (0.0, 4.0, 3)
    assert sorted(p.name for p in (tmp_path / "x").iterdir()) == sorted(
        p.name for p in (example.audio, example.midi, example.picture, example.check)
    )
    audio, rate = soundfile.read(example.audio, dtype="float32")
    assert rate == RATE
    np.testing.assert_allclose(audio, song("", 0).audio / 32768, atol=1e-4)
    notes, _ = read_midi(example.midi)
    assert notes.start.tolist() == pytest.approx([0.5, 1.5, 1.5])
    assert notes.program[~notes.is_drum].tolist() == [40, 42]
    both, _ = soundfile.read(example.check)
    assert both.shape == (4 * RATE, 2)
    assert strongest(both[int(0.6 * RATE) : int(1.4 * RATE), 0]) == pytest.approx(440, abs=2)
    assert strongest(both[int(0.6 * RATE) : int(1.4 * RATE), 1]) == pytest.approx(440, abs=2)
    assert Image.open(example.picture).size[0] > 1000


def test_part_of_a_song(tmp_path):
    example = write_example(song("a", 0), "train", 0, tmp_path, 1.0, 3.0)
    audio, _ = soundfile.read(example.audio)
    assert len(audio) == 2 * RATE
    notes, _ = read_midi(example.midi)
    assert notes.start.tolist() == pytest.approx([0.0, 0.5, 0.5])
    assert write_example(song("a", 0), "train", 0, tmp_path, 3.0).end == 4.0
    with pytest.raises(UserError, match=r"song 'a' lasts 4\.00 s; cannot begin at 9 s"):
        write_example(song("a", 0), "train", 0, tmp_path, 9.0)


def test_no_notes_and_silence(tmp_path):
    silent = replace(song("a", 0), audio=np.zeros(RATE, np.int16), notes=Notes.empty())
    assert write_example(silent, "train", 0, tmp_path).notes == 0


@pytest.mark.parametrize(
    "song_id, stem",
    [
        ("first/take 1.wav", "00003_first_take_1.wav"),
        ("../../etc/passwd", "00003_etc_passwd"),
        ("二番", "00003_二番"),
        ("x" * 300, "00003_" + "x" * 60),
    ],
)
def test_any_id_makes_a_file_name(song_id, stem):
    assert make_stem(3, song_id) == stem


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("hertz", [300.0, 440.0, 1500.0])
def test_a_note_lies_where_its_sound_does(rate, hertz):
    """The brightest bin of a sine is the one at which a note of that frequency is drawn."""
    spec = choose_mel_spec(rate)
    fine = replace(spec, window=4 * spec.hop, fft=4 * spec.fft, bins=3 * spec.bins)
    audio = np.sin(2 * np.pi * hertz * np.arange(rate) / rate).astype(np.float32)
    for used in (spec, fine):
        middle = log_mel(audio, used)[len(audio) // used.hop // 2]
        assert np.argmax(middle) == pytest.approx(bin_of(hertz, used), abs=1.5)
    assert spec.frame_rate == pytest.approx(MELGAN.frame_rate, rel=0.01)
