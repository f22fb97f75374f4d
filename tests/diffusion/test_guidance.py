"""Guidance against the paper's formulas, and the branches that need not be computed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.diffusion.guidance import Branch, Guidance
from mt3synth.diffusion.process import convert

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


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_bad_weights_are_refused(weight, as_released):
    with pytest.raises(ValueError, match="must be at least 0"):
        Guidance(notes=weight)
    with pytest.raises(ValueError, match="unknown"):
        Guidance(kind="both")
