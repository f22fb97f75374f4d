"""Pictures of notes and of mel frames for the page, of a size that does not grow with the song."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mt3synth.audio.mel import MelSpec
from mt3synth.reporting.mel_pictures import RANGE, bin_of, encode_few_colours
from mt3synth.symbolic.notes import Notes
from mt3synth.types import Float, FloatND

if TYPE_CHECKING:
    from PIL import ImageDraw

WIDTH = 1400
_KEY_HEIGHT, _BIN_HEIGHT, _FOOT = 4, 3, 28
_PAPER, _GRID, _INK = (250, 250, 247), (224, 224, 220), (90, 90, 90)
_LIT = (60, 255, 235)

# Tell neighbouring programs apart for eyes of any kind (Okabe and Ito 2008).
_COLOURS = (
    (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233),
)  # fmt: skip
_DRUMS = (110, 110, 110)

# From dark to bright in even steps, as matplotlib's magma.
_SHADES = ((0, 0, 4), (81, 18, 124), (183, 55, 121), (252, 137, 97), (252, 253, 191))


def draw_roll(notes: Notes, seconds: float) -> bytes:
    """Draws the notes of a song as a PNG: time to the right, keys upward, a colour a program.

    Args:
      notes: at least one.
      seconds: of the song, over the whole width.
    """
    from PIL import Image, ImageDraw

    low, high = int(notes.pitch.min()) - 2, int(notes.pitch.max()) + 2
    height = _KEY_HEIGHT * (high - low + 1)
    image = Image.new("RGB", (WIDTH, height + _FOOT), _PAPER)
    draw = ImageDraw.Draw(image)
    _draw_seconds(draw, seconds, height)
    scale, order = WIDTH / seconds, {p: n for n, p in enumerate(np.unique(notes.program).tolist())}
    for row in range(len(notes)):
        left = notes.start[row] * scale
        right = max(notes.end[row] * scale, left + 1)
        top = height - _KEY_HEIGHT * (int(notes.pitch[row]) - low + 1)
        colour = _COLOURS[order[int(notes.program[row])] % len(_COLOURS)]
        fill = _DRUMS if notes.is_drum[row] else _fade(colour, int(notes.velocity[row]))
        draw.rectangle((left, top, right, top + _KEY_HEIGHT - 1), fill=fill)
    return encode_few_colours(image, 64, rare=True)


def draw_mel(log_mel: Float[FloatND, "T M"], spec: MelSpec, notes: Notes) -> bytes:
    """Draws mel frames as a PNG with the notes over them, each a line at its key's pitch.

    Args:
      log_mel: natural log.
      spec: of the frames.
      notes: time 0 is the first frame. Drums have no pitch, so of them only onsets are drawn.
    """
    from PIL import Image, ImageDraw

    columns = _pool(log_mel, WIDTH)
    top = float(columns.max())
    level = np.clip((columns - top) / RANGE + 1, 0, 1)
    steps = np.linspace(0, 1, len(_SHADES))
    shades = [np.interp(level, steps, [shade[c] for shade in _SHADES]) for c in range(3)]
    pixels = np.stack(shades, axis=-1).round().astype(np.uint8)
    # Bins upward, time to the right.
    drawn = Image.fromarray(pixels.transpose(1, 0, 2)[::-1].copy())
    height = _BIN_HEIGHT * spec.bins
    image = Image.new("RGB", (WIDTH, height + _FOOT), _PAPER)
    image.paste(drawn.resize((WIDTH, height), Image.Resampling.BILINEAR), (0, 0))
    draw, seconds = ImageDraw.Draw(image), len(log_mel) / spec.frame_rate
    _draw_seconds(draw, seconds, height, grid=False)
    scale = WIDTH / seconds
    for row in range(len(notes)):
        left, right = notes.start[row] * scale, notes.end[row] * scale
        if notes.is_drum[row]:
            draw.line((left, height - 5, left, height - 1), fill=_LIT)
            continue
        hz = 440 * 2 ** ((int(notes.pitch[row]) - 69) / 12)
        y = height - _BIN_HEIGHT * (bin_of(hz, spec) + 0.5)
        draw.line((left, y, right, y), fill=_LIT, width=2)
        draw.line((left, y - 4, left, y + 4), fill=_LIT, width=2)
    return encode_few_colours(image, 96, rare=True)


def _draw_seconds(
    draw: ImageDraw.ImageDraw, seconds: float, height: int, grid: bool = True
) -> None:
    """Writes times below a picture, about ten of them, and draws lines there."""
    from PIL import ImageFont

    font = ImageFont.load_default(20)
    for step in (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300):
        if seconds / step <= 12:
            break
    for number in range(1, int(seconds / step) + 1):
        x = number * step * WIDTH / seconds
        if grid:
            draw.line((x, 0, x, height), fill=_GRID)
        draw.text((x, height + 4), f"{number * step:g} s", _INK, font, anchor="ma")


def _fade(colour: Sequence[int], velocity: int) -> tuple[int, int, int]:
    """Makes a soft note's colour paler."""
    share = 0.35 + 0.65 * velocity / 127
    red, green, blue = (round(share * c + (1 - share) * p) for c, p in zip(colour, _PAPER))
    return red, green, blue


def _pool(frames: Float[FloatND, "T M"], most: int) -> Float[FloatND, "C M"]:
    """Keeps the loudest of neighbouring frames, where there are more than can be drawn."""
    if len(frames) <= most:
        return frames
    edges = np.linspace(0, len(frames), most, endpoint=False).astype(int)
    return np.maximum.reduceat(frames, edges, axis=0)
