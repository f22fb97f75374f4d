"""Samples are a rendering like any other, the same every time, and find their way out."""

import jax
import numpy as np
import pytest
from training_cases import batch_of, tiny_spec

from mt3synth.bundle import abstract_params
from mt3synth.diffusion.ddim import DDIM
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.synthesis.conditions import ScoreWindows
from mt3synth.training.diffusion.samples import SampleRenderer, SamplesConfig
from mt3synth.training.parallel.sharding import fetch_to_host
from mt3synth.training.run_folder import SAMPLES_FOLDER

SPEC = tiny_spec()
CONFIG = SamplesConfig(segments=1, steps=3, iterations=2)


@pytest.fixture(scope="module")
def params():
    """Draws parameters by which every input counts."""
    draw = np.random.default_rng(0)
    shapes = abstract_params(SPEC)
    return jax.tree.map(lambda x: np.float32(0.3 * draw.standard_normal(x.shape)), shapes)


def test_it_is_what_synthesis_makes_of_the_same_score(params, monkeypatch):
    seconds = SPEC.segment_frames / SPEC.mel.frame_rate
    columns = ([0.0, 0.2], [0.3, seconds], [60, 64], [90, 90], [0, 0], [False, False])
    notes = Notes(*map(np.array, columns))
    conditions = ScoreWindows(notes, SPEC).conditions([0], 1, 1)
    batch = batch_of(SPEC, 3)
    batch["roll"][:1], batch["performance"][:1] = conditions.roll, conditions.performance
    sampling = SamplingConfig(
        steps=CONFIG.steps, stepper=DDIM(eta=0.0), seed=CONFIG.seed, overlap=0, chunk=1, tail=0.0
    )
    made = SampleRenderer(SPEC, batch, CONFIG).render(params)
    # A song's canvas begins before the song; one whose edges are none has a segment's noise.
    monkeypatch.setattr("mt3synth.synthesis.synthesizer.EDGE_FRAMES", 0)
    expected = Synthesizer(SPEC, params).mel(notes, 1, sampling)
    np.testing.assert_allclose(made, expected, atol=1e-4)


def test_it_depends_on_weights_and_seed_alone(params):
    batch = batch_of(SPEC, 4)
    first = SampleRenderer(SPEC, batch, CONFIG).render(params)
    batch["mel"][:] = 0  # what it is compared with does not leak in
    again = SampleRenderer(SPEC, batch, CONFIG).render(fetch_to_host(jax.device_put(params)))
    np.testing.assert_array_equal(again, first)
    other = SamplesConfig(segments=1, steps=3, seed=1)
    assert not np.array_equal(SampleRenderer(SPEC, batch, other).render(params), first)


def test_pictures_and_sound_are_written(params, tmp_path, monkeypatch):
    written = {}

    class LoudHum:
        def __init__(self, spec, iterations):
            self.hop = spec.hop

        def __call__(self, log_mel):
            return np.full(len(log_mel) * self.hop, 3.0, np.float32)

    class Writer:
        def add_image(self, tag, img_tensor, global_step, *, dataformats):
            assert dataformats == "HWC" and img_tensor.dtype == np.uint8
            written[tag, global_step] = img_tensor.shape

        def add_audio(self, tag, snd_tensor, global_step, sample_rate):
            assert sample_rate == SPEC.mel.sample_rate and np.abs(snd_tensor).max() <= 1
            written[tag, global_step] = snd_tensor.shape

    monkeypatch.setattr("mt3synth.training.diffusion.samples.GriffinLim", LoudHum)
    renderer = SampleRenderer(SPEC, batch_of(SPEC, 4), SamplesConfig(1, 3))
    for step in (5, 10):
        renderer.write(Writer(), tmp_path, params, step)
    samples = (SPEC.segment_frames * SPEC.mel.hop,)
    picture = written.pop(("samples/mel", 10))
    assert picture[0] > 300 and picture[2] == 3
    assert written.pop(("samples/mel", 5)) == picture
    assert written == {
        ("samples/model", 5): samples,
        ("samples/recording", 5): samples,
        ("samples/model", 10): samples,
    }
    assert [path.name for path in sorted((tmp_path / SAMPLES_FOLDER).iterdir())] == [
        "00000005.png",
        "00000010.png",
    ]


@pytest.mark.parametrize(("name", "value"), [("segments", -1), ("steps", 0)])
def test_bad_values_are_refused(name, value):
    with pytest.raises(ValueError, match="must be at least"):
        SamplesConfig(**{name: value})
