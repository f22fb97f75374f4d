"""Pictures of notes and frames."""

import io

import numpy as np
import pytest
from cli_cases import tiny_spec

from mt3synth.reporting.mel_pictures import bin_of
from mt3synth.symbolic.notes import Notes

Image = pytest.importorskip("PIL.Image")

from mt3synth.demo.pictures import WIDTH, draw_mel, draw_roll  # noqa: E402

SPEC = tiny_spec().mel


def notes_of(*rows):
    columns = [np.array(column) for column in zip(*rows)]
    return Notes(*columns)


def opened(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_a_note_is_drawn_where_it_sounds_and_as_high_as_it_is():
    picture = opened(draw_roll(notes_of((1.0, 2.0, 60, 127, 0, False)), 4.0))
    # Keys 58 to 62, four pixels each, from below.
    assert picture.shape == (5 * 4 + 28, WIDTH, 3)
    row = picture[10]
    dark = np.flatnonzero(row[:, 0] < 60)
    assert abs(dark.min() - WIDTH / 4) <= 1 and abs(dark.max() - WIDTH / 2) <= 1
    assert (picture[2, :, 0] > 200).all()


def test_programs_have_colours_and_drums_are_grey():
    song = notes_of(
        (0.0, 1.0, 60, 127, 0, False), (1.0, 2.0, 60, 127, 40, False), (2.0, 3.0, 60, 90, 0, True)
    )
    picture = opened(draw_roll(song, 3.0))
    first, second, drum = (picture[10, int(WIDTH * (t + 0.4) / 3)] for t in range(3))
    assert np.abs(first - second).max() > 60
    assert np.ptp(drum) < 8


def test_notes_lie_on_the_frames_of_their_pitch():
    frames = np.full((200, SPEC.bins), -9.0, np.float32)
    lit = round(bin_of(440.0, SPEC))
    frames[50:100, lit] = 0.0
    picture = opened(draw_mel(frames, SPEC, notes_of((1.0, 2.0, 69, 80, 0, False))))
    assert picture.shape == (3 * SPEC.bins + 28, WIDTH, 3)
    cyan = np.argwhere(np.abs(picture[:-28] - (60, 255, 235)).max(axis=-1) < 12)
    centre = 3 * SPEC.bins - 3 * (bin_of(440.0, SPEC) + 0.5)
    assert np.abs(np.median(cyan[:, 0]) - centre) <= 1.5
    assert abs(cyan[:, 1].min() - WIDTH / 4) <= 2 and abs(cyan[:, 1].max() - WIDTH / 2) <= 2
    # What is bright in the frames is bright in the picture, around the line.
    bright = picture[: 3 * SPEC.bins].sum(axis=-1)[:, 400:650].mean(axis=1)
    assert abs(int(np.argmax(bright)) - centre) <= 4


def test_a_picture_does_not_grow_with_the_song():
    rng = np.random.default_rng(0)
    frames = rng.normal(-5, 1, (90_000, SPEC.bins)).astype(np.float32)
    start = np.sort(rng.uniform(0, 1800, 9000))
    many, none = len(start), np.zeros(len(start), int)
    keys = rng.integers(21, 108, many)
    song = Notes(start, start + 0.3, keys, none + 80, none, none == 1)
    assert opened(draw_mel(frames, SPEC, song)).shape[1] == WIDTH
    assert len(draw_roll(song, 1800.0)) < 300_000
