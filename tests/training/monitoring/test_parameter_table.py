"""The table of parameters, on one device and on a mesh that no machine need have."""

import math

import jax
import pytest
from jax.sharding import AbstractMesh, AxisType
from mesh_cases import batch, network

from mt3synth.training.monitoring.parameter_table import (
    FILE,
    describe_state,
    format_table,
    list_parameters,
    summarize,
    write_table,
)
from mt3synth.training.parallel.mesh import AXES, single_device_mesh
from mt3synth.training.parallel.sharding import boxed_params, example_shapes


def abstract_mesh(*sizes: int) -> AbstractMesh:
    return AbstractMesh(sizes, AXES, axis_types=(AxisType.Auto,) * 3)


@pytest.mark.parametrize("name", ["unet", "t5"])
def test_it_counts_what_the_network_makes(name, tmp_path):
    net, mesh = network(name), single_device_mesh()
    parameters = list_parameters(boxed_params(net, batch()), mesh)
    line = write_table(tmp_path, parameters, mesh)
    made = jax.eval_shape(net.init, jax.random.key(0), *example_shapes(batch()))
    sizes = [math.prod(leaf.shape) for leaf in jax.tree.leaves(made)]
    assert line.startswith(f"{sum(sizes):,} parameters, {4 * sum(sizes) / 1e6:.1f} MB; ")
    text = (tmp_path / FILE).read_text()
    assert sum(found.size for found in parameters) == sum(sizes)
    # Heading, rule, blank, a line for each parameter and each module.
    modules = {str(path[1].key) for path, _ in jax.tree.leaves_with_path(made)}
    assert len(text.splitlines()) == 4 + len(sizes) + len(modules)


def test_shards_are_shown(as_released):
    mesh = abstract_mesh(1, 2, 4)
    found = {
        "/".join(p.path): p for p in list_parameters(boxed_params(network("unet"), batch()), mesh)
    }
    kernel = found["down_0_0/conv_out/kernel"]
    assert kernel.shape == (3, 16, 16) and kernel.names == ("tap", "conv_hidden", "conv_out")
    assert kernel.spec == (None, "tensor", "fsdp") and kernel.shard == (3, 4, 8)
    assert kernel.bytes == 4 * 768 and kernel.bytes_on_device == 4 * 768 // 8
    row = next(
        line
        for line in format_table(list(found.values()), mesh).splitlines()
        if "3 x 4 x 8" in line
    )
    assert "conv_out/kernel" in row and "3 x 16 x 16" in row and "-, tensor, fsdp" in row
    assert "mesh data=1 x fsdp=2 x tensor=4" in summarize(list(found.values()), mesh)


def test_what_a_mesh_axis_does_not_divide_is_marked(as_released):
    mesh = abstract_mesh(1, 5, 1)
    found = list_parameters(boxed_params(network("unet"), batch()), mesh)
    kernel = next(p for p in found if p.path == ("down_0_0", "conv_out", "kernel"))
    assert kernel.undivided == ("fsdp",) and kernel.shard == kernel.shape
    assert "fsdp!" in format_table(found, mesh) and "does not divide" in format_table(found, mesh)


def test_bytes_of_a_state():
    state = {"params": jax.numpy.ones((500, 500)), "step": jax.numpy.int32(3), "other": None}
    assert describe_state(state).endswith("optimizer): 1.0 MB, 1.0 MB on each device")
