"""Our trainer beside t5x's: ``python tests/benchmarks/training_t5x.py --model unet_small``.

Both train the same model on the same batch, taking turns in one process. Prints the time of a step
of each, from a batch in NumPy to the loss as a number. Where t5x is not installed it says so; see
``docs/t5x.md``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

import jax
from stopwatch import in_turn
from training_models import named_spec, noise_batch

try:
    from t5x import partitioning, trainer, utils
except ModuleNotFoundError as error:
    print(f"nothing to compare with: {error.name} is not installed; docs/t5x.md says how")
    sys.exit()

from mt3synth.adapters.t5x_axes import logical_axis_rules
from mt3synth.adapters.t5x_model import DiffusionModel
from mt3synth.adapters.t5x_optimizer import AveragingOptimizer, learning_rate
from mt3synth.model_spec import ModelSpec
from mt3synth.training.diffusion.step import make_train_step
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.parallel.mesh import place_batch, single_device_mesh
from mt3synth.training.state import init_state_sharded

HOW = {"condition_drop": 0.1, "time_power": 0.5}
EMA, STEPS, SEED = 0.999, 1000, 0


def our_step(spec: ModelSpec, batch: dict[str, Any]) -> Callable[[], float]:
    """Makes a step of our trainer, which gives its loss."""
    network, mesh, optimizer = spec.build(), single_device_mesh(), OptimizerConfig().build(STEPS)
    state = init_state_sharded(network, batch, optimizer, mesh, SEED)
    step = make_train_step(
        network, spec.diffusion, optimizer, ema_decay=EMA, seed=SEED, mesh=mesh, **HOW
    )

    def call() -> float:
        nonlocal state
        state, metrics = step(state, place_batch(batch, mesh))
        return float(metrics["loss"])

    return call


def their_step(spec: ModelSpec, batch: dict[str, Any]) -> Callable[[], float]:
    """Makes a step of t5x's trainer on our model and optimizer, as ``t5x.train`` does."""
    config = OptimizerConfig()
    optimizer = AveragingOptimizer(config, STEPS, EMA)
    model = DiffusionModel(spec, lambda **more: None, spec.features, optimizer, **HOW)
    partitioner = partitioning.PjitPartitioner(
        num_partitions=1, logical_axis_rules=logical_axis_rules()
    )
    shapes = {name: value.shape for name, value in batch.items()}
    initializer = utils.TrainStateInitializer(
        optimizer, model.get_initial_variables, shapes, partitioner
    )
    trained = trainer.Trainer(
        model=model,
        train_state=initializer.from_scratch(jax.random.PRNGKey(SEED)),
        partitioner=partitioner,
        train_state_axes=initializer.train_state_axes,
        eval_names=[],
        summary_dir=None,
        rng=jax.random.PRNGKey(SEED),
        learning_rate_fn=learning_rate(config, STEPS),
        num_microbatches=None,
    )
    return lambda: float(trained.train(iter([batch]), 1).result()["loss"].value)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="unet_small", help="a file of gin_configs/models")
    parser.add_argument("--batch", type=int, default=16, help="segments of 256 frames")
    parser.add_argument("--tokens", type=int, default=1536, help="in a segment, padding included")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--rounds", type=int, default=10, help="of which the best time counts")
    parser.add_argument("--clock", default="wall", choices=("wall", "cpu"), help="cpu: CPU seconds")
    args = parser.parse_args()
    spec = named_spec(args.model, args.dtype)
    batch = noise_batch(spec, args.batch, args.tokens)
    calls = {"ours": our_step(spec, batch), "t5x": their_step(spec, batch)}
    best = in_turn(calls, args.rounds, args.clock)
    print(f"{args.model}, {args.dtype}, batch {args.batch}, on {jax.devices()[0].device_kind}")
    for name, seconds in best.items():
        print(f"a step of {name:36} {1e3 * seconds:9.1f} ms")
    print(f"{'ours / t5x':46} {best['ours'] / best['t5x']:9.3f}")


if __name__ == "__main__":
    main()
