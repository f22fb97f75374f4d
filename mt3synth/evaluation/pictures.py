"""Pictures of mel frames."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from mt3synth.audio.mel import MelSpec
from mt3synth.types import FloatND

_TICKS_HZ = (200.0, 500.0, 1000.0, 2000.0, 4000.0)
_RANGE = 9.0  # natural log units (78 dB) from the brightest colour to the darkest
_COLOURS = 64


def draw_mels(panels: dict[str, FloatND], spec: MelSpec, path: Path, title: str) -> None:
    """Panels one above the other, on one time axis and one colour scale.

    Args:
      panels: caption and log-mel frames ``[T, M]`` of each.
      spec: of the frames.
      path: PNG to write, with few colours so that it stays small.
      title: above all panels.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=(11, 0.6 + 2.4 * len(panels)), dpi=100, layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    top = max(float(mel.max()) for mel in panels.values())
    for axis, (caption, mel) in zip(axes, panels.items()):
        axis.imshow(
            mel.T,
            origin="lower",
            aspect="auto",
            interpolation="bilinear",
            cmap="magma",
            vmin=top - _RANGE,
            vmax=top,
            extent=(0, len(mel) / spec.frame_rate, -0.5, spec.bins - 0.5),
        )
        axis.set_title(caption, fontsize=10, loc="left")
        axis.set_yticks([bin_of(hz, spec) for hz in _TICKS_HZ], [f"{hz:g}" for hz in _TICKS_HZ])
        axis.set_ylabel("Hz")
    axes[-1].set_xlabel("seconds")
    figure.suptitle(title, fontsize=11)
    drawn = io.BytesIO()
    FigureCanvasAgg(figure).print_png(drawn)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(drawn).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


def bin_of(hz: float, spec: MelSpec) -> float:
    """Position among the bins of the HTK mel scale whose triangle is centred on ``hz``."""
    low, high, here = (2595 * np.log10(1 + f / 700) for f in (spec.low_hz, spec.high_hz, hz))
    return float((here - low) / (high - low) * (spec.bins + 1) - 1)
