"""Where memory is too little for as many windows at once, a song goes on with fewer and says so."""

import dataclasses

import numpy as np
import pytest
from synthesis_cases import CONFIG, UNET, synthesizer, tune

from mt3synth.synthesis import song_canvas

CHUNK = dataclasses.replace(CONFIG, chunk=5)


@pytest.fixture(scope="module")
def model():
    return synthesizer(UNET)


def limit(monkeypatch, most: int) -> None:
    """Lets memory suffice for so many windows."""
    real = song_canvas.denoise_chunk

    def denoise_chunk(*args):
        if args[5].shape[0] > most:
            raise MemoryError("no room for all of them")
        return real(*args)

    monkeypatch.setattr(song_canvas, "denoise_chunk", denoise_chunk)
    # A CPU takes one window at a time anyway.
    monkeypatch.setattr(song_canvas, "_windows_at_once", lambda config: config.chunk)


def test_the_chunk_is_halved_and_the_song_goes_on(model, monkeypatch):
    plain = model.mel(tune(), 0, CHUNK)
    limit(monkeypatch, 1)
    said, steps = [], []
    halved = model.mel(tune(), 0, CHUNK, steps.append, said.append)
    assert said == [
        "too little memory for 5 windows at once; going on with 2",
        "too little memory for 2 windows at once; going on with 1",
    ]
    assert steps == [1, 2, 3, 4]  # nothing is begun anew
    np.testing.assert_allclose(halved, plain, atol=1e-4)


def test_whoever_does_not_listen_is_warned(model, monkeypatch):
    limit(monkeypatch, 2)
    with pytest.warns(RuntimeWarning, match="too little memory for 5 windows at once"):
        model.mel(tune(), 0, CHUNK)


def test_a_single_window_must_fit(model, monkeypatch):
    limit(monkeypatch, 0)
    with pytest.raises(MemoryError):
        model.mel(tune(), 0, CHUNK, say=lambda line: None)
