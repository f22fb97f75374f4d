"""The parts of the page that are HTML: what is being done, pictures, and what is to be said."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from mt3synth.demo.pictures import draw_roll
from mt3synth.demo.piece import Piece
from mt3synth.reporting.html import data_uri, picture

NOTHING = ""


def show_progress(text: str, share: float | None = None) -> str:
    """Says what is being done, with a bar; screen readers say it, too."""
    value = "" if share is None else f' value="{share:.3f}"'
    bar = f'<progress max="1"{value} aria-label="{escape(text)}"></progress>'
    return f'<div class="status" role="status">{escape(text)} … {bar}</div>'


def show_done(text: str) -> str:
    """Says that something is done."""
    return f'<div class="status done" role="status">{escape(text)}</div>'


def show_problem(text: str) -> str:
    """Says what is wrong, in one line."""
    return f'<div class="status problem" role="alert">{escape(" ".join(text.split()))}</div>'


def show_piece(piece: Piece) -> str:
    """Shows the notes of a song, on which a stretch may be marked."""
    notes = piece.score.notes
    keys = f"keys {notes.pitch.min()} to {notes.pitch.max()}"
    told = f"{len(notes)} notes in {piece.seconds:.0f} s, {keys}"
    # As long as the longest of it is: drums may end before the last key is let go.
    seconds = max(piece.seconds, 0.5)
    roll = data_uri(draw_roll(notes, seconds), "image/png")
    return (
        f'<figure class="roll" data-seconds="{seconds:.3f}">'
        f'<div class="frame"><img src="{roll}" alt="Piano roll of {escape(piece.name)}: {told}"'
        ' draggable="false"><div class="chosen" hidden></div></div>'
        f"<figcaption><b>{escape(piece.name)}</b>: {told}. Drag over the notes to mark a stretch, "
        f"or write its seconds below.</figcaption></figure>{list_reports(piece.score.reports)}"
    )


def show_mel(png: bytes, caption: str) -> str:
    """Shows mel frames with notes over them."""
    return (
        f"<figure>{picture(f'Mel frames of {caption}', png)}"
        f"<figcaption>{escape(caption)}: the frames that the model made, with the notes over them."
        "</figcaption></figure>"
    )


def list_reports(lines: Sequence[str]) -> str:
    """Lists what was not rendered as written, folded away if it is much."""
    if not lines:
        return NOTHING
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    opened = " open" if len(lines) < 4 else ""
    head = f"Not rendered as written, or worth knowing ({len(lines)})"
    return f"<details{opened}><summary>{head}</summary><ul>{items}</ul></details>"


def marked(value: object) -> tuple[float, float] | None:
    """Reads what the browser says was marked, or None if that is no stretch of time."""
    if not isinstance(value, dict):
        return None
    ends = [value.get(name) for name in ("start", "end")]
    if not all(isinstance(end, (int, float)) and np.isfinite(end) for end in ends):
        return None
    start, end = sorted(max(0.0, float(end)) for end in ends)  # type: ignore[arg-type]
    return (round(start, 2), round(end, 2)) if end - start >= 0.05 else None
