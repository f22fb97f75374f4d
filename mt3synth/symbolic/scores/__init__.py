"""Scores in notation to notes: MusicXML, kern and ABC, played by the rules of docs/scores.md."""

from mt3synth.symbolic.scores.errors import ScoreError
from mt3synth.symbolic.scores.formats import Format, find_format
from mt3synth.symbolic.scores.reading import play_often, play_score, read_music

__all__ = ["Format", "ScoreError", "find_format", "play_often", "play_score", "read_music"]
