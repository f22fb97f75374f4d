"""Guidance against the paper's formulas, and the branches that need not be computed."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.diffusion.guidance import Branch, Guidance
from mt3synth.diffusion.process import convert
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.models.conditions import Conditions
from mt3synth.synthesis.chunks import denoise_chunk, encode_chunk

BOTH, NOTES, PERFORMANCE, NEITHER = (True, True), (True, False), (False, True), (False, False)


def combined(guidance: Guidance, e: dict) -> jax.Array:
    return guidance.combine(jnp.stack([e[branch[:2]] for branch in guidance.branches()]))


@pytest.fixture
def e():
    values = jax.random.normal(jax.random.key(1), (4, 2, 3, 5))
    return dict(zip((BOTH, NOTES, PERFORMANCE, NEITHER), values))


@pytest.mark.parametrize(("n", "p"), [(1.25, 1.25), (2.0, 1.5), (1.0, 3.0)])
def test_joint_is_the_papers(e, n, p):
    paper = e[BOTH] + (n - 1) * (e[BOTH] - e[PERFORMANCE]) + (p - 1) * (e[BOTH] - e[NOTES])
    np.testing.assert_allclose(combined(Guidance(n, p, "joint"), e), paper, atol=1e-5)


@pytest.mark.parametrize(("n", "p"), [(1.25, 1.25), (2.0, 0.5)])
def test_compositional_is_the_papers(e, n, p):
    paper = e[NEITHER] + n * (e[NOTES] - e[NEITHER]) + p * (e[PERFORMANCE] - e[NEITHER])
    np.testing.assert_allclose(combined(Guidance(n, p, "compositional"), e), paper, atol=1e-5)


def test_a_branch_that_does_not_count_is_not_computed():
    assert Guidance(1.0, 1.0).branches() == (Branch(True, True, 1.0),)
    assert len(Guidance(1.0, 1.25).branches()) == len(Guidance(1.25, 1.0).branches()) == 2
    assert len(Guidance(1.25, 1.25).branches()) == 3
    assert Guidance(1.0, 0.0, "compositional").branches() == (Branch(True, False, 1.0),)


def test_guiding_eps_v_or_x0_is_the_same(e):
    guidance, alpha, sigma = Guidance(1.5, 1.25), jnp.array(0.6), jnp.array(0.8)
    x_t = jax.random.normal(jax.random.key(2), (2, 3, 5))
    through_v = convert(combined(guidance, e), "v", x_t, alpha, sigma).x0
    as_x0 = {k: convert(v, "v", x_t, alpha, sigma).x0 for k, v in e.items()}
    np.testing.assert_allclose(through_v, combined(guidance, as_x0), atol=1e-5)


@pytest.mark.parametrize("kind", ["joint", "compositional"])
def test_where_it_may_stand_alone_the_branch_with_both_conditions_comes_first(kind):
    for options in ({"interval": (0.2, 0.8)}, {"rescale": 0.7}):
        branches = Guidance(2.0, 1.5, kind, **options).branches()
        assert branches[0][:2] == BOTH and len(branches) == len(set(b[:2] for b in branches))
        assert sum(branch.weight for branch in branches) == pytest.approx(1)
    assert Guidance(1.0, 1.0, "joint", rescale=0.7).branches() == (Branch(True, True, 1.0),)


@pytest.mark.parametrize("kind", ["joint", "compositional"])
def test_rescaled_frames_have_the_spread_of_those_without_guidance(e, kind):
    guided = combined(Guidance(3.0, 2.0, kind), e)
    whole, half = (combined(Guidance(3.0, 2.0, kind, rescale=share), e) for share in (1.0, 0.5))
    np.testing.assert_allclose(half, (whole + guided) / 2, atol=1e-5)
    np.testing.assert_allclose(jnp.std(whole, (1, 2)), jnp.std(e[BOTH], (1, 2)), rtol=1e-5)
    # Only the scale changes, and for each window by itself.
    ratio = np.asarray(whole / guided)
    np.testing.assert_allclose(ratio, ratio[:, :1, :1] * np.ones_like(ratio), rtol=1e-4)


@pytest.mark.parametrize("kind", ["joint", "compositional"])
@pytest.mark.parametrize("time", [0.1, 0.5, 0.9])
def test_there_is_guidance_within_its_interval_alone(kind, time):
    network = Says()
    conditions = Conditions(jnp.zeros(2, int), jnp.ones(2, bool), jnp.ones(2, bool))
    x_t = jax.random.normal(jax.random.key(0), (2, 3, 5))

    def x0(guidance):
        context = encode_chunk(network, guidance, {}, conditions)
        diffusion = DiffusionSpec(prediction="x0")
        return denoise_chunk(network, diffusion, guidance, {}, context, x_t, jnp.array(time))

    within = Guidance(2.0, 1.5, kind, interval=(0.3, 0.7))
    expected = Guidance(2.0, 1.5, kind) if time == 0.5 else Guidance(1.0, 1.0)
    np.testing.assert_allclose(x0(within), x0(expected), atol=1e-5)


class Says(nn.Module):
    """Predicts something else for each pair of conditions."""

    def encode(self, conditions):
        return 0.1 + 0.2 * conditions.keep_score + 0.05 * conditions.keep_performance

    def decode(self, x_t, time, context):
        return 0.1 * x_t + context[:, None, None]


@pytest.mark.parametrize("interval", [(0.5,), (0.7, 0.3), (-0.1, 0.5), (0.5, 1.5), ("a", "b")])
def test_an_interval_is_two_times(interval, as_released):
    with pytest.raises(ValueError, match="must be two times"):
        Guidance(interval=interval)
    with pytest.raises(ValueError, match=r"rescale is 1\.1; must be between 0 and 1"):
        Guidance(rescale=1.1)


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_bad_weights_are_refused(weight, as_released):
    with pytest.raises(ValueError, match="must be at least 0"):
        Guidance(notes=weight)
    with pytest.raises(ValueError, match="unknown"):
        Guidance(kind="both")
