"""Draws pictures of mel frames."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mt3synth.audio.mel import MelSpec
from mt3synth.types import FloatND

if TYPE_CHECKING:
    from PIL import Image

_TICKS_HZ = (200.0, 500.0, 1000.0, 2000.0, 4000.0)
_COLOURS = 64
RANGE = 9.0
"""Natural log units (78 dB) from the brightest colour to the darkest."""


def draw_mels(panels: dict[str, FloatND], spec: MelSpec, path: Path, title: str) -> bytes:
    """Draws panels one above the other, on one time axis and one colour scale; returns the PNG.

    Args:
      panels: caption and log-mel frames ``[T, M]`` of each.
      spec: of the frames.
      path: PNG to write, with few colours so that it stays small.
      title: above all panels.
    """
    drawn = mels_png(panels, spec, title)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(drawn)
    return drawn


def mels_png(panels: dict[str, FloatND], spec: MelSpec, title: str) -> bytes:
    """Draws as `draw_mels` does, and returns the bytes of the PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 0.6 + 2.4 * len(panels)), dpi=100, layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    top = max(float(mel.max()) for mel in panels.values())
    # One scale for all, or a quiet panel would look as bright as a loud one.
    shades: dict[str, Any] = {"cmap": "magma", "vmin": top - RANGE, "vmax": top}
    for axis, (caption, mel) in zip(axes, panels.items()):
        extent = (0, len(mel) / spec.frame_rate, -0.5, spec.bins - 0.5)
        layout: dict[str, Any] = {"origin": "lower", "aspect": "auto", "extent": extent}
        axis.imshow(mel.T, interpolation="bilinear", **shades, **layout)
        axis.set_title(caption, fontsize=10, loc="left")
        axis.set_yticks([bin_of(hz, spec) for hz in _TICKS_HZ], [f"{hz:g}" for hz in _TICKS_HZ])
        axis.set_ylabel("Hz")
    axes[-1].set_xlabel("seconds")
    figure.suptitle(title, fontsize=11, parse_math=False)
    return png_of_few_colours(figure, _COLOURS)


def png_of_few_colours(figure: Any, colours: int, rare: bool = False) -> bytes:
    """Renders a figure as a PNG of at most so many colours, so that it stays small.

    Args:
      figure: of matplotlib.
      colours: at most.
      rare: keep those of few pixels, such as single points, instead of fine gradations.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    drawn = io.BytesIO()
    FigureCanvasAgg(figure).print_png(drawn)
    return encode_few_colours(Image.open(drawn).convert("RGB"), colours, rare)


def encode_few_colours(image: Image.Image, colours: int, rare: bool = False) -> bytes:
    """Encodes an RGB image as `png_of_few_colours` does."""
    from PIL import Image

    # Quantising by median cut gives each colour as many pixels: points of a few would be lost.
    method = Image.Quantize.MAXCOVERAGE if rare else None
    few = image.quantize(colours, method, dither=Image.Dither.NONE)
    encoded = io.BytesIO()
    few.save(encoded, format="PNG", optimize=True)
    return encoded.getvalue()


def bin_of(hz: float, spec: MelSpec) -> float:
    """Finds the position among the bins of the HTK mel scale that is centred on ``hz``."""
    low, high, here = (2595 * np.log10(1 + f / 700) for f in (spec.low_hz, spec.high_hz, hz))
    return float((here - low) / (high - low) * (spec.bins + 1) - 1)
