"""Draws pictures for the report: who is taken for whom, and where tracks lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mt3synth.reporting.mel_pictures import png_of_few_colours
from mt3synth.types import FloatND

_INK, _FULL = "#22303c", "#0b3c71"
_MARKERS = {"recording": ("o", 26, 0.5), "real": ("s", 40, 1.0), "generated": ("*", 110, 1.0)}
_LEGEND = {"recording": "recordings", "real": "real, held out", "generated": "generated"}


def draw_confusion(confusion: Sequence[Sequence[int]], names: Sequence[str], title: str) -> bytes:
    """Draws a PNG: target performances down, nearest ones across, counts as colour and figure."""
    from matplotlib.colors import LinearSegmentedColormap

    counts = np.array(confusion)
    size = 2.2 + 0.36 * len(names)
    figure = _figure(size + 1.2, size + 0.5)
    axis = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shades = LinearSegmentedColormap.from_list("shades", ["white", _FULL])
    axis.imshow(shares, cmap=shades, vmin=0, vmax=1)
    labels = [_shortened(name) for name in names]
    axis.set_xticks(range(len(names)), labels, rotation=60, ha="right", parse_math=False)
    axis.set_yticks(range(len(names)), labels, parse_math=False)
    axis.set_xlabel("nearest performance")
    axis.set_ylabel("performance asked for")
    for row, column in zip(*np.nonzero(counts)):
        colour = "white" if shares[row, column] > 0.6 else _INK
        number = dict(ha="center", va="center", fontsize=9, color=colour)
        axis.text(column, row, str(counts[row, column]), **number)
    axis.set_title(title, fontsize=10, loc="left", color=_INK)
    return png_of_few_colours(figure, colours=64, rare=True)


def draw_tracks(points: FloatND, kinds: Sequence[str], performances: Sequence[str]) -> bytes:
    """Draws a PNG: a point ``[N 2]`` for each track, coloured by performance, shaped by kind."""
    from matplotlib import colormaps
    from matplotlib.lines import Line2D

    names = list(dict.fromkeys(performances))
    palette = colormaps["tab10" if len(names) <= 10 else "tab20" if len(names) <= 20 else "turbo"]
    discrete = len(names) <= 20
    colours = {
        name: palette(i) if discrete else palette(i / (len(names) - 1))
        for i, name in enumerate(names)
    }
    figure = _figure(10.0, 6.4)
    axis = figure.subplots()
    for kind, (marker, size, alpha) in _MARKERS.items():
        chosen = [i for i, k in enumerate(kinds) if k == kind]
        if not chosen:
            continue
        edge = "none" if kind == "recording" else "black"
        style: dict[str, Any] = dict(marker=marker, s=size, alpha=alpha, linewidths=0.6)
        colour = [colours[performances[i]] for i in chosen]
        axis.scatter(*points[chosen].T, c=colour, edgecolors=edge, **style)
    present = [kind for kind in _MARKERS if kind in kinds]
    entries: list[Any] = [(_MARKERS[kind][0], "grey", 8, _LEGEND[kind]) for kind in present]
    # More names than these would make the legend taller than the picture.
    entries += [("o", colours[name], 7, _shortened(name)) for name in names[:24]]
    shown = [
        Line2D([], [], marker=marker, color="none", markerfacecolor=colour, markeredgecolor="none",
               markersize=size, label=label)
        for marker, colour, size, label in entries
    ]  # fmt: skip
    axis.legend(handles=shown, fontsize=8, frameon=False, loc="center left",
                bbox_to_anchor=(1, 0.5))  # fmt: skip
    axis.set_xticks([])
    axis.set_yticks([])
    return png_of_few_colours(figure, colours=256, rare=True)


def _shortened(text: str, most: int = 28) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=100, layout="constrained")
