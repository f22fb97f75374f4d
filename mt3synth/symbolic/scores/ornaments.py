"""Notes that are not written out: trills, turns, tremolos, arpeggios, glissandi, grace notes.

Which notes an ornament has is music21's to say; how fast they are follows from the tempo, for it is
hands that limit them and not note values. The rules and their sources are in ``docs/scores.md``.
"""

from __future__ import annotations

from typing import Any

from mt3synth.symbolic.scores.written import Shake, WrittenNote

_TRILLED = 0.08  # seconds between the notes of a trill
_SMALL = 0.08  # seconds of each note of a mordent or turn
_SHORTEST_TRILLED = 0.04  # seconds; a note too short for three of these is played plainly
_BEFORE = 0.07  # seconds of a grace note before the beat
_TREMOLO = 0.06  # seconds between the notes of a tremolo, at least
_SPREAD = 0.045  # seconds between the notes of a broken chord
_MOST_TAKEN = 0.5  # of the note, that small notes may take
_GLIDING, _LONGEST_GLIDE = 0.5, 1.0  # of a note, how much of it glides; seconds, at most
_SHORTEST_GLIDED = 0.03  # seconds of each note of a glissando
_FARTHEST_SLIDE = 24  # semitones
_WHITE_KEYS = {*range(16), 46}  # who has a hand or a mallet on keys, and the harp
_WHITE = {0, 2, 4, 5, 7, 9, 11}
_WIDEST = 2  # semitones; a key may make it an augmented second, which nobody trills

Row = tuple[float, float, int]
"""Start and length in quarters, and key."""


def realize(note: WrittenNote, quarters_a_second: float, key: Any) -> list[Row]:
    """Lists the notes that a written note is played as.

    Args:
      note: it may have ornaments and grace notes, or none.
      quarters_a_second: the tempo where it stands.
      key: music21's key signature there, or None.

    Returns:
      At least one; the last of them ends where the note does.
    """
    before, begin = _play_graces(note, quarters_a_second)
    length = note.end - begin
    if note.shake is not None:
        return before + _shake(note, note.shake, quarters_a_second)
    if note.glide is not None and not is_slide(note):
        return before + _glide(note, note.glide.key, begin, length, quarters_a_second)
    for ornament in note.ornaments:
        classes = ornament.classes
        if "Tremolo" in classes:
            return before + _repeat(note, begin, length, ornament, quarters_a_second)
        if "ArpeggioMark" in classes and ornament.type != "non-arpeggio":
            begin = _spread(note, begin, ornament, quarters_a_second)
            length = note.end - begin
        elif note.top and not note.is_drum:
            if "Trill" in classes:
                return before + _trill(note, begin, length, ornament, quarters_a_second, key)
            if "GeneralMordent" in classes or "Turn" in classes:
                return before + _turn(note, begin, length, ornament, quarters_a_second, key)
    return [*before, (begin, length, note.key)]


def _play_graces(note: WrittenNote, rate: float) -> tuple[list[Row], float]:
    """Plays grace notes; returns them, and where the note itself begins."""
    if not note.graces:
        return [], note.start
    if len(note.graces) == 1 and not note.graces[0][2]:
        # An appoggiatura, without a slash, takes its own value of the note.
        keys, length, _ = note.graces[0]
        # At most half, or the note that is meant would be the shorter one.
        taken = min(length, note.length * _MOST_TAKEN)
        return [(note.start, taken, key) for key in keys], note.start + taken
    each = _BEFORE * rate
    at = note.start - each * len(note.graces)
    begin = note.start
    if at < 0:  # nothing to take from before the first note: they are played on the beat
        each = min(each, note.length * _MOST_TAKEN / len(note.graces))
        at, begin = note.start, note.start + each * len(note.graces)
    rows = []
    for index, (keys, _, _) in enumerate(note.graces):
        rows += [(at + index * each, each, key) for key in keys]
    return rows, begin


def _trill(
    note: WrittenNote, begin: float, length: float, trill: Any, rate: float, key: Any
) -> list[Row]:
    # In seconds: hands are as fast in an adagio as in a presto.
    seconds = length / rate
    if seconds < 3 * _SHORTEST_TRILLED:
        return [(begin, length, note.key)]
    # An odd number, so that it ends as it begins: on the note itself.
    count = max(3, 2 * int(seconds / _TRILLED / 2) + 1)
    size = int(trill.getSize(_plain_note(note), keySig=key).semitones)
    other = note.key + max(-_WIDEST, min(_WIDEST, size))
    each = length / count
    return [
        (begin + index * each, each, note.key if index % 2 == 0 else other)
        for index in range(count)
    ]


def _turn(
    note: WrittenNote, begin: float, length: float, ornament: Any, rate: float, key: Any
) -> list[Row]:
    """Plays a mordent, or a turn on its note or after it."""
    first, main, last = ornament.realize(_plain_note(note), keySig=key)
    small = len(first) + len(last)
    if not small or length / rate < small * _SHORTEST_TRILLED:
        return [(begin, length, note.key)]
    each = min(_SMALL * rate, length * _MOST_TAKEN / small)
    keys = [int(n.pitch.midi) for n in [*first, *([] if main is None else [main]), *last]]
    lengths = [each] * len(keys)
    # Whatever is left over belongs to the note itself, or to the last if that is not played again.
    longest = len(first) if main is not None else len(keys) - 1
    lengths[longest] = length - each * (len(keys) - 1)
    rows, at = [], begin
    for one, sounding in zip(keys, lengths):
        rows.append((at, sounding, one))
        at += sounding
    return rows


def _repeat(note: WrittenNote, begin: float, length: float, tremolo: Any, rate: float) -> list[Row]:
    # Each stroke through the stem halves the value, below that which its flags say.
    value = min(1.0, float(note.source.quarterLength)) / 2**tremolo.numberOfMarks
    count = max(1, round(length / max(value, _TREMOLO * rate)))
    each = length / count
    return [(begin + index * each, each, note.key) for index in range(count)]


def _shake(note: WrittenNote, shake: Shake, rate: float) -> list[Row]:
    """Plays one of two notes that alternate, through the time of both."""
    length = shake.end - shake.start
    pairs = max(1, round(length / max(1.0 / 2**shake.strokes, _TREMOLO * rate) / 2))
    each = length / (2 * pairs)
    begins = (shake.start + (2 * pair + shake.second) * each for pair in range(pairs))
    return [(begin, each, note.key) for begin in begins]


def is_slide(note: WrittenNote) -> bool:
    """Says whether a note's pitch slides to the next, without steps; keys and bars cannot."""
    glide = note.glide
    if glide is None or not glide.slides or note.program in _WHITE_KEYS or note.shake is not None:
        return False
    return abs(glide.key - note.key) <= _FARTHEST_SLIDE


def glide_length(note: WrittenNote, quarters_a_second: float) -> float:
    """Returns in how many of its last quarters a note glides."""
    return min(note.length * _GLIDING, _LONGEST_GLIDE * quarters_a_second)


def _glide(note: WrittenNote, target: int, begin: float, length: float, rate: float) -> list[Row]:
    """Plays a glissando: the note, then the keys on the way to the next one."""
    step = 1 if target > note.key else -1
    keys = [
        key
        for key in range(note.key + step, target, step)
        if note.program not in _WHITE_KEYS or key % 12 in _WHITE
    ]
    taken = min(glide_length(note, rate), length)
    most = int(taken / (_SHORTEST_GLIDED * rate))
    if len(keys) > most:  # as many as there is time for, evenly
        keys = [keys[index * len(keys) // most] for index in range(most)]
    if not keys:
        return [(begin, length, note.key)]
    each = taken / len(keys)
    first = begin + length - taken
    rows = [(first + index * each, each, key) for index, key in enumerate(keys)]
    return [(begin, length - taken, note.key), *rows] if length > taken else rows


def _spread(note: WrittenNote, begin: float, arpeggio: Any, rate: float) -> float:
    count = len(note.chord) - 1
    if count < 1:
        return begin
    index = note.chord.index(note.key)
    if arpeggio.type == "down":
        index = count - index
    return begin + index * min(_SPREAD * rate, note.length * _MOST_TAKEN / count)


def _plain_note(note: WrittenNote) -> Any:
    """Makes a quarter of the same pitch, which ornaments are read from without side effects."""
    from music21 import note as notes

    return notes.Note(note.source.pitch, quarterLength=1.0)
