"""The vocoder's network before it has learned anything, and in whatever pieces it is used."""

import dataclasses
from functools import cache

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.audio.mel import MELGAN, MelSpec, log_mel
from mt3synth.vocoder.vocos import Vocos, VocosConfig

TINY = VocosConfig(width=16, layers=2, mlp_width=24, projections=2)
RATE = MELGAN.sample_rate


LONG = dataclasses.replace(MELGAN, window=1280, fft=2048)
"""Frames of four hops."""


@cache
def drawn(config: VocosConfig, spec: MelSpec):
    network = Vocos(config, spec)
    params = jax.jit(network.init)(jax.random.key(0), jnp.zeros((1, 4, spec.bins)))
    return nn.meta.unbox(params)


def made(config: VocosConfig, spec: MelSpec = MELGAN):
    plain = dataclasses.replace(config, projections=0, momentum=0.0, refine=1)
    return Vocos(config, spec), drawn(plain, spec)


@cache
def compiled(network: Vocos):
    return jax.jit(lambda params, mel: network.apply(params, mel[None])[0])


def sound(network: Vocos, params, mel: np.ndarray) -> np.ndarray:
    """Makes the audio ``[S]`` of log-mel frames ``[T, M]``."""
    return np.asarray(compiled(network)(params, jnp.asarray(mel)))


def tone(hz: float, seconds: float = 2.0) -> np.ndarray:
    return np.float32(0.3 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE))


def sound_of(audio: np.ndarray) -> np.ndarray:
    return sound(*made(TINY), log_mel(audio, MELGAN))


def test_the_default_is_small_enough_for_a_bundle():
    network = Vocos(VocosConfig(), MELGAN)
    shapes = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 4, MELGAN.bins)))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) * 2 <= 6e6


@pytest.mark.parametrize("frames", [1, 2, 37])
def test_as_many_samples_as_the_frames_begin(frames):
    network, params = made(TINY)
    audio = jax.jit(network.apply)(params, jnp.full((3, frames, MELGAN.bins), -3.0))
    assert audio.shape == (3, frames * MELGAN.hop) and np.isfinite(audio).all()


@pytest.mark.parametrize("at", [0.4, 0.61])
def test_a_burst_is_where_it_was(at):
    rng = np.random.default_rng(0)
    audio = np.zeros(RATE, np.float32)
    first = int(at * RATE)
    audio[first : first + 800] = 0.3 * rng.standard_normal(800)
    energy = sound_of(audio) ** 2
    centre = float(np.sum(np.arange(energy.size) * energy) / np.sum(energy))
    assert abs(centre - (first + 400)) < 0.006 * RATE


@pytest.mark.parametrize("hz", [443.3, 1234.5])
def test_a_tone_whose_period_does_not_divide_the_hop_is_held(hz):
    """Frames that are all alike, with phases all alike, would spread it over multiples of 50 Hz."""
    audio = sound_of(tone(hz))[RATE // 2 : -RATE // 4]
    power = np.abs(np.fft.rfft(audio * np.hanning(audio.size))) ** 2
    frequencies = np.fft.rfftfreq(audio.size, 1 / RATE)
    peak = frequencies[np.argmax(power)]
    assert abs(peak - hz) < 12
    assert power[np.abs(frequencies - peak) < 8].sum() > 0.95 * power.sum()


def test_silence_stays_silent():
    assert np.abs(sound_of(np.zeros(RATE, np.float32))).max() < 1e-3


@pytest.mark.parametrize(
    ("size", "refine", "spec"), [(1, 2, MELGAN), (7, 1, MELGAN), (64, 4, MELGAN), (7, 2, LONG)]
)
def test_blocks_give_what_the_whole_gives(size, refine, spec):
    config = dataclasses.replace(TINY, refine=refine)
    network, params = made(config, spec)
    rng = np.random.default_rng(1)
    mel = np.float32(rng.uniform(-8, 1, (45, MELGAN.bins)))
    whole = sound(network, params, mel)
    context, lag = config.context(spec), config.lag(spec)
    count = -(-(len(mel) + lag) // size) * size
    around = (context, context + count - len(mel))
    frames = jnp.pad(jnp.asarray(mel), (around, (0, 0)), constant_values=3.0)
    present = jnp.pad(jnp.ones(len(mel), bool), around)
    carry = network.apply(params, 1, method="start")
    step = jax.jit(lambda *given: network.apply(params, *given, method="render_block"))
    pieces = []
    for first in range(0, count, size):
        part = slice(first, first + size + 2 * context)
        piece, carry = step(
            jnp.asarray(frames[None, part]), jnp.asarray(present[None, part]), carry
        )
        pieces.append(np.asarray(piece)[0])
    streamed = np.concatenate(pieces)[lag * MELGAN.hop :][: whole.size]
    np.testing.assert_allclose(streamed, whole, atol=1e-5)


# Frames of four hops leave less open from the start.
@pytest.mark.parametrize(("spec", "factor"), [(MELGAN, 0.6), (LONG, 0.8)])
def test_steps_towards_the_mel_come_nearer(spec, factor):
    mel = log_mel(tone(443.3, 1.0), spec)
    distances = []
    for steps in (0, 4, 16):
        network, params = made(dataclasses.replace(TINY, projections=steps), spec)
        audio = sound(network, params, mel)
        distances.append(np.abs(log_mel(audio, spec) - mel)[5:-5].mean())
    assert distances[1] < factor * distances[0] and distances[2] < factor * distances[1]


def test_momentum_comes_nearer_in_as_many_steps():
    mel = log_mel(np.float32(0.1 * np.random.default_rng(4).standard_normal(RATE)), MELGAN)
    distances = []
    for momentum in (0.0, 0.9):
        network, params = made(dataclasses.replace(TINY, projections=24, momentum=momentum))
        distances.append(np.abs(log_mel(sound(network, params, mel), MELGAN) - mel).mean())
    assert distances[1] < 0.8 * distances[0]


def test_frames_beyond_the_context_do_not_count():
    network, params = made(TINY)
    reach = 9  # three convolutions of 7 frames
    mel = np.random.default_rng(2).uniform(-8, 1, (1, 40, MELGAN.bins)).astype(np.float32)
    other = mel.copy()
    other[:, 20 + reach + 1 :] = -2.0
    spectra = [
        network.apply(params, jnp.asarray(m), None, method="predict_spectra")[0][0]
        for m in (mel, other)
    ]
    np.testing.assert_array_equal(spectra[0][:21], spectra[1][:21])
    assert not np.array_equal(spectra[0][21], spectra[1][21])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kernel": 4}, "kernel=4 frames; must be odd"),
        ({"layers": 0}, "layers=0; must be at least 1"),
        ({"momentum": 1.0}, r"momentum=1.0; must be in \[0, 1\)"),
    ],
)
def test_shapes_that_cannot_be(fields, message):
    with pytest.raises(ValueError, match=message):
        VocosConfig(**fields)


@pytest.mark.parametrize(
    ("name", "value"), [("fft", 640), ("fft", 1024), ("fft", 1600), ("fft", 2560), ("refine", 3)]
)
def test_shapes_that_do_not_fit_the_frames(name, value):
    with pytest.raises(ValueError, match=f"{name}={value}.*; must"):
        VocosConfig(**{name: value}).lag(MELGAN)
