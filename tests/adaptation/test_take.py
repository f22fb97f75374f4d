"""What may be learned of, and what is refused."""

import numpy as np
import pytest
import soundfile
from backbone_cases import spec_of
from take_cases import NOTES, OTHERS, SECONDS, write_take

from mt3synth.adaptation.take import Take, read_take
from mt3synth.adaptation.take_data import TakeData
from mt3synth.errors import UserError
from mt3synth.symbolic.midi import write_midi
from mt3synth.symbolic.notes import Notes


def hears(notes: Notes):
    return lambda audio, rate: notes


@pytest.fixture(scope="module")
def audio(tmp_path_factory):
    return write_take(tmp_path_factory.mktemp("take") / "take.wav")


def test_notes_that_match_stay_where_they_are(audio, tmp_path):
    write_midi(NOTES, tmp_path / "take.mid")
    take = read_take(audio, tmp_path / "take.mid", None)
    np.testing.assert_allclose(take.notes.start, NOTES.start, atol=1e-3)
    assert "match the sound" in take.origin
    assert take.start == 0.0 and take.end == pytest.approx(NOTES.end_time + 1.5, abs=0.01)


@pytest.mark.slow
def test_a_score_is_aligned(audio, tmp_path):
    write_midi(NOTES.stretched(1.1).shifted(2.0), tmp_path / "score.mid")
    take = read_take(audio, tmp_path / "score.mid", None, program=40)
    assert np.median(np.abs(take.notes.start - NOTES.start)) < 0.03
    assert "aligned with confidence" in take.origin and set(take.notes.program) == {40}


def test_notes_of_something_else_are_refused(audio, tmp_path):
    write_midi(OTHERS, tmp_path / "other.mid")
    with pytest.raises(UserError, match=r"take.wav and .*other.mid: (confidence|.*weak|tempo)"):
        read_take(audio, tmp_path / "other.mid", None)


def test_silence_and_seconds_of_sound_are_refused(audio, tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(40 * 8000), 8000)
    with pytest.raises(UserError, match=r"silence.wav: silent .*nothing to learn from"):
        read_take(tmp_path / "silence.wav", None, hears(NOTES))
    write_take(tmp_path / "short.wav", 12.0)
    with pytest.raises(UserError, match=r"short.wav: 12.0 s; must have at least 30 s"):
        read_take(tmp_path / "short.wav", None, hears(NOTES))
    # Long enough, but for the most part of it nothing is known.
    few = NOTES.cropped(0.0, 10.0)
    with pytest.raises(UserError, match=r"has notes for 1[01]\.. s of its 32.0 s"):
        read_take(audio, None, hears(few))
    with pytest.raises(UserError, match="no notes are heard in it"):
        read_take(audio, None, hears(Notes.empty()))


def test_segments_lie_in_the_recording_and_the_end_is_held_out(audio):
    spec = spec_of("unet_notes")
    data = TakeData(Take(audio, NOTES, 2.0, SECONDS, "played"), spec, "new")
    rate = spec.mel.frame_rate
    held_out = [batch for batch in data.validation(spec, 4)]
    assert 4 * (len(held_out) - 1) < 0.15 * 30 * rate / spec.segment_frames < 4 * len(held_out) + 1
    batches = data.training(spec, 64, seed=0, start=0)
    first, second = next(batches), next(batches)
    batches.close()
    # Every segment is full of sound, where that past a recording's end would be silence.
    assert (first["mel"].mean(axis=(1, 2)) > -0.99).all()
    # A note that begins in a segment does so in its frames, to the frame.
    assert first["notes"].shape[0] == 64 and (first["performance"] == 0).all()
    again = data.training(spec, 64, seed=0, start=1)
    np.testing.assert_array_equal(next(again)["mel"], second["mel"])
    again.close()
    assert not np.array_equal(first["mel"], second["mel"])


def test_nothing_is_learned_of_what_is_held_out(audio):
    spec = spec_of("unet_notes")
    data = TakeData(Take(audio, NOTES, 0.0, SECONDS, "played"), spec, "new")
    held = next(iter(data.validation(spec, 1)))["mel"][0]
    batches = data.training(spec, 256, seed=0, start=0)
    seen = next(batches)["mel"]
    batches.close()
    # No frame of the one is in the other.
    frames = {frame.tobytes() for segment in seen for frame in segment}
    assert not any(frame.tobytes() in frames for frame in held)
