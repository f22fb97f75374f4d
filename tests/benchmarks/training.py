"""Measures how fast a training step is: ``python tests/benchmarks/training.py --model t5_small``.

Prints, from one run: the time of a training step beside that of its matrix products and
convolutions at their own shapes, each timed by itself, and beside the rate of a large matrix
product of the same type; and where the rest of the step goes, by leaving parts of it out.

The model is one of ``gin_configs/models``. On a GPU give a larger one in bfloat16:
``--model t5_base --dtype bfloat16 --batch 32``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from products import Products
from stopwatch import Clock, best_seconds, in_turn
from training_models import named_spec, noise_batch

from mt3synth.model_spec import ModelSpec
from mt3synth.training.diffusion.randomness import draw
from mt3synth.training.diffusion.step import example_losses, make_train_step
from mt3synth.training.monitoring.flops import step_flops
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.parallel.mesh import single_device_mesh
from mt3synth.training.state import init_state_sharded

HOW = {"condition_drop": 0.1, "time_power": 0.5}
EMA = 0.999


class Step:
    """A training step of the model, and its parts.

    Args:
      spec: the model.
      batch: what every step is given.
    """

    def __init__(self, spec: ModelSpec, batch: dict[str, Any]) -> None:
        self.spec, self.batch = spec, jax.device_put(batch)
        self.size, *shape = batch["mel"].shape
        self.optimizer = OptimizerConfig().build(1000)
        network, mesh = spec.build(), single_device_mesh()
        self.function = make_train_step(
            network, spec.diffusion, self.optimizer, ema_decay=EMA, seed=0, mesh=mesh, **HOW
        )
        self.state = init_state_sharded(network, batch, self.optimizer, mesh, 0)
        self.draw = jax.jit(
            lambda key: draw(key, jnp.arange(self.size), self.size, tuple(shape), **HOW)
        )
        self.draws = self.draw(jax.random.key(0))
        self.update = jax.jit(self._update, donate_argnums=0)
        self.average = jax.jit(self._average, donate_argnums=0)

    def whole(self) -> Any:
        """Makes one update of the state."""
        self.state, metrics = self.function(self.state, self.batch)
        return metrics

    def optimize(self) -> Any:
        """Does the optimizer's part alone, the averaged parameters standing in for gradients."""
        self.state = self.update(self.state)
        return self.state.params

    def ema(self) -> Any:
        """Does the average's part alone."""
        self.state = self.average(self.state)
        return self.state.ema

    def loss(self, dropout: bool) -> Callable[[Any], Any]:
        """Computes the loss of the parameters, as the step computes it."""
        draws = self.draws
        keep = (draws.keep_score, draws.keep_performance)
        keys = draws.dropout if dropout else None

        def total(params: Any, batch: Any) -> Any:
            losses = example_losses(
                self.spec.build(),
                self.spec.diffusion,
                params,
                batch,
                draws.time,
                draws.noise,
                keep,
                keys,
            )
            return jnp.mean(losses)

        return total

    def _update(self, state: Any) -> Any:
        updates, opt_state = self.optimizer.update(state.ema, state.opt_state, state.params)
        return state.replace(params=optax.apply_updates(state.params, updates), opt_state=opt_state)

    def _average(self, state: Any) -> Any:
        return state.replace(ema=optax.incremental_update(state.params, state.ema, 1 - EMA))


def parts(step: Step) -> dict[str, Callable[[], Any]]:
    """Lists the step and parts of it, to be timed."""
    plain = step.loss(dropout=False)
    forward, gradient = jax.jit(plain), jax.jit(jax.grad(plain))
    calls = {
        "step": step.whole,
        "forward": lambda: forward(step.state.params, step.batch),
        "gradient": lambda: gradient(step.state.params, step.batch),
        "draws": lambda: step.draw(jax.random.key(1)),
        "optimizer": step.optimize,
        "ema": step.ema,
    }
    if step.spec.network.dropout > 0:
        dropped = jax.jit(jax.grad(step.loss(dropout=True)))
        calls["dropped"] = lambda: dropped(step.state.params, step.batch)
    return calls


def large_product_rate(dtype: str, clock: Clock) -> float:
    """Measures how many FLOP a second a product of two large square matrices makes."""
    size = 3072 if jax.default_backend() == "cpu" else 8192
    one, other = jax.random.normal(jax.random.key(0), (2, size, size)).astype(dtype)
    product = jax.jit(jnp.matmul)
    return 2 * size**3 / best_seconds(lambda: product(one, other), repeats=5, clock=clock)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="t5_small", help="a file of gin_configs/models")
    parser.add_argument("--batch", type=int, default=2, help="segments of 256 frames")
    parser.add_argument("--tokens", type=int, default=1536, help="in a segment, padding included")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--rounds", type=int, default=3, help="of which the best time counts")
    parser.add_argument("--clock", default="wall", choices=("wall", "cpu"), help="cpu: CPU seconds")
    parser.add_argument("--largest", type=int, default=0, help="show so many of the products")
    args = parser.parse_args()

    device = jax.devices()[0]
    spec = named_spec(args.model, args.dtype)
    batch = noise_batch(spec, args.batch, args.tokens)
    step = Step(spec, batch)
    count = sum(leaf.size for leaf in jax.tree.leaves(step.state.params))
    flops = step_flops(step.function, step.state, batch, args.batch)
    products = Products(step.function, step.state, batch)
    print(
        f"{args.model}, {count / 1e6:.0f} M parameters, {args.dtype}, batch {args.batch}, "
        f"on {jax.device_count()} x {device.device_kind}",
        flush=True,
    )

    rate = large_product_rate(args.dtype, args.clock)
    alone = products.seconds(args.clock)
    times = in_turn(parts(step), args.rounds, args.clock)
    again = products.seconds(args.clock)
    alone = {product: min(alone[product], again[product]) for product in alone}
    rate = max(rate, large_product_rate(args.dtype, args.clock))

    whole, matrix = times["step"], products.total(alone)

    def line(name: str, seconds: float) -> None:
        print(f"{name:48} {1e3 * seconds:9.1f} ms {seconds / whole:8.1%}")

    line("training step", whole)
    line(f"its {sum(products.counts.values())} products at their own shapes, alone", matrix)
    line(f"its {flops / 1e9:.0f} GFLOP at a large product's {rate / 1e9:.0f} GFLOP/s", flops / rate)
    print(f"{'step / products':48} {whole / matrix:9.2f}")
    print(f"{'share of the large product':48} {flops / rate / whole:9.1%}")
    print("of the step:")
    line("  forward pass, dropout off", times["forward"])
    line("  backward pass, dropout off", times["gradient"] - times["forward"])
    line("  dropout, both passes", times.get("dropped", times["gradient"]) - times["gradient"])
    line("  times, noise and condition drops", times["draws"])
    line("  optimizer", times["optimizer"])
    line("  moving average", times["ema"])
    parts_of_it = times.get("dropped", times["gradient"]) + sum(
        times[name] for name in ("draws", "optimizer", "ema")
    )
    line("  what these parts do not explain", whole - parts_of_it)
    line("passes, dropout off, without their products", times["gradient"] - matrix)
    for product, seconds in sorted(
        alone.items(), key=lambda item: -item[1] * products.counts[item[0]]
    )[: args.largest]:
        line(f"{products.counts[product]:3} x {product}", seconds * products.counts[product])


if __name__ == "__main__":
    main()
