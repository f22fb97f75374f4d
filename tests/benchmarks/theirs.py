"""Compares a denoising step with that of the codes this project goes back to.

    python tests/benchmarks/theirs.py --ancestor DIR --authors DIR

``--ancestor`` is a checkout of github.com/magenta/music-spectrogram-diffusion (Hawthorne et al.
2022, JAX), ``--authors`` the folder ``performance-conditioning-master`` of one of
github.com/benadar293/midipm (Maman et al. 2023, PyTorch). One that is not given, or lacks
something to import, is left out, which is said. Nothing but their networks and their diffusion is
imported: the ancestor needs flax alone, the authors' code torch, torchvision, einops, librosa and
mido.

Both take a step of one segment of 256 frames with one branch and with guidance, as their own
sampling does, parameters being random; ours is the network of the same sizes on inputs of the same
shapes. What is theirs to do at every step is in their time (the authors encode the score anew),
what is done once for a song is in nobody's. All take turns in one process; the best time counts.
Prints Markdown.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from stopwatch import Call, in_turn
from training_models import PERFORMANCES, named_spec, noise_batch, with_network

from mt3synth.diffusion.guidance import Guidance
from mt3synth.model_spec import ModelSpec
from mt3synth.models.conditions import Conditions, conditions_of
from mt3synth.synthesis.chunks import denoise_chunk, encode_chunk

FRAMES, BINS = 256, 128
PLAIN, GUIDED = "one branch", "guided"
Row = tuple[str, Call, Call]
"""What is measured, theirs and ours."""


def import_from(folder: Path, package: str, module: str) -> Any:
    """Imports a module of a package whose ``__init__``, which imports all the rest, is not run."""
    if not folder.is_dir():
        raise ImportError(f"no folder {folder}")
    bare = types.ModuleType(package)
    bare.__path__ = [str(folder)]
    sys.modules[package] = bare
    return importlib.import_module(f"{package}.{module}")


def random_parameters(init: Callable[..., Any], *inputs: Any) -> Any:
    """Draws small parameters in the shapes that a network has.

    Its own are not asked for: to compile how they are drawn takes minutes.
    """
    shapes = jax.eval_shape(init, jax.random.key(0), *inputs)
    draw = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: jnp.asarray(draw.normal(0, 0.02, leaf.shape).astype(leaf.dtype)), shapes
    )


def our_step(spec: ModelSpec, guidance: Guidance, conditions: Conditions) -> Call:
    """A step as rendering takes it, of one window."""
    network = spec.build()
    inputs = (jnp.zeros((1, FRAMES, BINS)), jnp.zeros(1), conditions)
    params = random_parameters(network.init, *inputs)["params"]
    context = encode_chunk(network, guidance, params, conditions)
    frames = jax.random.normal(jax.random.key(1), (1, FRAMES, BINS))
    half = jnp.array(0.5)
    return lambda: denoise_chunk(network, spec.diffusion, guidance, params, context, frames, half)


def ancestor_rows(checkout: Path, lengths: list[int]) -> Iterator[Row]:
    """The small network of 2022, with scores of so many tokens."""
    name = "music_spectrogram_diffusion"
    network = import_from(checkout / name, name, "models.diffusion.network")
    diffusion = importlib.import_module(f"{name}.models.diffusion.diffusion_utils")
    spec = with_network(named_spec("t5_small"), performances=0, null_score="masked")
    ours = spec.network
    config = network.T5Config(
        vocab_size=ours.vocabulary_size,
        emb_dim=ours.width,
        num_heads=ours.heads,
        num_encoder_layers=ours.encoder_layers,
        num_decoder_layers=ours.decoder_layers,
        head_dim=ours.head_width,
        mlp_dim=ours.mlp_width,
        mlp_activations=("gelu", "linear"),
        decoder_cross_attend_style="concat_encodings",
    )
    module = network.Transformer(config=config)
    for length in lengths:
        batch = jax.tree.map(jnp.asarray, noise_batch(spec, 1, length))
        conditions = conditions_of(batch, jnp.ones(1, bool), jnp.ones(1, bool))
        start = batch["tokens"], jnp.zeros((1, FRAMES, BINS)), jnp.zeros(1)
        params = random_parameters(partial(module.init, enable_dropout=False), *start)
        for branches, weight in ((PLAIN, 1.0), (GUIDED, 2.0)):
            settings = diffusion.DiffusionConfig(
                classifier_free_guidance=diffusion.ClassifierFreeGuidanceConfig(
                    eval_condition_weight=weight
                ),
                sampler=diffusion.SamplerConfig(
                    schedule=diffusion.DiffusionSchedule(name="cosine", num_steps=1000)
                ),
            )
            theirs = _ancestor_step(module, diffusion, settings, params, batch["tokens"])
            label = f"2022, small, {length} tokens, {branches}"
            yield label, theirs, our_step(spec, Guidance(weight, 1.0), conditions)


def _ancestor_step(module: Any, diffusion: Any, settings: Any, params: Any, tokens: Any) -> Call:
    def encode(params: Any) -> Any:
        return module.apply(params, tokens, enable_dropout=False, method=module.encode)

    @jax.jit
    def step(params: Any, encoded: Any, frames: jax.Array) -> jax.Array:
        # As their `DiffusionModel.predict_batch_with_aux` does, which cannot be imported without
        # t5x.
        def predict(z: jax.Array, time: jax.Array, include_conditioning: bool) -> Any:
            given = jax.tree.map(lambda x: x * include_conditioning, encoded)
            return module.apply(params, given, z, time, enable_dropout=False, method=module.decode)

        take = diffusion.eval_step(jax.random.key(2), settings, 1, predict)
        return take(frames, jnp.array(500))[0]

    encoded = jax.jit(encode)(params)
    frames = jax.random.normal(jax.random.key(1), (1, FRAMES, BINS))
    return lambda: step(params, encoded, frames)


def authors_rows(checkout: Path) -> Iterator[Row]:
    """The T5 of 2023 at the sizes that its code has by default."""
    import torch

    # Released under another name than the one it is imported by.
    folder = checkout / "performance_conditioning"
    theirs = import_from(folder, "onsets_and_frames", "denoising_diffusion_t5")
    spec = named_spec("t5_paper")
    batch = jax.tree.map(jnp.asarray, noise_batch(spec, 1, 0))
    conditions = conditions_of(batch, jnp.ones(1, bool), jnp.ones(1, bool))
    # Its roll has planes for instruments times keys; all that counts here is their number, and ours
    # has drums that are no multiple of keys.
    with redirect_stdout(StringIO()):
        network = theirs.DiffusionFilmTransformer(
            n_instruments=1, n_keys=spec.roll.channels // 2, n_ids=PERFORMANCES
        ).eval()
        # With a single step to take, their loop is a step.
        process = theirs.GaussianDiffusion(
            network,
            image_size=(FRAMES, BINS),
            sampling_timesteps=1,
            use_strict_log=True,
            clip_min=1e-5,
            clip_max=54.6,
        )
    # Copied, because the arrays of JAX cannot be written to.
    roll = torch.tensor(np.array(batch["roll"])).permute(0, 2, 1).contiguous()
    performance = torch.eye(PERFORMANCES)[:1]

    def step(weight: float) -> Any:
        # It prints its progress, and its network its inputs.
        with torch.no_grad(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            return process.ddim_sample_multi_cfg(
                (1, BINS, FRAMES), roll, ids=performance, cfg=weight, cfg_id=weight
            )

    for branches, weight in ((PLAIN, 1.0), (GUIDED, 1.25)):
        label = f"2023, {branches}"
        yield (
            label,
            lambda weight=weight: step(weight),
            our_step(spec, Guidance(weight, weight), conditions),
        )


def show(name: str, rows: Callable[[], Iterator[Row]], rounds: int) -> None:
    """Prints a line of the table for each, or why there is none."""
    try:
        for label, theirs, ours in rows():
            taken = in_turn({"theirs": theirs, "ours": ours}, rounds)
            milliseconds = [f"{1e3 * taken[who]:.0f}" for who in ("theirs", "ours")]
            ratio = f"{taken['theirs'] / taken['ours']:.2f}"
            print(f"| {' | '.join([label, *milliseconds, ratio])} |", flush=True)
    except ImportError as error:
        print(f"\n{name} is left out: {error}\n", flush=True)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ancestor", type=Path, metavar="DIR", help="checkout of 2022's code")
    parser.add_argument("--authors", type=Path, metavar="DIR", help="checkout of 2023's code")
    length = "tokens of a score (2048, to which 2022's code pads all; and 512)"
    parser.add_argument("--tokens", type=int, nargs="+", default=[2048, 512], help=length)
    parser.add_argument("--rounds", type=int, default=10, help="turns of each (10)")
    args = parser.parse_args()
    print("| a step of one segment | theirs, ms | ours, ms | theirs / ours |\n|---|---|---|---|")
    for option, rows in {
        "--ancestor": args.ancestor and (lambda: ancestor_rows(args.ancestor, args.tokens)),
        "--authors": args.authors and (lambda: authors_rows(args.authors)),
    }.items():
        if rows is None:
            print(f"\n{option} is left out: no folder given\n")
        else:
            show(option, rows, args.rounds)


if __name__ == "__main__":
    main()
