"""Gathers a score as it is written from music21's objects."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from mt3synth.symbolic.midi.findings import Findings
from mt3synth.symbolic.scores.barlines import Barlines, offset
from mt3synth.symbolic.scores.repeats import find_order
from mt3synth.symbolic.scores.written import (
    Glide,
    Grace,
    Shake,
    Span,
    WrittenNote,
    WrittenPart,
    WrittenScore,
)


def read_written(score: Any, name: str) -> WrittenScore:
    """Reads music21's score.

    Args:
      score: a ``music21.stream.Score`` at sounding pitch.
      name: the file's, for messages.

    Raises:
      ScoreError: its repeats contradict each other.
    """
    streams = list(score.parts) or [score]
    # Tunes without barlines are one measure.
    measures = [list(part.getElementsByClass("Measure")) or [part] for part in streams]
    barlines = Barlines(measures)
    reader = _Reader(barlines)
    for index, (part, own) in enumerate(zip(streams, measures)):
        reader.read_part(index, part, own)
    reader.read_spanners(score)
    brackets = list(score.recurse().getElementsByClass("RepeatBracket"))
    return WrittenScore(
        parts=[part for part in reader.parts if part.notes],
        measures=barlines.starts,
        order=find_order(measures, brackets, name),
        tempos=sorted(reader.tempos.items()),
        fermatas=sorted(reader.fermatas),
        breaths=sorted(reader.breaths),
        sections=sorted(reader.sections),
        findings=reader.findings,
    )


# Expressions that are played as notes of their own; `ornaments` has the rules.
_ORNAMENTS = ("Trill", "GeneralMordent", "Turn", "Tremolo", "ArpeggioMark")


class _Reader:
    """Goes through the parts and gathers what is in them."""

    def __init__(self, barlines: Barlines) -> None:
        self._barlines = barlines
        self.parts: list[WrittenPart] = []
        self.tempos: dict[float, float] = {}
        self.fermatas: set[Span] = set()
        self.breaths: set[float] = set()
        self.sections: set[float] = set()
        self.findings = Findings()
        # Where each of music21's elements stands, and of which part: spanners know only elements.
        self._where: dict[int, tuple[WrittenPart, float, float, str]] = {}
        self._notes: dict[int, list[WrittenNote]] = {}

    def read_part(self, number: int, part: Any, measures: list[Any]) -> None:
        """Reads one of music21's parts."""
        written = WrittenPart(str(part.id).split("-Staff")[0])
        self.parts.append(written)
        self._instrument: Any = None
        self._own, self._scale = 0.0, 1.0  # where the part itself has what is read, and its scale
        self._programs: list[tuple[float, int, bool]] = []
        self._graces: dict[str, list[Grace]] = {}
        self._tied: dict[int, tuple[WrittenNote, bool, float]] = {}
        if measures != [part]:
            for element in part.iter():
                if "Stream" not in element.classes:
                    self._read_sign(written, element, float(element.offset))
        for index, measure in enumerate(measures):
            self._scale = self._barlines.scale(number, index)
            for voice, own, element in _elements(measure):
                self._own = own
                at = self._barlines.place(number, index, own)
                self._read_element(written, index, voice, at, element)
            self._read_barlines(measure, index)
        for graces in self._graces.values():
            self.findings.add("grace notes after the last note: {} not played", len(graces))
        written.notes.sort(key=lambda note: (note.start, note.key))

    def _read_element(
        self, part: WrittenPart, measure: int, voice: str, at: float, element: Any
    ) -> None:
        length = float(element.quarterLength) * self._scale
        self._where[id(element)] = (part, at, at + length, voice)
        if "GeneralNote" not in element.classes:
            self._read_sign(part, element, at)
            return
        names = {type(e).__name__ for e in element.expressions}
        if "Fermata" in names and length:
            self.fermatas.add((at, at + length))
        if "ChordSymbol" in element.classes:
            self.findings.add("chord symbols: {} not played")
        elif "Rest" not in element.classes:
            self._read_notes(part, measure, voice, at, element)

    def _read_notes(
        self, part: WrittenPart, measure: int, voice: str, at: float, element: Any
    ) -> None:
        if element.hasStyleInformation and element.style.noteSize == "cue":
            self.findings.add("cue notes: {} not played")
            return
        members = list(getattr(element, "notes", (element,)))
        program, drum = self._program(at)
        keyed = sorted(((self._key(m, drum), m) for m in members), key=lambda pair: pair[0])
        chord = tuple(key for key, _ in keyed)
        if not chord:
            return
        if element.duration.isGrace:
            kind = element.duration.components
            length = _GRACE_LENGTHS.get(kind[0].type if kind else "eighth", 0.5)
            slashed = element.duration.slash is not False
            self._graces.setdefault(voice, []).append((chord, length, slashed))
            return
        length = float(element.quarterLength) * self._scale
        if length <= 0:
            self.findings.add("notes without length: {} not played")
            return
        marks = {type(a).__name__ for a in element.articulations}
        marks |= {type(e).__name__ for e in element.expressions}
        if "Caesura" in marks:
            self.breaths.add(at + length)
        ornaments = [e for e in element.expressions if set(_ORNAMENTS) & set(e.classes)]
        graces = self._graces.pop(voice, [])
        for key, member in keyed:
            note = WrittenNote(
                start=at,
                length=length,
                key=key,
                measure=measure,
                voice=voice,
                top=key == chord[-1],
                program=0 if drum else program,
                is_drum=drum or "Unpitched" in member.classes,
                marks=marks | {type(a).__name__ for a in member.articulations},
                ornaments=ornaments,
                source=member,
                chord=chord,
                graces=graces if key == chord[-1] else [],
                velocity=_velocity(member) or _velocity(element),
            )
            added = self._add(part, note, member.tie)
            for who in {id(element), id(member)}:
                self._notes.setdefault(who, []).append(added)

    def _add(self, part: WrittenPart, note: WrittenNote, tie: Any) -> WrittenNote:
        """Adds a note, or lengthens the one that it is tied to; returns which."""
        kind = None if tie is None else tie.type
        before, is_open, ended = self._tied.get(note.key, (None, False, 0.0))
        ends = self._own + float(note.source.quarterLength)
        # One end of a tie is enough if the other touches it: encoders forget one of them. Ends that
        # do not touch are no tie. Barlines may have moved apart what touches in the part itself.
        touches = before is not None and abs(ended - self._own) < 1e-3
        leads_on = kind in ("start", "continue")
        if before is not None and touches and (is_open or kind in ("stop", "continue")):
            before.length = note.end - before.start
            before.marks |= note.marks
            self._tied[note.key] = (before, leads_on, ends)
            return before
        self._tied[note.key] = (note, leads_on, ends)
        part.notes.append(note)
        return note

    def _key(self, member: Any, drum: bool) -> int:
        if "Unpitched" in member.classes:
            instrument = member.storedInstrument or self._instrument
            key = getattr(instrument, "percMapPitch", None)
            if key is None:
                self.findings.add("unpitched notes without a percussion key: {} as a snare drum")
            return int(key if key is not None else _SNARE)
        pitch = member.pitch
        if not drum and not pitch.isTwelveTone():
            self.findings.add("notes between keys: {} at the nearest key")
        return int(min(max(pitch.midi, 0), 127))

    def _program(self, at: float) -> tuple[int, bool]:
        for start, program, drum in reversed(self._programs):
            if start <= at + 1e-6:
                return program, drum
        return 0, False

    def _read_sign(self, part: WrittenPart, element: Any, at: float) -> None:
        classes = element.classes
        if "Instrument" in classes:
            self._instrument = element
            drum = element.midiChannel == 9 or "UnpitchedPercussion" in classes
            self._programs.append((at, int(element.midiProgram or 0), drum))
        elif "Dynamic" in classes:
            part.dynamics.append((at, str(element.value)))
        elif "TextExpression" in classes:
            part.words.append((at, str(element.content).strip()))
        elif "KeySignature" in classes:
            part.keys.append((at, element))
        elif "MetronomeMark" in classes:
            self._read_tempo(element, at)
        elif "TempoText" in classes:
            part.words.append((at, str(element.text).strip()))

    def _read_tempo(self, mark: Any, at: float) -> None:
        if mark.number is None and mark.numberSounding is None:
            if mark.text:
                self.findings.add("tempo marks that say no speed: {} ignored")
            return
        speed = mark.getSoundingMetronomeMark().getQuarterBPM()
        if not _SLOWEST <= speed <= _FASTEST:
            self.findings.add("tempos that nobody plays: {} ignored")
            return
        # The first at a position counts, as in music21's own playback.
        self.tempos.setdefault(at, float(speed))

    def _read_barlines(self, measure: Any, index: int) -> None:
        for side, position in (("leftBarline", index), ("rightBarline", index + 1)):
            line = getattr(measure, side, None)
            if line is None:
                continue
            at = self._barlines.starts[position]
            if line.type in ("double", "final", "heavy-light"):
                self.sections.add(at)
            if getattr(line, "pause", None) is not None:
                self.fermatas.add((at, at))

    def read_spanners(self, score: Any) -> None:
        """Reads what spans several notes; after all parts have been read."""
        for spanner in score.recurse().getElementsByClass("Spanner"):
            ends = [self._where[id(e)] for e in spanner if id(e) in self._where]
            if not ends:
                continue
            part, voice = ends[0][0], ends[0][3]
            begin, end = min(e[1] for e in ends), max(e[2] for e in ends)
            last = max(e[1] for e in ends)
            classes = spanner.classes
            if "Crescendo" in classes:
                part.hairpins.append((begin, end, 1))
            elif "Diminuendo" in classes:
                part.hairpins.append((begin, end, -1))
            elif "Slur" in classes:
                for note in part.between(begin, last):
                    if note.voice == voice:
                        note.marks.add("Slurred")
            elif "PedalMark" in classes:
                self._read_pedal(part, spanner, begin, end)
            elif "TremoloSpanner" in classes:
                self._read_shake(spanner)
            elif "Glissando" in classes:
                self._read_glides(spanner)

    def _read_shake(self, spanner: Any) -> None:
        sounding = [self._notes[id(e)] for e in spanner if id(e) in self._notes]
        if len(sounding) != 2:
            self.findings.add("tremolos between two notes, of which one is missing: {} ignored")
            return
        start = min(note.start for note in sounding[0])
        end = max(note.end for note in sounding[1])
        for second, notes in enumerate(sounding):
            for note in notes:
                note.shake = Shake(start, end, int(spanner.numberOfMarks), bool(second))

    def _read_glides(self, spanner: Any) -> None:
        sounding = [self._notes[id(e)] for e in spanner if id(e) in self._notes]
        if len(sounding) < 2:
            self.findings.add("glissandi to or from no note: {} ignored")
        for notes, targets in itertools.pairwise(sounding):
            # Of chords all notes glide, each to its own, or the top ones where that is unclear.
            if len(notes) != len(targets):
                notes, targets = notes[-1:], targets[-1:]
            for note, target in zip(notes, targets):
                if note.key != target.key and not (note.is_drum or target.is_drum):
                    note.glide = Glide(target.key, spanner.slideType == "continuous")

    def _read_pedal(self, part: WrittenPart, spanner: Any, begin: float, end: float) -> None:
        if spanner.pedalType is not None and str(spanner.pedalType.value) != "sustain":
            self.findings.add("pedals other than the sustain pedal: {} ignored")
            return
        bounces = [
            self._where[id(e)][1]
            for e in spanner
            if "PedalBounce" in e.classes and id(e) in self._where
        ]
        edges = [begin, *sorted(bounces), end]
        part.pedals += [span for span in itertools.pairwise(edges) if span[0] < span[1]]


_SNARE = 38
_SLOWEST, _FASTEST = 4.0, 1000.0  # quarters a minute
_GRACE_LENGTHS = {"half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25, "32nd": 0.125}


def _velocity(member: Any) -> int | None:
    volume = member.volume
    return max(1, volume.velocity) if volume.velocity is not None else None


def _elements(measure: Any) -> Iterator[tuple[str, float, Any]]:
    """Yields (voice, quarters, element) of all that stands in a measure, in the order of time."""
    base = offset(measure)
    found = []
    for element in measure.iter():
        if "Voice" in element.classes:
            shift = base + float(element.offset)
            found += [(str(element.id), shift + float(e.offset), e) for e in element.iter()]
        elif "Stream" not in element.classes:
            found.append(("", base + float(element.offset), element))
    # Signs before the notes that they stand at.
    yield from sorted(found, key=lambda row: (row[1], "GeneralNote" in row[2].classes))
