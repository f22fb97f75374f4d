"""Checks that on eight simulated devices every mesh takes the step that one device takes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P
from mesh_cases import on_eight_devices

from mt3synth.errors import UserError
from mt3synth.models.axes import LOGICAL_AXES
from mt3synth.training.parallel.mesh import (
    AXES,
    MeshConfig,
    check_batch_size,
    data_share,
    make_mesh,
    single_device_mesh,
)
from mt3synth.training.parallel.sharding import LOGICAL_RULES, param_spec

CASES = {
    "unet": (
        "2x2x2/1/none",
        "8x1x1/2/full",
        "1x8x1/1/dots_saveable",
        "1x2x4/2/none",
        "4x1x2/4/dots_with_no_batch_dims_saveable",
    ),
    "t5": (
        "2x2x2/1/full",
        "1x1x8/1/none",
        "1x4x2/4/dots_saveable",
        "2x4x1/2/dots_with_no_batch_dims_saveable",
    ),
}
"""Meshes of eight devices, with micro-batches and rematerialisation of every kind.

Every axis is seen alone, with each other and with both. Both networks are cut along all three; what
an axis does is the same for both, so they take turns with the rest.
"""


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.slow) for name in CASES]
)
def report(request: pytest.FixtureRequest) -> dict[str, Any]:
    return on_eight_devices("run_on_meshes.py", request.param, *CASES[request.param])


def test_every_mesh_takes_the_step_of_one_device(report: dict[str, Any]) -> None:
    for case, found in report.items():
        assert found["initial"] < 1e-6, case
        assert found["gradient"] < 1e-5, case
        assert max(found["metrics"].values()) < 1e-5, case
        assert found.get("evaluation", 0.0) < 2e-5, case
        assert found["as_planned"], case


def test_a_device_holds_its_share_only(report: dict[str, Any]) -> None:
    for case, found in report.items():
        _, fsdp, tensor = map(int, case.split("/")[0].split("x"))
        for kind, arrays in found["shares"].items():
            whole = sum(np.prod(shape) for shape, _ in arrays.values())
            held = sum(np.prod(share) for _, share in arrays.values())
            # Vectors, tables and what does not divide are held whole; so small a network has many.
            assert held < whole * (1 / (fsdp * tensor) + 0.25), (case, kind)


def test_kernels_are_cut_along_the_axes_of_the_rules(report: dict[str, Any]) -> None:
    for case, found in report.items():
        _, fsdp, tensor = map(int, case.split("/")[0].split("x"))
        for kind in ("params", "ema", "opt_state"):
            shares = found["shares"][kind]
            if any("wi_0" in name for name in shares):
                name = "['decoder']['layers_0']['mlp']['wi_0']['kernel']"
                expected = [[16, 24], [16 // fsdp, 24 // tensor]]
            else:
                name = "['down_0_0']['conv_in']['kernel']"
                expected = [[3, 16, 16], [3, 16 // fsdp, 16 // tensor]]
            assert [value for key, value in shares.items() if key.endswith(name)] == [expected]


def fake_mesh(data: int, fsdp: int, tensor: int, owners: list[int]) -> Any:
    """Makes as much of a mesh as the plans look at; ``owners`` are the processes of its devices."""
    devices = np.array([SimpleNamespace(process_index=owner) for owner in owners], object)
    shape = dict(zip(AXES, (data, fsdp, tensor)))
    return SimpleNamespace(devices=devices.reshape(data, fsdp, tensor), shape=shape)


def test_every_axis_name_has_its_rule() -> None:
    assert {name for name, _ in LOGICAL_RULES} == set(LOGICAL_AXES)


@pytest.mark.parametrize(
    ("names", "shape", "expected"),
    [
        (("embed", "mlp"), (16, 24), P("fsdp", "tensor")),
        (("embed", "mlp"), (16, 25), P("fsdp", None)),
        (("tap", "conv_in", "conv_out"), (3, 5, 8), P(None, None, None)),
        (("mlp", "condition"), (8, 8), P("tensor", "fsdp")),
        (("condition", "film"), (8, 8), P("tensor", "fsdp")),
        (("embed",), (16,), P()),
    ],
)
def test_what_an_axis_does_not_divide_stays_whole(
    as_released: None, names: tuple[str, ...], shape: tuple[int, ...], expected: P
) -> None:
    assert param_spec(names, shape, fake_mesh(1, 2, 4, [0] * 8)) == expected


@pytest.mark.parametrize(
    ("sizes", "owners", "expected"),
    [
        ((8, 1, 1), [0] * 8, [(0, 1)]),
        ((2, 4, 1), [0] * 4 + [1] * 4, [(0, 2), (1, 2)]),
        ((1, 1, 8), [0] * 4 + [1] * 4, [(0, 1), (0, 1)]),
        ((2, 1, 4), [0, 0, 1, 1, 2, 2, 3, 3], [(0, 2), (0, 2), (1, 2), (1, 2)]),
    ],
)
def test_processes_share_a_batch(
    as_released: None,
    sizes: tuple[int, int, int],
    owners: list[int],
    expected: list[tuple[int, int]],
) -> None:
    mesh = fake_mesh(*sizes, owners)
    assert [data_share(mesh, process) for process in range(len(expected))] == expected


def test_overlapping_shares_are_refused(as_released: None) -> None:
    mesh = fake_mesh(2, 1, 3, [0, 0, 1, 1, 2, 2])
    with pytest.raises(UserError, match="overlapping shares"):
        data_share(mesh, 0)


def test_a_mesh_takes_what_is_left() -> None:
    mesh: Mesh = make_mesh(MeshConfig(), jax.devices()[:1])
    assert dict(mesh.shape) == {"data": 1, "fsdp": 1, "tensor": 1}
    with pytest.raises(UserError, match=r"fsdp=3 x tensor=1 does not fit 1 devices"):
        make_mesh(MeshConfig(fsdp=3), jax.devices()[:1])
    with pytest.raises(ValueError, match="tensor=0; must be at least 1"):
        MeshConfig(tensor=0)
    with pytest.raises(ValueError, match="only one axis can be -1"):
        MeshConfig(fsdp=-1)


def test_a_batch_that_does_not_divide_is_refused(as_released: None) -> None:
    check_batch_size(48, fake_mesh(4, 2, 1, [0] * 8), 3)
    message = r"batch_size=44 does not divide over data=4 x fsdp=2 x accumulation=3; .* of 24"
    with pytest.raises(UserError, match=message):
        check_batch_size(44, fake_mesh(4, 2, 1, [0] * 8), 3)
    with pytest.raises(UserError, match="choose a multiple of 2"):
        check_batch_size(3, single_device_mesh(), 2)
