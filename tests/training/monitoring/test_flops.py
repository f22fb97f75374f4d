"""Counting FLOP: closed forms, and XLA's own count where that is right."""

import jax
import jax.numpy as jnp
import pytest
from training_cases import batch_of, tiny_spec

from mt3synth.bundle import abstract_params
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.training.diffusion.step import example_losses, make_train_step
from mt3synth.training.monitoring.flops import (
    PEAKS,
    count_flops,
    find_peak,
    find_peak_of_all,
    measure_peak,
    step_flops,
)
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.parallel.mesh import single_device_mesh
from mt3synth.training.state import abstract_state

A, B = jnp.ones((64, 32)), jnp.ones((32, 16))
ONE_PRODUCT = 2 * 64 * 32 * 16


def test_a_product_and_its_gradient():
    assert count_flops(jnp.matmul, A, B) == ONE_PRODUCT
    gradient = jax.grad(lambda a, b: jnp.sum(a @ b) ** 2, argnums=(0, 1))
    assert count_flops(gradient, A, B) == 3 * ONE_PRODUCT


def test_every_turn_of_a_loop_counts():
    def looped(a, b):
        return jax.lax.scan(lambda c, row: (c + jnp.sum(row @ b), None), 0.0, a)[0]

    assert count_flops(jax.jit(looped), A.reshape(8, 8, 32), B) == ONE_PRODUCT


def test_what_is_computed_again_counts_again():
    def deep(a):
        return jnp.sum(jnp.sin(jnp.sin(a @ a.T) @ a) ** 2)

    assert count_flops(jax.grad(jax.checkpoint(deep)), A) > count_flops(jax.grad(deep), A)


def test_a_network_as_xla_counts_it():
    """Counts a network without loops and library calls, where only other work may differ."""
    spec = tiny_spec(widths=(64, 64))
    batch = {name: jnp.asarray(values) for name, values in batch_of(spec, 4).items()}
    time, keep = jnp.full(4, 0.5), (jnp.ones(4, bool),) * 2

    def loss(params):
        noise = jnp.zeros(batch["mel"].shape)
        losses = example_losses(
            spec.build(), DiffusionSpec(), params, batch, time, noise, keep, None
        )
        return jnp.sum(losses)

    params = abstract_params(spec)
    gradient = jax.jit(jax.grad(loss))
    counted = count_flops(gradient, params)
    by_xla = gradient.lower(params).cost_analysis()["flops"]
    assert counted == pytest.approx(by_xla, rel=0.1)


def test_peaks_say_where_they_are_from():
    device = jax.local_devices()[0]
    peak = measure_peak(device, "float32", size=128)
    assert peak.flops_per_second > 1e7
    assert peak.source == "measured: 128 x 128 float32 matrix product on cpu"
    assert all(flops > 1e14 and source for flops, source in PEAKS.values())


def test_devices_that_share_a_processor_count_once(as_released):
    class V4:
        device_kind, platform, process_index = "TPU v4", "tpu", 0

    assert find_peak_of_all([V4(), V4()], "bfloat16").flops_per_second == 2 * 275e12
    one = jax.local_devices()[0]
    assert find_peak_of_all([one, one], "float32").source.startswith("1 x measured")


def test_an_update_is_counted_for_the_whole_batch_however_it_is_cut():
    spec = tiny_spec()
    example, optimizer = batch_of(spec, 1), OptimizerConfig().build(10)
    state = abstract_state(spec.build(), example, optimizer, single_device_mesh())

    def flops(batch_size, accumulation):
        step = make_train_step(
            spec.build(),
            DiffusionSpec(),
            optimizer,
            ema_decay=0.9,
            condition_drop=0.1,
            time_power=0.5,
            seed=0,
            accumulation=accumulation,
        )
        return step_flops(step, state, example, batch_size)

    # All but a fraction grows with the batch.
    assert flops(16, 4) == pytest.approx(2 * flops(8, 1), rel=0.01)


def test_a_known_device_is_looked_up(as_released):
    class V4:
        device_kind, platform = "TPU v4", "tpu"

    assert find_peak(V4(), "bfloat16").flops_per_second == 275e12
