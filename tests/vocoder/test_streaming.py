"""A song that comes in pieces against the same song at once."""

import dataclasses

import numpy as np
import pytest
from neural_cases import melody_mel, tiny_weights

from mt3synth.audio.mel import MELGAN
from mt3synth.vocoder.frame_buffer import FrameBuffer
from mt3synth.vocoder.griffin_lim import GriffinLim
from mt3synth.vocoder.neural import NeuralVocoder
from mt3synth.vocoder.protocol import (
    StreamingVocoder,
    VocoderError,
    vocode_song,
    vocode_stream,
)

HOP = MELGAN.hop
NEURAL = dataclasses.replace(NeuralVocoder.of(tiny_weights()), block=33)
VOCODERS = {"neural": NEURAL, "griffin-lim": GriffinLim(MELGAN, iterations=1)}


@pytest.fixture(params=VOCODERS)
def vocoder(request):
    return VOCODERS[request.param]


def cut(mel, *lengths):
    return np.split(mel, np.cumsum(lengths))


@pytest.mark.parametrize("frames", [1, 40, 512, 513, 514, 1000])
def test_pieces_of_any_length_give_the_same_samples(vocoder, frames):
    assert isinstance(vocoder, StreamingVocoder)
    mel = melody_mel(frames)
    whole = vocoder(mel)
    assert whole.shape == (frames * HOP,)
    for lengths in ((1,) * (frames - 1), (frames // 2,) if frames > 1 else ()):
        parts = list(vocoder.stream(cut(mel, *lengths)))
        assert all(len(part) for part in parts)
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_sound_comes_before_the_song_has_ended(vocoder):
    mel, read = melody_mel(2000), []

    def pieces():
        for number, piece in enumerate(np.split(mel, 40)):
            read.append(number)
            yield piece

    sound = vocoder.stream(pieces())
    first = next(sound)
    assert len(first) and len(read) < 15
    rest = list(sound)
    np.testing.assert_array_equal(np.concatenate([first, *rest]), vocoder(mel))


def test_sound_that_is_wanted_soon_is_the_same_but_for_rounding():
    long = dataclasses.replace(NEURAL, block=400)
    mel = melody_mel(900)
    parts = list(long.stream([mel], soon=True))
    assert len(parts[0]) < len(parts[1]) and len(parts[0]) < 224 * HOP
    np.testing.assert_allclose(np.concatenate(parts), long(mel), atol=1e-5)


def test_nothing_is_waited_for_before_sound_that_is_wanted_soon():
    mel, read = melody_mel(2000), []

    def pieces():
        for piece in np.split(mel, 40):
            read.append(len(piece))
            yield piece

    context, block = NEURAL.config.context(MELGAN), NEURAL.block
    for number, _ in enumerate(NEURAL.stream(pieces(), soon=True), 1):
        assert sum(read) <= number * block + context + 50
        if number == 10:
            break


def test_a_song_is_streamed_as_it_is_vocoded(vocoder):
    mel = melody_mel(100)
    parts = list(vocode_stream(vocoder, cut(mel, 7, 50)))
    np.testing.assert_array_equal(np.concatenate(parts), vocode_song(vocoder, mel))


def test_a_vocoder_that_cannot_stream_is_given_all_at_once():
    class Whole:
        spec = MELGAN

        def __call__(self, log_mel):
            return np.repeat(log_mel.mean(axis=1), HOP).astype(np.float32)

    mel = melody_mel(30)
    (made,) = vocode_stream(Whole(), cut(mel, 7))
    np.testing.assert_array_equal(made, vocode_song(Whole(), mel))


def test_broken_frames_are_refused_when_they_come(vocoder):
    pieces = [melody_mel(700), np.full((3, 128), np.nan, np.float32)]
    with pytest.raises(VocoderError, match="not finite in 3 frames"):
        list(vocoder.stream(pieces))


def test_a_buffer_gives_silence_around_a_song_and_forgets_what_lies_before():
    frames = np.arange(10 * 128, dtype=np.float32).reshape(10, 128) / 1000
    buffer = FrameBuffer(cut(frames, 3, 4), MELGAN)
    assert buffer.reach(5) == 7 and not buffer.ended
    made, present = buffer.cut(-2, 6)
    assert present.tolist() == [False, False, True, True, True, True]
    np.testing.assert_array_equal(made[2:], frames[:4])
    np.testing.assert_allclose(made[:2], np.log(MELGAN.floor))
    assert buffer.reach(11) == 10 and buffer.ended
    made, present = buffer.cut(8, 4)
    assert present.tolist() == [True, True, False, False]
    np.testing.assert_array_equal(made[:2], frames[8:])
    assert buffer.reach(99) == 10
    assert not buffer.cut(12, 4)[1].any()
    assert buffer.reach(99) == 10
