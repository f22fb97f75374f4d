"""Reads the stems of a Slakh2100 track: which of them sound, and the notes heard of them.

Basses sound an octave below their MIDI, for so the sampler counts octaves (ethman/slakh-generation,
issue 2); they are lowered to where they sound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_pipelines.sources.shared import played_by, read_text
from mt3synth.errors import UserError
from mt3synth.symbolic.midi import read_midi
from mt3synth.symbolic.notes import Notes


@dataclass(frozen=True)
class Stem:
    """Describes one instrument of a track: its MIDI file, and as what to read it.

    Attributes:
      name: S00, S01, ...
      midi: the file that was rendered.
      program: General MIDI program counted from zero; 0 for drums.
      is_drum: whether its keys are percussion.
      transposed: semitones from what its MIDI says to what sounds.
      patch: file name of the sampler's patch.
    """

    name: str
    midi: Path
    program: int
    is_drum: bool
    transposed: int
    patch: str


@dataclass(frozen=True)
class StemNotes:
    """Reads the notes of some stems together; a `NotesSource`."""

    stems: tuple[Stem, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """Returns the stems' MIDI files."""
        return tuple(stem.midi for stem in self.stems)

    def read(self) -> tuple[Notes, list[str]]:
        """Reads all notes as they sound, with the programs that the metadata names."""
        parts: list[Notes] = []
        reported: dict[str, list[str]] = {}
        for stem in self.stems:
            notes, reports = _read_stem(stem)
            parts.append(notes)
            for report in reports:
                reported.setdefault(report, []).append(stem.name)
        remarks = [f"{', '.join(names)}: {report}" for report, names in reported.items()]
        return Notes.concatenate(parts), remarks


def sounding_stems(metadata: Path) -> tuple[Stem, ...]:
    """Lists the stems that are in the mix, as ``metadata.yaml`` tells them.

    A stem is if it says ``audio_rendered``, or its ``integrated_loudness`` was measured, as was
    done of all that was mixed: BabySlakh has the former false throughout.

    Raises:
      UserError: the metadata cannot be read, or does not say how to read a stem.
    """
    content = _read_yaml(metadata)
    try:
        stems = sorted(content["stems"].items())
        sounding = tuple(
            _stem(metadata.parent, name, about)
            for name, about in stems
            if _flag(about, "audio_rendered") or "integrated_loudness" in about
        )
    except UserError as error:
        raise UserError(f"{metadata}: {error}") from error
    except (AttributeError, KeyError, TypeError) as error:
        raise UserError(f"{metadata}: not the metadata of a Slakh track ({error!r})") from error
    if not sounding:
        raise UserError(f"{metadata}: no stem was rendered")
    return sounding


def _read_stem(stem: Stem) -> tuple[Notes, list[str]]:
    written, remarks = read_midi(stem.midi)
    played = played_by(written, stem.program, stem.is_drum)
    notes = played.transposed(stem.transposed)
    if stem.transposed:
        remarks = [*remarks, f"notes moved by {stem.transposed} semitones, to where they sound"]
    if len(notes) < len(played):
        remarks.append(f"notes that this moves below key 0: {len(played) - len(notes)} ignored")
    return notes, remarks


def _stem(track: Path, name: str, about: Mapping[str, Any]) -> Stem:
    is_drum, program = _flag(about, "is_drum"), about["program_num"]
    if is_drum:
        program = 0  # the metadata has 128 for drums
    elif not (isinstance(program, int) and 0 <= program <= 127):
        raise UserError(f"stem {name}: program_num={program!r}; must be 0..127")
    midi = track / "MIDI" / f"{name}.mid"
    transposed = -12 if about["inst_class"] == "Bass" else 0
    return Stem(name, midi, program, is_drum, transposed, str(about["plugin_name"]))


def _flag(about: Mapping[str, Any], field: str) -> bool:
    if not isinstance(about[field], bool):
        raise UserError(f"{field}={about[field]!r}; must be true or false")
    return about[field]


def _read_yaml(path: Path) -> Any:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the faster one, where it is built
    text = read_text(path)
    try:
        return yaml.load(text, loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: no such date
        raise UserError(f"{path}: not YAML ({' '.join(str(error).split())})") from error
