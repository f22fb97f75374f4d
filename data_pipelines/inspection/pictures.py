"""Draws a survey, and a song's mel frames with its notes over them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from data_pipelines.inspection.survey import DRUMS, MOST_VOICES, Survey, name_program
from data_pipelines.inspection.tables import find_median, name_performance
from data_pipelines.inspection.tones import find_hertz
from mt3synth.audio.mel import MELGAN, MelSpec, log_mel
from mt3synth.reporting.mel_pictures import RANGE, bin_of, png_of_few_colours
from mt3synth.symbolic.notes import Notes

_BARS = 40
_INK, _FAINT = "#22303c", "#c9d3da"
_SPLIT_COLOURS = {"train": "#2f6f8f", "validation": "#e09f3e", "test": "#9e2a2b"}
_NOTE_COLOURS = ("#39e6ff", "#a8ff3e", "#ffb52e", "#ff6fb5", "#a98bff", "#ffffff")
_TICKS_HZ = (100.0, 200.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)


def draw_hours(survey: Survey, names: Mapping[int, str], path: Path) -> None:
    """Draws the hours of each performance by split; beyond the longest 40 they are summed.

    Minutes if they are less than an hour in all.
    """
    ranked = sorted(survey.performances, key=lambda i: -survey.tally(performance=i).seconds)
    shown, rest = ranked[:_BARS], ranked[_BARS:]
    labels = [f"{index}  {name_performance(names, index)}" for index in shown]
    groups = [[index] for index in shown]
    if rest:
        labels.append(f"{len(rest)} others")
        groups.append(rest)
    figure = _make_figure(9, 1.1 + 0.28 * len(labels))
    axis = figure.subplots()
    unit, name = (3600, "hours") if survey.tally().seconds >= 3600 else (60, "minutes")
    rows, left = np.arange(len(groups)), np.zeros(len(groups))
    for number, split in enumerate(survey.splits):
        lengths = np.array(
            [sum(survey.tally(split, i).seconds for i in group) / unit for group in groups]
        )
        colour = _SPLIT_COLOURS.get(split, f"C{number}")
        axis.barh(rows, lengths, left=left, height=0.7, color=colour, label=split)
        left += lengths
    axis.set_yticks(rows, [_shorten(label, 48) for label in labels], parse_math=False)
    axis.invert_yaxis()
    axis.set_xlabel(name)
    axis.grid(axis="x", color=_FAINT, linewidth=0.6)
    axis.legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    _tidy_axes(axis)
    _save(figure, path)


def draw_histograms(survey: Survey, path: Path) -> None:
    """Draws notes by pitch, notes by velocity, and time by polyphony, side by side."""
    figure = _make_figure(12, 3)
    pitch, velocity, voices = figure.subplots(1, 3)
    _draw_histogram(pitch, survey.pitches, "pitch (MIDI key)", "notes")
    pitch.set_xticks(range(24, 109, 12), [f"C{octave}" for octave in range(1, 9)])
    _draw_histogram(velocity, survey.velocities, "velocity", "notes")
    share = survey.voices / max(survey.voices.sum(), 1e-9)
    last = max(int(np.flatnonzero(share)[-1]) if share.any() else 0, 4)
    _draw_histogram(voices, share[: last + 1], "notes sounding at once", "share of time")
    if last == MOST_VOICES:
        voices.set_xlabel(f"notes sounding at once (last bar: {MOST_VOICES} or more)")
    _save(figure, path)


def draw_notes(
    audio: Float[np.ndarray, " S"], sample_rate: int, notes: Notes, path: Path, title: str
) -> None:
    """Draws mel frames; below, the range of the notes enlarged, each at its fundamental.

    Args:
      audio: mono.
      sample_rate: samples per second.
      notes: in seconds of the audio; drums become ticks at the lower edge.
      path: PNG to write.
      title: above the picture.
    """
    spec = choose_mel_spec(sample_rate)
    # Four times the window tells neighbouring keys apart; three times the bins show it.
    fine = replace(spec, window=4 * spec.hop, fft=4 * spec.fft, bins=3 * spec.bins)
    figure = _make_figure(13, 7)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    _draw_mel(above, audio, spec, "magma")
    _draw_mel(below, audio, fine, "bone", dimmed=2.0)
    _draw_notes_over(below, notes, fine)
    pitched = notes.pitch[~notes.is_drum]
    highest = find_hertz(int(pitched.max())) if len(pitched) else 1000.0
    below.set_ylim(-0.5, min(bin_of(2.2 * highest, fine), fine.bins - 0.5))
    below.set_xlabel("seconds")
    figure.suptitle(
        _shorten(title, 150), parse_math=False, fontsize=11, x=0.01, ha="left", color=_INK
    )
    _save(figure, path, colours=256)


def choose_mel_spec(sample_rate: int) -> MelSpec:
    """Chooses the model's front end, or at another sample rate the nearest to it."""
    if sample_rate == MELGAN.sample_rate:
        return MELGAN
    hop = max(1, round(sample_rate / MELGAN.frame_rate))
    # As many FFT points a hop as the model has, in the next power of two.
    fft = 1 << int(np.ceil(np.log2(3.2 * hop)))
    high = min(MELGAN.high_hz, sample_rate / 2)
    return replace(
        MELGAN, sample_rate=sample_rate, hop=hop, window=2 * hop, fft=fft, high_hz=float(high)
    )


def _draw_mel(
    axis: Any, audio: np.ndarray, spec: MelSpec, colours: str, dimmed: float = 0.0
) -> None:
    mel = log_mel(audio, spec)
    top = float(mel.max())
    axis.imshow(
        mel.T,
        origin="lower",
        aspect="auto",
        interpolation="bilinear",
        cmap=colours,
        vmin=max(top - RANGE, float(np.log(spec.floor))),
        vmax=top + dimmed,
        extent=(0, len(mel) / spec.frame_rate, -0.5, spec.bins - 0.5),
    )
    ticks = [hz for hz in _TICKS_HZ if hz <= spec.high_hz]
    axis.set_yticks([bin_of(hz, spec) for hz in ticks], [f"{hz:g}" for hz in ticks])
    axis.set_ylabel("Hz")


def _draw_notes_over(axis: Any, notes: Notes, spec: MelSpec) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.lines import Line2D

    parts = np.where(notes.is_drum, DRUMS, notes.program)
    ranked = sorted(set(parts.tolist()), key=lambda part: -int(np.sum(parts == part)))
    legend = []
    for rank, part in enumerate(ranked):
        colour = _NOTE_COLOURS[min(rank, len(_NOTE_COLOURS) - 1)]
        own = notes.select(parts == part)
        height = np.array([bin_of(find_hertz(p), spec) for p in own.pitch.tolist()])
        if part == DRUMS:
            height = np.full(len(own), 3.0)
        height = np.minimum(height, spec.bins - 1.5)
        end = own.start + 0.04 if part == DRUMS else own.end
        lines = [((a, y), (b, y)) for a, b, y in zip(own.start, end, height)]
        axis.add_collection(LineCollection(lines, colors=colour, linewidths=1.5, alpha=0.85))
        heads = dict(color=colour, s=14, linewidths=0, zorder=3)
        axis.scatter(own.start, height, marker="|" if part == DRUMS else "o", **heads)
        if rank < len(_NOTE_COLOURS):
            legend.append(Line2D([], [], color=colour, linewidth=2, label=name_program(part)))
    if legend:
        style = dict(fontsize=8, ncols=6, loc="upper right", facecolor="black", framealpha=0.6)
        axis.legend(handles=legend, labelcolor="white", edgecolor="none", **style)


def _draw_histogram(axis: Any, counts: np.ndarray, what: str, of: str) -> None:
    used = np.flatnonzero(counts)
    low, high = (int(used[0]), int(used[-1])) if len(used) else (0, 1)
    axis.bar(np.arange(len(counts)), counts, width=1.0, color=_SPLIT_COLOURS["train"])
    axis.axvline(find_median(counts), color=_SPLIT_COLOURS["validation"], linewidth=1.4)
    axis.set_xlim(min(low - 1.5, -0.5) if low == 0 else low - 1.5, high + 1.5)
    axis.set_title(f"median {find_median(counts)}", fontsize=9, color=_INK, loc="right")
    axis.set_xlabel(what)
    axis.set_ylabel(of)
    axis.grid(axis="y", color=_FAINT, linewidth=0.6)
    _tidy_axes(axis)


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 2 + 1 :]}"


def _tidy_axes(axis: Any) -> None:
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(colors=_INK, labelsize=9)


def _make_figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=100, layout="constrained")


def _save(figure: Any, path: Path, colours: int = 64) -> None:
    """Writes a PNG of few colours, so that it stays small."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a script the font lacks; the page has the name
        # The rare colours stay: those of the notes.
        path.write_bytes(png_of_few_colours(figure, colours, rare=True))
