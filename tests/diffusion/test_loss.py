"""In which form errors are measured, and how times and frames are weighed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.diffusion.loss import LossConfig, attack_weights, denoising_loss, error_scale
from mt3synth.diffusion.process import convert, diffuse
from mt3synth.diffusion.schedule import CosineSchedule

TIME = jnp.array([0.1, 0.4, 0.7, 0.9])
KINDS = ("eps", "x0", "v")


@pytest.fixture(scope="module")
def example():
    """Draws data, noise, and an estimate that is some way off, in all its forms."""
    alpha, sigma = CosineSchedule().alpha_sigma(TIME)
    x0, eps, wrong = jax.random.normal(jax.random.key(0), (3, 4, 6, 5))
    x_t = diffuse(x0, eps, alpha, sigma)
    estimate = convert(x0 + 0.1 * wrong, "x0", x_t, alpha, sigma)
    return convert(x0, "x0", x_t, alpha, sigma), estimate, alpha, sigma


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("predicted", KINDS)
@pytest.mark.parametrize("measured", KINDS)
def test_an_error_is_the_same_however_it_was_predicted(example, predicted, measured, norm):
    truth, estimate, alpha, sigma = example
    scale = error_scale(LossConfig(measured=measured), predicted, alpha, sigma)
    given = getattr(estimate, predicted)
    loss = denoising_loss(given, truth, predicted, norm, scale=scale)
    direct = denoising_loss(getattr(estimate, measured), truth, measured, norm)
    np.testing.assert_allclose(loss, direct, rtol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_of_x0_count_by_the_bounded_signal_to_noise_ratio(example, kind):
    truth, estimate, alpha, sigma = example
    scale = error_scale(LossConfig(min_snr=5.0), kind, alpha, sigma)
    loss = denoising_loss(getattr(estimate, kind), truth, kind, "l2", scale=scale)
    of_x0 = denoising_loss(estimate.x0, truth, "x0", "l2")
    ratio = np.exp(CosineSchedule().log_snr(TIME))
    assert ratio.min() < 5 < ratio.max()
    np.testing.assert_allclose(loss, np.minimum(ratio, 5) * of_x0, rtol=2e-3)


def test_at_the_ends_of_time_nothing_is_without_bound():
    alpha, sigma = CosineSchedule().alpha_sigma(jnp.array([0.0, 1.0]))
    for kind in KINDS:
        for config in (LossConfig(measured="v"), LossConfig(min_snr=5.0)):
            scale = error_scale(config, kind, alpha, sigma)
            assert scale is None or np.all(scale <= max(20.0, 5**0.5) + 1e-5)


def test_nothing_is_touched_by_default(example):
    _, _, alpha, sigma = example
    for kind in KINDS:
        assert error_scale(LossConfig(), kind, alpha, sigma) is None
        assert error_scale(LossConfig(measured=kind), kind, alpha, sigma) is None
    assert LossConfig(measured="v", min_snr=5.0, attacks=1.0).plain() == LossConfig(measured="v")


def test_frames_in_which_a_note_begins_count_more():
    # A window of two hops: the note at 3.5 begins in the windows of frames 2 and 3.
    weights = attack_weights(jnp.array([[3.5, jnp.inf], [-9.0, 40.0]]), 6, 2.0, 3.0)
    np.testing.assert_allclose(weights[0], np.array([1, 1, 4, 4, 1, 1]) / 2)
    np.testing.assert_array_equal(weights[1], np.ones(6))


def test_weighed_frames_have_their_part_in_the_loss(example):
    truth, estimate, *_ = example
    only = jnp.zeros((4, 6)).at[:, 2].set(6.0)
    loss = denoising_loss(estimate.v, truth, "v", "l2", frames=only)
    cut = jax.tree.map(lambda x: x[:, 2:3], (estimate.v, truth))
    np.testing.assert_allclose(loss, denoising_loss(*cut, "v", "l2"), rtol=1e-5)


@pytest.mark.parametrize(
    ("given", "said"),
    [({"measured": "noise"}, "measured='noise'"), ({"min_snr": -1.0}, "min_snr=-1.0; must be")],
)
def test_bad_values_are_refused(as_released, given, said):
    with pytest.raises(ValueError, match=said):
        LossConfig(**given)
