"""Draws pictures of alignments."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data_pipelines.alignment.align import Alignment
from data_pipelines.alignment.features import FEATURE_RATE
from data_pipelines.filesystem import write_atomically
from mt3synth.reporting.mel_pictures import png_of_few_colours
from mt3synth.types import FloatND

_COLOURS = 40
_PIXELS = 300  # of the similarity matrix, along each side
_PATH, _LINE, _GUIDE = "#e4572e", "#17607d", "#8d99ae"


def draw_alignment(alignment: Alignment, path: Path, title: str, threshold: float) -> None:
    """Draws the path over the similarity of chroma, with tempo and agreement under it.

    Args:
      alignment: what to draw.
      path: PNG to write, whole or not at all.
      title: above it.
      threshold: of the confidence.

    Raises:
      OSError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 8.6), dpi=100, layout="constrained")
    matrix, tempo, local = figure.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": [5.2, 1.2, 1.2]}
    )
    time_map, agreement = alignment.time_map, alignment.agreement
    ours, first, last = _shrink(alignment.score.chroma, -alignment.lead)
    theirs, begin, end = _shrink(alignment.recording.chroma, 0.0)
    look = {"origin": "lower", "aspect": "auto", "cmap": "bone_r", "vmin": 0, "vmax": 1.5}
    matrix.imshow(ours.T @ theirs, extent=(begin, end, first, last), **look)
    matrix.plot(time_map.recording, time_map.score, color=_PATH, linewidth=2.2)
    matrix.set_ylabel("score, seconds")

    grid = np.arange(time_map.score[0], time_map.score[-1], 0.5)
    if len(grid):
        rate = 2.0 / (time_map(grid + 1.0) - time_map(grid - 1.0))
        tempo.plot(time_map(grid), 100 * rate, color=_LINE, linewidth=1.4)
    tempo.axhline(100, color=_GUIDE, linewidth=0.8)
    tempo.set_ylabel("%")

    local.plot(agreement.seconds, agreement.local, color=_LINE, linewidth=1.4)
    local.axhline(threshold, color=_PATH, linewidth=0.9, linestyle="--")
    local.set_ylim(-0.2, 1.02)
    below = f"agreement over 10 s (dashed: {threshold:g}, below which the whole is refused)"
    for axes, what in (
        (matrix, "similarity of chroma, and the path"),
        (tempo, "tempo, of the score's own"),
        (local, below),
    ):
        axes.set_title(what, fontsize=10, loc="left")
    local.set_xlabel("recording, seconds")
    figure.suptitle(f"{title}: confidence {alignment.confidence:.2f}", fontsize=11)

    # The rare colours stay: those of the lines, a few pixels wide.
    drawn = png_of_few_colours(figure, _COLOURS, rare=True)
    with write_atomically(path) as unfinished:
        unfinished.write_bytes(drawn)


def _shrink(chroma: FloatND, begin: float) -> tuple[FloatND, float, float]:
    """Averages chroma to at most 300 columns of unit length; tells the seconds they span."""
    width = max(int(np.ceil(chroma.shape[1] / _PIXELS)), 1)
    columns = chroma.shape[1] // width
    mean = chroma[:, : columns * width].reshape(12, columns, width).mean(axis=2)
    mean /= np.maximum(np.linalg.norm(mean, axis=0), 1e-9)
    return mean, begin, begin + columns * width / FEATURE_RATE
