"""Measures how full the segments are that training reads: parts, voices, silence, songs' edges."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data_pipelines.inspection.survey import DRUMS
from data_pipelines.reading.segments import RECOMMENDED_EDGES, training_starts
from data_pipelines.songs import Song
from mt3synth.audio.mel import MELGAN
from mt3synth.symbolic.notes import Notes

FRAMES = 256
"""Length of a segment, 5.12 s in the frames of every model that is published here."""
SOFT = 50
"""Greatest velocity of a soft segment."""
HELD_S, REST_S = 3.0, 1.0
"""Seconds from which a note counts as held, and a silence within a segment as a rest."""
_PIANO = 0

KINDS = {
    "silent": "no note",
    "one_part": "one part: one program, or drums",
    "two_parts": "two parts",
    "at_most_two_parts": "at most two parts",
    "one_voice": "never two notes at once",
    "piano_alone": "piano alone",
    "drums_alone": "drums alone",
    "soft": f"no velocity above {SOFT}",
    "held_note": f"a note of {HELD_S:g} s or more",
    "rest": f"{REST_S:g} s or more without a note",
    "song_begins": "begins with the song or before",
    "song_ends": "reaches the song's end or beyond",
}
"""Kinds of segments and what they mean; a segment may be of several."""


@dataclass
class SegmentShares:
    """Counts segments by kind.

        shares = SegmentShares()
        for song in read_split(folder, "train"):
            shares.add(song)
        shares.share("piano_alone")

    Attributes:
      segments: how many there are.
      counts: of each kind.
    """

    segments: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, song: Song) -> None:
        """Counts the segments of one pass over a song, cut as in the default training run."""
        hop_s = MELGAN.hop / MELGAN.sample_rate
        frames = int(np.ceil(song.seconds / hop_s))
        # The offset follows from the song's name: another look at a data set sees the same.
        draw = zlib.crc32(song.id.encode()) & 0x7FFFFFFF
        for start in training_starts(frames, FRAMES, draw, RECOMMENDED_EDGES).tolist():
            self.segments += 1
            self.counts.update(find_kinds(song.notes, start * hop_s, (start + FRAMES) * hop_s))
            self.counts.update({"song_begins": start <= 0, "song_ends": start + FRAMES >= frames})

    def share(self, kind: str) -> float:
        """Gives the share of segments of a kind, 0..1."""
        return self.counts[kind] / max(self.segments, 1)

    def to_dict(self) -> dict[str, Any]:
        """Converts to JSON values: the number of segments, and the share of each kind."""
        return {"segments": self.segments, **{kind: round(self.share(kind), 4) for kind in KINDS}}


def find_kinds(notes: Notes, begin: float, end: float) -> list[str]:
    """Finds the kinds, song's edges apart, of the segment from ``begin`` to ``end`` seconds."""
    heard = notes.select((notes.start < end) & (notes.end > begin)).sorted()
    parts = set(np.where(heard.is_drum, DRUMS, heard.program).tolist())
    start, stop = heard.start.clip(begin, end), heard.end.clip(begin, end)
    tests = {
        "silent": not parts,
        "one_part": len(parts) == 1,
        "two_parts": len(parts) == 2,
        "at_most_two_parts": len(parts) <= 2,
        # Legato notes overlap a little.
        "one_voice": bool(parts) and bool(np.all(stop[:-1] <= start[1:] + 0.03)),
        "piano_alone": parts == {_PIANO},
        "drums_alone": parts == {DRUMS},
        "soft": bool(parts) and int(heard.velocity.max()) <= SOFT,
        "held_note": bool(np.any(heard.end - heard.start >= HELD_S)),
        "rest": _longest_silence(start, stop, begin, end) >= REST_S,
    }
    return [kind for kind, true in tests.items() if true]


def _longest_silence(start: np.ndarray, stop: np.ndarray, begin: float, end: float) -> float:
    """Finds the longest time without a note; notes are ordered by start."""
    until = np.maximum.accumulate(np.concatenate([[begin], stop]))
    return float(np.max(np.append(start, end) - until))
