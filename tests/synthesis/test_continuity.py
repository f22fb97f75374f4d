"""Rendering by context: each segment is told of the finished frames before it, and of no others."""

import dataclasses
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from synthesis_cases import CODEC, T5, synthesizer_of

from mt3synth.audio.mel import MELGAN, to_network
from mt3synth.diffusion.guidance import Guidance
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.model_spec import ModelSpec
from mt3synth.models.conditions import Conditions
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.roll import RollSpec
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.synthesis.chunks import denoise_chunk
from mt3synth.synthesis.conditions import FinishedFrames

WINDOW = 8
CONFIG = SamplingConfig(steps=3, tail=0.0)
SONG = Notes(*map(np.array, ([0.0, 0.3], [0.14, 0.6], [60, 64], [80, 80], [0, 0], [False, False])))
"""0.6 seconds: 30 frames, four segments of 8; a note within the first, and one from the second."""


def spec_of(context_frames: int, **changes: Any) -> ModelSpec:
    network = dataclasses.replace(T5, token_positions="index", context_frames=context_frames)
    return ModelSpec(network, MELGAN, RollSpec(), CODEC, segment_frames=WINDOW, **changes)


class Told(NamedTuple):
    context: Any
    mask: Any


class Continues(nn.Module):
    """Predicts the last frames it was told of plus a step up; a ramp in time if of none."""

    def encode(self, conditions: Conditions) -> Told:
        return Told(conditions.context, conditions.context_mask)

    def decode(self, x_t: Any, time: Any, told: Told) -> Any:
        ramp = jnp.linspace(-0.5, -0.4, WINDOW)[:, None]
        goes_on = told.context[:, -WINDOW:] + 0.2
        return jnp.where(told.mask[:, -1][:, None, None], goes_on, jnp.zeros_like(x_t) + ramp)


class Counts(nn.Module):
    """Predicts how many frames it was told of, in hundredths."""

    def encode(self, conditions: Conditions) -> Told:
        return Told(conditions.context, conditions.context_mask)

    def decode(self, x_t: Any, time: Any, told: Told) -> Any:
        # Whatever is masked must not matter: it is made impossible to overlook.
        seen = jnp.where(told.mask[..., None], 0.01, 0.0).sum(axis=1, keepdims=True)
        return jnp.zeros_like(x_t) + seen


def test_a_model_without_performances_renders_its_one_sound():
    spec = spec_of(0)
    alone = dataclasses.replace(spec, network=dataclasses.replace(spec.network, performances=0))
    config = dataclasses.replace(CONFIG, guidance=Guidance(2.0, 1.0), steps=1, overlap=0)
    model = synthesizer_of(alone)
    assert np.isfinite(model.mel(SONG, 0, config)).all()
    with pytest.raises(ValueError, match="performance 1; the model knows 0 to 0"):
        model.mel(SONG, 1, config)


def rendered(network: nn.Module, context_frames: int, config: SamplingConfig = CONFIG) -> Any:
    """Frames in the network's range, by a network that has no weights and predicts x0."""
    spec = spec_of(context_frames, diffusion=DiffusionSpec(prediction="x0"))
    synthesizer = Synthesizer(spec, {})
    synthesizer.network = network
    return to_network(synthesizer.mel(SONG, 0, config), MELGAN)


def test_a_segment_continues_from_the_finished_frames_of_the_one_before():
    made = rendered(Continues(), context_frames=WINDOW)
    assert made.shape == (30, 128)
    ramp = np.linspace(-0.5, -0.4, WINDOW)
    expected = np.concatenate([ramp + 0.2 * number for number in range(4)])[:30]
    np.testing.assert_allclose(made, np.broadcast_to(expected[:, None], made.shape), atol=1e-5)


@pytest.mark.parametrize("context_frames", [5, 8, 20])
def test_it_is_told_of_as_many_frames_as_there_are_and_no_more(context_frames):
    made = rendered(Counts(), context_frames)
    known = [min(number * WINDOW, context_frames) for number in range(4)]
    np.testing.assert_allclose(made[::WINDOW, 0], 0.01 * np.array(known), atol=1e-5)
    np.testing.assert_allclose(made, np.repeat(made[::WINDOW], WINDOW, axis=0)[:30], atol=1e-5)


def test_guidance_keeps_the_context_in_every_branch():
    strong = dataclasses.replace(CONFIG, guidance=Guidance(2.0, 3.0, "compositional"))
    np.testing.assert_allclose(rendered(Counts(), 8, strong), rendered(Counts(), 8), atol=1e-5)


def test_on_a_canvas_there_is_no_context():
    canvas = dataclasses.replace(CONFIG, continuity="canvas", overlap=2)
    np.testing.assert_allclose(rendered(Counts(), 8, canvas), 0.0, atol=1e-5)


def test_finished_frames_are_those_that_lead_up_to_the_next_segment():
    frames = np.arange(10, dtype=np.float32)[:, None]
    before = FinishedFrames.none(5, 1).then(frames[:3])
    assert before.mask.tolist() == [False, False, True, True, True]
    assert before.context[2:, 0].tolist() == [0, 1, 2]
    before = before.then(frames[3:7]).then(frames[7:])
    assert before.mask.all()
    assert before.context[:, 0].tolist() == [5, 6, 7, 8, 9]


@pytest.fixture(scope="module")
def model():
    return synthesizer_of(spec_of(12))


def test_the_seed_decides_and_neither_chunk_nor_overlap(model):
    base = model.mel(SONG, 0, CONFIG)
    for changes in ({"chunk": 1}, {"overlap": 0}, {"overlap": 100}, {"continuity": "context"}):
        same = dataclasses.replace(CONFIG, **changes)
        np.testing.assert_array_equal(model.mel(SONG, 0, same), base)
    for changes in ({"seed": 1}, {"continuity": "canvas", "overlap": 2}):
        other = dataclasses.replace(CONFIG, **changes)
        assert np.abs(model.mel(SONG, 0, other) - base).max() > 0.1


def test_what_was_played_before_is_heard_and_not_what_is_played_after(model):
    def changed(*semitones: int) -> Any:
        notes = Notes(**{**vars(SONG), "pitch": SONG.pitch + np.array(semitones)})
        return np.abs(model.mel(notes, 0, CONFIG) - model.mel(SONG, 0, CONFIG))

    # The score of the second segment is the same: only its context can tell.
    assert changed(5, 0)[WINDOW : 2 * WINDOW].max() > 0
    assert np.all(changed(0, 5)[:WINDOW] == 0)
    assert changed(0, 5)[WINDOW:].max() > 1e-3


def test_every_step_of_every_segment_is_reported(model):
    seen: list[int] = []
    model.mel(SONG, 0, CONFIG, on_step=seen.append)
    assert seen == list(range(1, 13))
    assert model.steps(SONG, CONFIG) == 12
    assert model.steps(SONG, dataclasses.replace(CONFIG, continuity="canvas")) == 3


def test_a_longer_song_needs_no_other_program(model):
    model.mel(SONG, 0, CONFIG)
    before = denoise_chunk._cache_size()
    model.mel(SONG, 0, dataclasses.replace(CONFIG, tail=3.0))
    assert denoise_chunk._cache_size() == before


def test_a_model_that_reads_no_context_cannot_be_told_of_it(as_released):
    with pytest.raises(ValueError, match="reads no frames before a segment"):
        SamplingConfig(continuity="context").continuity_for(spec_of(0))
    assert SamplingConfig().continuity_for(spec_of(0)) == "canvas"
    assert SamplingConfig().continuity_for(spec_of(4)) == "context"
    with pytest.raises(ValueError, match="continuity='loop'; must be one of"):
        SamplingConfig(continuity="loop")  # type: ignore[arg-type]
