"""basic-pitch on tones that are known, and the message where it is not installed."""

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from transcription_cases import RATE, line, tones

from mt3synth.errors import UserError
from mt3synth.evaluation.metrics.note_counts import count_notes
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription import basic_pitch

NEEDED = ("basic_pitch", "onnxruntime", "librosa", "mir_eval", "pretty_midi", "resampy", "sklearn")
needs_basic_pitch = pytest.mark.skipif(
    any(find_spec(name) is None for name in NEEDED),
    reason=f"basic-pitch is not installed: {basic_pitch.INSTALL}",
)


@needs_basic_pitch
def test_finds_notes_on_time_over_several_windows() -> None:
    score = line()
    heard = basic_pitch.BasicPitch()(tones(score, 9.0), RATE)
    counts = count_notes(score, heard)
    assert counts.recall == 1.0
    assert counts.precision > 0.5  # it hears some octaves as notes of their own
    nearest = [np.abs(heard.start - s).min() for s in score.start]
    assert np.median(nearest) < 0.02


@needs_basic_pitch
def test_stretches_hear_what_the_whole_does(monkeypatch: pytest.MonkeyPatch) -> None:
    start = np.arange(0.3, 24.0, 0.4)
    count = len(start)
    score = Notes(
        start=start,
        end=start + 0.9,
        pitch=55 + (np.arange(count) * 7) % 24,
        velocity=np.full(count, 80),
        program=np.zeros(count),
        is_drum=np.zeros(count),
    )
    audio = tones(score, 26.0)
    transcribe = basic_pitch.BasicPitch()
    whole = transcribe(audio, RATE)
    monkeypatch.setattr(basic_pitch, "_CORE", 4)
    monkeypatch.setattr(basic_pitch, "_MARGIN", 3)
    assert count_notes(whole, transcribe(audio, RATE), 0.02).f1 > 0.98


@needs_basic_pitch
def test_a_silent_stretch_between_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basic_pitch, "_CORE", 2)
    monkeypatch.setattr(basic_pitch, "_MARGIN", 1)
    audio = np.zeros(30 * RATE, np.float32)
    note = Notes(*(np.array([value]) for value in (0.2, 1.2, 69, 80, 0, False)))
    audio[: 2 * RATE] = audio[-2 * RATE :] = tones(note, 2.0)
    onsets = basic_pitch.BasicPitch()(audio, RATE).start
    assert np.min(np.abs(onsets - 0.2)) < 0.03
    assert np.min(np.abs(onsets - 28.2)) < 0.03


@needs_basic_pitch
def test_silence_has_no_notes() -> None:
    transcribe = basic_pitch.BasicPitch()
    assert len(transcribe(np.zeros(RATE, np.float32), RATE)) == 0
    assert len(transcribe(np.zeros(0, np.float32), RATE)) == 0


@needs_basic_pitch
def test_does_not_import_tensorflow() -> None:
    program = (
        "import sys; from mt3synth.transcription.basic_pitch import BasicPitch; BasicPitch();"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_says_how_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basic_pitch, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="basic_pitch and onnxruntime is not installed; pip inst"):
        basic_pitch.BasicPitch()
