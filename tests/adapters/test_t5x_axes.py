"""Checks what t5x reads of logical axes by flax's own legacy functions; needs no t5x."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.linen import partitioning
from flax.traverse_util import flatten_dict
from jax.sharding import PartitionSpec
from t5x_cases import batch_of, tiny_spec

from mt3synth.adapters.t5x_axes import find_axes, logical_axis_rules, typed_key, with_axes
from mt3synth.models.axes import LOGICAL_AXES
from mt3synth.models.conditions import example_inputs
from mt3synth.training.optim.optimizer import OptimizerConfig


@pytest.fixture(scope="module", params=["unet", "t5"])
def variables(request):
    spec = tiny_spec(request.param)
    inputs = example_inputs(batch_of(spec, 2, seed=0))

    def init() -> dict:
        return with_axes(spec.build().init(jax.random.key(0), *inputs))

    return jax.eval_shape(init)


def test_every_parameter_has_a_name_for_each_axis(variables):
    shapes = flatten_dict(variables["params"])
    names = flatten_dict(partitioning.get_axis_names(variables["params_axes"]).unfreeze())
    assert shapes.keys() == names.keys()
    for path, leaf in shapes.items():
        assert len(names[path]) == leaf.ndim, path
        assert set(names[path]) <= set(LOGICAL_AXES)


def test_a_parameter_without_names_is_named():
    with pytest.raises(ValueError, match="without logical axes: dense/kernel"):
        with_axes({"params": {"dense": {"kernel": jnp.zeros(2)}}})


@pytest.mark.parametrize(
    ("fsdp", "embed", "mlp"),
    [(False, ("embed", "mlp"), (None, "model")), (True, ("embed", "mlp"), ("data", "model"))],
)
def test_rules_map_to_the_two_axes_of_t5x(fsdp, embed, mlp):
    rules = logical_axis_rules(fsdp)
    assert {name for name, _ in rules} == {"batch", *LOGICAL_AXES}
    assert {axis for _, axis in rules} == {"data", "model", None}
    assert partitioning.logical_to_mesh_axes(embed, rules) == PartitionSpec(*mlp)
    assert partitioning.logical_to_mesh_axes(("batch",), rules) == PartitionSpec("data")


def test_moments_have_the_names_of_their_parameters():
    names = {"dense": {"kernel": ("embed", "mlp")}, "scale": ("embed",)}
    params = {"dense": {"kernel": jnp.zeros((2, 3))}, "scale": jnp.zeros(2)}
    _, adam, _, rate = OptimizerConfig().build(10).init(params)
    found = find_axes({"1": adam._asdict(), "3": rate._asdict()}, names)
    assert found["1"]["mu"] == found["1"]["nu"] == names
    assert found["1"]["count"] is None
    assert set(found["3"].values()) == {None}


def test_a_raw_key_draws_what_the_typed_key_draws():
    drawn = [
        jax.random.normal(k, (4,))
        for k in (typed_key(jax.random.PRNGKey(3)), typed_key(jax.random.key(3)), jax.random.key(3))
    ]
    np.testing.assert_array_equal(drawn[0], drawn[2])
    np.testing.assert_array_equal(drawn[1], drawn[2])
