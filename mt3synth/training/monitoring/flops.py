"""Counts the arithmetic of a compiled function, and finds how much of it a device can do.

Model FLOP utilisation is the FLOP of the model's matrix products per second, as a share of the
device's peak (Chowdhery et al. 2022, arXiv 2204.02311, appendix B). They are counted in the traced
function and not by XLA's cost analysis: that counts the body of a loop once however often it runs
(gradient accumulation is a loop), and on GPUs leaves out products that became library calls.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core

from mt3synth.types import JaxBatch, PyTree

PEAKS: dict[str, tuple[float, str]] = {
    "TPU v4": (275e12, "cloud.google.com/tpu/docs/v4"),
    "TPU v5 lite": (197e12, "cloud.google.com/tpu/docs/v5e"),
    "TPU v5e": (197e12, "cloud.google.com/tpu/docs/v5e"),
    "TPU v5": (459e12, "cloud.google.com/tpu/docs/v5p"),
    "TPU v5p": (459e12, "cloud.google.com/tpu/docs/v5p"),
    "TPU v6 lite": (918e12, "cloud.google.com/tpu/docs/v6e"),
    "TPU v6e": (918e12, "cloud.google.com/tpu/docs/v6e"),
    "NVIDIA A100-SXM4-40GB": (312e12, "NVIDIA A100 datasheet"),
    "NVIDIA A100-SXM4-80GB": (312e12, "NVIDIA A100 datasheet"),
    "NVIDIA H100 80GB HBM3": (989e12, "NVIDIA H100 datasheet, SXM, without sparsity"),
    "NVIDIA H200": (989e12, "NVIDIA H200 datasheet, SXM, without sparsity"),
}
"""Peak bfloat16 FLOP per second by `jax.Device.device_kind`, and who says so."""

_MEASURE_SECONDS = 0.2


@dataclass(frozen=True)
class Peak:
    """Holds the greatest rate of arithmetic of one device, or of several.

    Attributes:
      flops_per_second: of all of them.
      source: where the figure is from.
    """

    flops_per_second: float
    source: str


def find_peak(device: jax.Device, dtype: str) -> Peak:
    """Finds the peak of a device: a known one, or the measured rate of a large matrix product.

    Args:
      device: one of this process.
      dtype: of the activations, "bfloat16" or "float32". Peaks are known for bfloat16 alone.
    """
    # By the device's exact name: variants of one chip have other peaks.
    if dtype == "bfloat16" and device.device_kind in PEAKS:
        flops, source = PEAKS[device.device_kind]
        return Peak(flops, f"bfloat16 peak of {device.device_kind} ({source})")
    return measure_peak(device, dtype, size=1024 if device.platform == "cpu" else 8192)


def find_peak_of_all(devices: Sequence[jax.Device], dtype: str) -> Peak:
    """Finds the peak of a mesh's devices together, from that of one of this process.

    The CPU devices of a process share its cores, so they count as one.
    """
    # One of this process, for the others' cannot be called from here; they are taken to be alike.
    mine = next(d for d in devices if d.process_index == jax.process_index())
    one = find_peak(mine, dtype)
    on_cpu = mine.platform == "cpu"
    # Simulated devices add no arithmetic.
    count = len({d.process_index for d in devices} if on_cpu else devices)
    return Peak(count * one.flops_per_second, f"{count} x {one.source}")


def measure_peak(device: jax.Device, dtype: str, size: int) -> Peak:
    """Measures the best rate of a ``size`` x ``size`` matrix product in a fraction of a second."""
    one = jax.device_put(jnp.ones((size, size), dtype), device)
    product = jax.jit(jnp.matmul)
    # Once for nothing, to have it compiled.
    product(one, one).block_until_ready()
    best, began = float("inf"), time.perf_counter()
    while time.perf_counter() - began < _MEASURE_SECONDS:
        start = time.perf_counter()
        product(one, one).block_until_ready()
        # The best, for whatever else the machine does can only make it slower.
        best = min(best, time.perf_counter() - start)
    source = f"measured: {size} x {size} {dtype} matrix product on {device.device_kind}"
    return Peak(2 * size**3 / best, source)


class StepFlops:
    """Counts the FLOP of an update, once for each set of shapes of its batch.

    Args:
      train_step: of state and batch.
      batch_size: segments of a batch of all processes together.
    """

    def __init__(self, train_step: Callable[..., Any], batch_size: int) -> None:
        self._train_step, self._batch_size = train_step, batch_size
        self._known: dict[tuple[Any, ...], float] = {}

    def knows(self, batch: JaxBatch) -> bool:
        """Tells whether a batch of these shapes was counted before."""
        return self._shapes(batch) in self._known

    def of(self, state: PyTree, batch: JaxBatch) -> float:
        """Returns the FLOP of the update of ``state`` with ``batch``; see `step_flops`."""
        shapes = self._shapes(batch)
        if shapes not in self._known:
            self._known[shapes] = step_flops(self._train_step, state, batch, self._batch_size)
        return self._known[shapes]

    def _shapes(self, batch: JaxBatch) -> tuple[Any, ...]:
        # All but the first axis, which is the same at every step.
        return tuple((name, *batch[name].shape[1:]) for name in sorted(batch))


def step_flops(
    train_step: Callable[..., Any], state: PyTree, example: JaxBatch, batch_size: int
) -> float:
    """Counts the FLOP of an update, which is traced and not compiled.

    Args:
      train_step: of state and batch.
      state: of the run, or its shapes.
      example: any batch, of which all but the number of segments is taken.
      batch_size: segments of a batch of all processes together.
    """
    batch = {
        name: jax.ShapeDtypeStruct((batch_size, *values.shape[1:]), values.dtype)
        for name, values in example.items()
    }
    return count_flops(train_step, state, batch)


def count_flops(function: Callable[..., Any], *args: Any) -> float:
    """Counts the FLOP of matrix products and convolutions in one call, on all devices together.

    What is computed again for the backward pass (rematerialisation) counts each time. A loop
    without a known end counts as one turn.

    Args:
      function: traceable, or jitted.
      *args: its arguments, or their shapes.
    """
    return _count(jax.make_jaxpr(function)(*args).jaxpr)


def _count(jaxpr: core.Jaxpr) -> float:
    return sum((_equation(equation) for equation in jaxpr.eqns), 0.0)


def _equation(equation: Any) -> float:
    """Counts the FLOP of one equation and of all within it."""
    name, params = equation.primitive.name, equation.params
    if name == "dot_general":
        # A multiplication and an addition for each number of the output and each contracted index.
        (contracted, _), _ = params["dimension_numbers"]
        left = equation.invars[0].aval.shape
        return 2.0 * _size(equation.outvars[0]) * math.prod(left[axis] for axis in contracted)
    if name == "conv_general_dilated":
        kernel, features = equation.invars[1].aval.shape, params["dimension_numbers"].rhs_spec[0]
        taps = math.prod(size for axis, size in enumerate(kernel) if axis != features)
        # Of a dilated input only the entries between the holes are multiplied.
        # Each number of the output is a sum over the kernel's taps and input channels.
        return 2.0 * _size(equation.outvars[0]) * taps / math.prod(params["lhs_dilation"])
    if name == "cond":  # Only one branch runs.
        return max(_count(branch.jaxpr) for branch in params["branches"])
    # How often a `while` turns is known only when it runs.
    turns = params["length"] if name == "scan" else 1
    return turns * sum((_count(inner) for inner in _inner(params)), 0.0)


def _inner(params: dict[str, Any]) -> Iterator[core.Jaxpr]:
    """Yields the functions that an equation calls."""
    for value in params.values():
        for item in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(item, core.ClosedJaxpr):
                yield item.jaxpr
            elif isinstance(item, core.Jaxpr):
                yield item


def _size(variable: Any) -> int:
    return math.prod(variable.aval.shape)
