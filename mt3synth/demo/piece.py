"""What a visitor of the page brings: a song small enough for others to have their turn, too."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.score import Score, Span, read_score

MAX_BYTES = 5_000_000
"""Of a file; an hour of dense MIDI has a tenth of it."""

MAX_SECONDS = 30 * 60.0
"""Of a song; minutes of work in which nobody else is served."""

EXAMPLES = {
    "A Bach chorale, four parts": "bach_chorale.mid",
    "A trio": "trio.mid",
    "A Mozart quartet": "mozart_quartet.mid",
    "The plainest of tunes": "tune.mid",
}
"""Songs that the page offers, by what it calls them."""

_FOLDER = Path(__file__).with_name("examples")


@dataclass(frozen=True, eq=False)
class Piece:
    """Holds a visitor's song.

    Attributes:
      name: of its file, without any folder; fit for a file's name and for a page.
      data: what the file holds.
      score: all of it that the model can render.
    """

    name: str
    data: bytes
    score: Score

    @property
    def seconds(self) -> float:
        """Returns when its last note ends."""
        return self.score.notes.end_time

    @property
    def stem(self) -> str:
        """Returns its name without suffix, for the files that are made of it."""
        return self.name.split(".")[0] or "song"

    def read(self, span: Span, spec: ModelSpec, **playing: Any) -> Score:
        """Reads a part of it, as `mt3synth.score.read_score` does.

        Args:
          span: the part, in seconds as it is heard.
          spec: the model.
          **playing: expression, tempo and transposition.

        Raises:
          UserError: there is nothing to render in it.
        """
        return _read(self.data, self.name, span, spec, **playing)


def read_piece(data: bytes, name: str, spec: ModelSpec) -> Piece:
    """Reads what a visitor dropped.

    Args:
      data: content of a MIDI file or a score in notation.
      name: that the visitor's computer gives the file; anything at all.
      spec: the model that is to render it.

    Raises:
      UserError: it is no music, too large or too long.
    """
    name = plain_name(name)
    if len(data) > MAX_BYTES:
        raise UserError(
            f"{name}: {len(data) / 1e6:.1f} MB; a file may have at most {MAX_BYTES / 1e6:g} MB here"
        )
    score = _read(data, name, Span(), spec)
    if score.notes.end_time > MAX_SECONDS:
        raise UserError(
            f"{name}: plays for {score.notes.end_time / 60:.0f} minutes; at most "
            f"{MAX_SECONDS / 60:g} here: cut it, or render it by `mt3synth synthesize`"
        )
    return Piece(name, data, score)


def read_example(title: str, spec: ModelSpec) -> Piece:
    """Reads one of `EXAMPLES`.

    Raises:
      UserError: there is none of that title.
    """
    if title not in EXAMPLES:
        raise UserError(f"no example {title!r}; choose one of the list")
    name = EXAMPLES[title]
    return read_piece((_FOLDER / name).read_bytes(), name, spec)


def plain_name(name: str) -> str:
    """Takes all folders out of a file's name, and what no file system, header or page likes.

    >>> plain_name("../../etc/über\\nsong.mid")
    'über song.mid'
    """
    last = PurePosixPath(PureWindowsPath(name).as_posix()).name
    cleaned = re.sub(r"[^\w.,'()+-]+", " ", last).strip(" .")
    return cleaned[-80:] or "song.mid"


def _read(data: bytes, name: str, span: Span, spec: ModelSpec, **playing: Any) -> Score:
    opened = io.BytesIO(data)
    opened.name = name  # by which messages call it
    score = read_score(opened, span, spec, **playing)
    return replace(score, name=name)
