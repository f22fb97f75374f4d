"""A small embedding of mel frames: what it learns, and how an evaluation uses it."""

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from backbone_cases import PERFORMANCES, Noise, batch_of, spec_of

from mt3synth.audio.mel import MELGAN
from mt3synth.evaluation.embeddings import Embedding, EmbeddingError, embedding
from mt3synth.evaluation.embeddings.performance import FRAMES, HOP_FRAMES
from mt3synth.mel_networks import EMBEDDER, read
from mt3synth.models.mel_embedder import MelEmbedder, MelEmbedderConfig, sounding_groups
from mt3synth.training.embedder.config import EmbedderTrainConfig
from mt3synth.training.embedder.learner import cut_windows
from mt3synth.training.embedder.run import run
from mt3synth.training.optim.optimizer import OptimizerConfig

SPEC = spec_of("unet_notes")
DRUMS = len(SPEC.roll.groups)
NETWORK = MelEmbedderConfig(width=16, stages=2, dimension=8)
CONFIG = EmbedderTrainConfig(
    steps=60, batch_size=8, log_every=60, eval_every=60, save_every=60, eval_batches=1,
    validations=0, ema_decay=0.8,
)  # fmt: skip


def colours(size, seed):
    """Makes segments whose performance is the slope of their spectrum."""
    batch = batch_of(SPEC, size, seed)
    draw = np.random.default_rng(seed)
    slope = np.linspace(-0.4, 0.4, len(PERFORMANCES))[batch["performance"]]
    mel = slope[:, None, None] * np.linspace(-1, 1, MELGAN.bins)
    mel = mel + 0.05 * draw.standard_normal((size, SPEC.segment_frames, MELGAN.bins))
    return {**batch, "mel": mel.astype(np.float32)}


class Colours(Noise):
    """Yields such segments without end."""

    def training(self, spec, batch, seed, start, **share):
        number = start
        while True:
            yield colours(batch, number)
            number += 1

    def validation(self, spec, batch):
        yield colours(batch, 12345)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Trains one for a few seconds; returns its folder and its last state."""
    folder = tmp_path_factory.mktemp("embedder")
    jaxtyping.config.update("jaxtyping_disable", True)  # orbax puts other things into the state
    optimizer = OptimizerConfig(learning_rate=1e-2, warmup_steps=5, decay_steps=30)
    run(folder, NETWORK, lambda performances: SPEC, Colours(), CONFIG, optimizer)
    jaxtyping.config.update("jaxtyping_disable", False)
    return folder


def test_the_groups_of_a_window_are_those_of_a_plain_loop():
    notes = batch_of(SPEC, 3)["notes"]
    begin, end = 10.0, 30.0
    found = sounding_groups(jnp.asarray(notes), begin, end, DRUMS + 1)
    for b, rows in enumerate(notes):
        sounding = {int(row[4]) for row in rows if row[0] < end and row[1] > begin}
        assert set(np.flatnonzero(found[b])) == sounding - {-1}


def test_windows_are_cut_one_behind_the_other():
    batch = colours(3, 1)
    windows = cut_windows(batch, 2, DRUMS)
    half = SPEC.segment_frames // 2
    np.testing.assert_array_equal(windows.mel[::2], batch["mel"][:, :half])
    np.testing.assert_array_equal(windows.mel[1::2], batch["mel"][:, half : 2 * half])
    np.testing.assert_array_equal(windows.performance, np.repeat(batch["performance"], 2))
    silent = {**batch, "notes": np.full_like(batch["notes"], -1)}
    assert not np.any(cut_windows(silent, 2, DRUMS).counts)


def test_it_learns_to_tell_performances_apart_at_any_level(trained):
    network = read(trained, EMBEDDER)
    assert network.config.performances == len(PERFORMANCES)
    batch, params = colours(16, 777), jax.tree.map(jnp.asarray, network.params)
    for level in (-0.1, 0.0, 0.1):
        heard = MelEmbedder(network.config).apply(
            {"params": params}, jnp.asarray(batch["mel"]) + level
        )
        assert np.mean(np.argmax(heard.cosines, axis=1) == batch["performance"]) == 1


def test_an_evaluation_embeds_windows_by_it(trained):
    embed = embedding("performance", str(trained))
    assert isinstance(embed, Embedding)
    assert (embed.dimension, embed.sample_rate) == (8, MELGAN.sample_rate)
    frames = FRAMES + 3 * HOP_FRAMES
    noise = 0.1 * np.random.default_rng(0).standard_normal(
        (frames - 1) * MELGAN.hop + MELGAN.window
    )
    whole = embed(noise)
    assert whole.shape == (4, 8)
    # What is cut off at the front by whole windows moves nothing.
    np.testing.assert_allclose(embed(noise[HOP_FRAMES * MELGAN.hop :]), whole[1:], atol=1e-4)
    with pytest.raises(EmbeddingError, match=r"needs at least 2\.58 s"):
        embed(noise[: 2 * MELGAN.sample_rate])


def test_other_weights_have_another_version(trained):
    assert embedding("performance", str(trained)).version != embedding("performance").version


def test_a_folder_without_one_is_refused(tmp_path):
    with pytest.raises(EmbeddingError, match=r"has no embedder\.json; train one by"):
        embedding("performance", str(tmp_path))
