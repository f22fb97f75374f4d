"""Tiny networks and a batch for them, shared by the tests of meshes; any process may import it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import flax.linen as nn
import numpy as np

from mt3synth.models.note_encoder import NotePriorConfig
from mt3synth.models.t5 import T5, T5Config
from mt3synth.models.unet import UNet, UNetConfig

BATCH, FRAMES, MELS, CHANNELS, TOKENS, BEFORE = 16, 8, 8, 6, 5, 7
FORMS: dict[str, dict[str, Any]] = {
    "t5_hybrid": dict(frame_roll=True, mel_kernel=7),
    "t5_context": dict(context_frames=BEFORE),
    "unet_hybrid": dict(
        token_layers=1, token_width=16, token_heads=4, token_head_width=4, token_mlp_width=24,
        vocabulary_size=32, middle=True,
    ),
    "unet_notes": dict(prior=NotePriorConfig(4, width=16, key_width=4, features=4)),
    "t5_notes": dict(prior=NotePriorConfig(4, width=16, key_width=4, features=4)),
}  # fmt: skip
"""What makes other forms of the networks that are called after a backbone alone."""

PLAN = dict(ema_decay=0.9, condition_drop=0.3, time_power=0.5, seed=3)
"""How every step of these tests is taken."""


def network(name: str, **changes: Any) -> nn.Module:
    """Dropout on, and three performances so that one dimension divides by nothing."""
    changes = {**FORMS.get(name, {}), **changes}
    if name.startswith("unet"):
        shape: dict[str, Any] = dict(
            mel_bins=MELS, roll_channels=CHANNELS, performances=3, widths=(16, 16), blocks=1,
            attention_levels=(1,), roll_width=8, condition_width=4, dropout=0.1,
        )  # fmt: skip
        return UNet(UNetConfig(**{**shape, **changes}))
    shape = dict(
        encoder_layers=1, decoder_layers=1, width=16, heads=4, head_width=4, mlp_width=24,
        mel_bins=MELS, vocabulary_size=32, performances=3, dropout=0.1,
    )  # fmt: skip
    return T5(T5Config(**{**shape, **changes}))


def batch(size: int = BATCH, seed: int = 0) -> dict[str, np.ndarray]:
    """Makes all that any of the networks reads."""
    draw = np.random.default_rng(seed)
    before = np.random.default_rng(seed + 1)
    listed = np.random.default_rng(seed + 2)
    onset = listed.uniform(-FRAMES, FRAMES, (size, TOKENS))
    columns = (
        onset,
        onset + listed.uniform(0, FRAMES, (size, TOKENS)),
        listed.integers(0, 128, (size, TOKENS)),
        listed.uniform(0.1, 1, (size, TOKENS)),
        listed.integers(-1, 4, (size, TOKENS)),
    )
    return {
        "notes": np.stack(columns, axis=-1).astype(np.float32),
        "mel": np.float32(draw.uniform(-1, 1, (size, FRAMES, MELS))),
        "roll": np.float32(draw.uniform(0, 1, (size, FRAMES, CHANNELS))),
        "tokens": np.int32(draw.integers(1, 32, (size, TOKENS))),
        "performance": np.int32(draw.integers(0, 3, size)),
        "context": np.float32(before.uniform(-1, 1, (size, BEFORE, MELS))),
        "context_mask": np.arange(BEFORE) >= before.integers(0, BEFORE, size)[:, None],
    }


def on_eight_devices(program: str, *arguments: str) -> Any:
    """Returns what a program of these tests, given eight simulated devices, writes as JSON."""
    here = Path(__file__).resolve().parent
    (path,) = here.rglob(program)
    paths = os.pathsep.join(str(p) for p in (here.parents[1], here))
    flags = " ".join(
        (
            os.environ.get("XLA_FLAGS", ""),
            "--xla_force_host_platform_device_count=8 --xla_backend_optimization_level=0",
        )
    )
    done = subprocess.run(
        [sys.executable, path, *arguments],
        env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": paths},
        cwd=here.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if not line.startswith("W")]
    assert done.returncode == 0, "\n".join(said[-30:])
    return json.loads(done.stdout.splitlines()[-1])
