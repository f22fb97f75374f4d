"""A score as it is written: notes and signs by part, in quarters.

Positions are quarter lengths (a crotchet is 1.0) from the beginning of the score, repeats not
counted. What a rule needs of music21 itself (an ornament, a key) is handed on as its object.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mt3synth.symbolic.midi.findings import Findings


@dataclass(eq=False)
class WrittenNote:
    """One note, tied ones joined.

    Attributes:
      start: quarters.
      length: quarters; 0 for a grace note.
      key: 0..127, sounding; of drums the percussion key.
      measure: position in the list of measures of the measure where it starts.
      voice: which voice of its part.
      top: whether it is the highest of its chord, the one that ornaments belong to.
      program: General MIDI program, from 0.
      is_drum: whether it is unpitched.
      marks: names of music21's classes of the articulations and expressions on it; also
        ``Slurred`` if a slur leads on from it.
      ornaments: music21's objects of those that are played as notes of their own.
      source: music21's note.
      chord: keys of its chord, rising.
      graces: grace notes before it, in their order: (keys, written length, whether slashed).
      velocity: that the file gives for the note itself, or None.
      glide: where a glissando or a slide leads from it, or None.
      shake: the tremolo between this and another note, or None.
    """

    start: float
    length: float
    key: int
    measure: int
    voice: str
    top: bool
    program: int
    is_drum: bool
    marks: set[str]
    ornaments: list[Any]
    source: Any
    chord: tuple[int, ...]
    graces: list[Grace] = field(default_factory=list)
    velocity: int | None = None
    glide: Glide | None = None
    shake: Shake | None = None

    @property
    def end(self) -> float:
        """Where it ends, in quarters."""
        return self.start + self.length


def _start(note: WrittenNote) -> float:
    return note.start


class Glide(NamedTuple):
    """A glissando, or a slide, to another note.

    Attributes:
      key: of that note.
      slides: whether the pitch slides, without steps.
    """

    key: int
    slides: bool


class Shake(NamedTuple):
    """A tremolo between two notes, or chords.

    Attributes:
      start, end: quarters, of both together.
      strokes: how many beams there are through the stems.
      second: whether the note is the second of the two.
    """

    start: float
    end: float
    strokes: int
    second: bool


Grace = tuple[tuple[int, ...], float, bool]
Span = tuple[float, float]


@dataclass(eq=False)
class WrittenPart:
    """One part, or one staff of it.

    Attributes:
      group: the same for all staves of one player, who share dynamics.
      notes: in the order of time.
      dynamics: (quarters, name): p, sfz and the like.
      hairpins: (from, to, 1 for louder or -1 for softer), quarters.
      words: (quarters, text) of directions.
      pedals: (from, to) of the sustain pedal.
      keys: (quarters, music21's key signature).
    """

    group: str
    notes: list[WrittenNote] = field(default_factory=list)
    dynamics: list[tuple[float, str]] = field(default_factory=list)
    hairpins: list[tuple[float, float, int]] = field(default_factory=list)
    words: list[tuple[float, str]] = field(default_factory=list)
    pedals: list[Span] = field(default_factory=list)
    keys: list[tuple[float, Any]] = field(default_factory=list)

    def between(self, begin: float, end: float) -> list[WrittenNote]:
        """Returns the notes that begin from one position on and before another."""
        first, last = (bisect.bisect_left(self.notes, at, key=_start) for at in (begin, end))
        return self.notes[first:last]


@dataclass(eq=False)
class WrittenScore:
    """All parts, and what holds for all of them.

    Attributes:
      parts: those that have notes.
      measures: where each measure begins; one more for the end of the last.
      order: positions of the measures in the order in which they are played.
      tempos: (quarters, quarters a minute) of metronome marks.
      fermatas: (from, to) of each note or rest that is held.
      breaths: quarters after which all breathe (caesura).
      sections: quarters where a double bar ends a section.
      findings: what is not played, counted.
    """

    parts: list[WrittenPart]
    measures: list[float]
    order: list[int]
    tempos: list[tuple[float, float]]
    fermatas: list[Span]
    breaths: list[float]
    sections: list[float]
    findings: Findings

    def words(self) -> list[tuple[float, str]]:
        """Lists the directions of all parts, each once, in the order of time."""
        return sorted({word for part in self.parts for word in part.words})
