"""TFRecord files as MT3 and Spectrogram Diffusion train on: songs with their NoteSequences.

J. Gardner et al., "MT3: Multi-Task Multitrack Music Transcription", ICLR 2022, and C. Hawthorne et
al., "Multi-instrument Music Synthesis with Spectrogram Diffusion", ISMIR 2022. Features and file
names are those of ``datasets.py`` in their repositories (mt3 and music-spectrogram-diffusion of
magenta), programs those of ``preprocessors.py``:

====================  ===========================================  ==============================
data set              sound                                        notes
====================  ===========================================  ==============================
MAESTRO v1, v3        ``audio``, a WAV file                        ``sequence``
GuitarSet             ``audio``, a WAV file                        ``sequence``, all clean guitar
URMP                  ``audio``, a WAV file                        ``instrument_sequences``
MusicNet, MusicNetEM  ``audio``, floats at ``sample_rate``         ``sequence``
Slakh, Cerberus4      ``mix``, floats at ``audio_sample_rate``     ``note_sequences``
====================  ===========================================  ==============================

``inst_names`` says what plays each of several sequences; ``id`` or ``track_id`` names the song.

Sequences are serialized ``NoteSequence`` messages whose sustain pedal is still to be applied.
A record is read by the features it has, whatever its file is called; only GuitarSet, which has no
other mark, is told by the name of its folder. The licence is that of each data set.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data_pipelines.filesystem import is_local
from data_pipelines.recordings import Listing, NotesFile, Recording
from data_pipelines.shards.example import parse_example
from data_pipelines.shards.framing import frame_offsets, read_frame_at
from data_pipelines.songs import SPLITS
from data_pipelines.sources.mt3_record import Features, name_of, notes_of, seconds_of, sound_of
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes

PERFORMANCES = {
    "dataset": "one for each folder that holds such files, of its name",
    "song": "one for each song",
}

_ONE_INSTRUMENT = {"guitarset": "Clean Guitar"}
_SPLIT = re.compile(rf"(?:^|[_-])({'|'.join(SPLITS)})(?=[_.-])")


@dataclass(frozen=True)
class RecordSound:
    """Reads the sound in a record of a TFRecord file; an `AudioSource`.

    Attributes:
      path: the file.
      offset: byte at which the record starts.
      length: seconds that it sounds, as found when it was listed.
    """

    path: Path
    offset: int
    length: float

    def seconds(self) -> float:
        """Returns its length."""
        return self.length

    def read(self, sample_rate: int) -> Float[np.ndarray, " S"]:
        """Reads it as mono, resampled from whatever rate the record has."""
        import soxr

        with _record(self.path, self.offset) as features:
            samples, rate = sound_of(features)
        return samples if rate == sample_rate else soxr.resample(samples, rate, sample_rate)


@dataclass(frozen=True)
class RecordNotes(NotesFile):
    """Reads the notes in a record of a TFRecord file; a `NotesSource`.

    Attributes:
      path: the file.
      offset: byte at which the record starts.
      instrument: what plays all its notes; None leaves that to the record.
    """

    offset: int
    instrument: str | None = None

    def read(self) -> tuple[Notes, list[str]]:
        """Reads its notes, lengthened by the sustain pedal."""
        with _record(self.path, self.offset) as features:
            return notes_of(features, self.instrument)


def recordings(folder: Path, rule: str = "dataset") -> Listing:
    """Lists all songs in the TFRecord files of the folder and the folders in it.

    The split is the one that a file's name has (``_train.``, ``validation-`` and so on), if it has
    just one. Every file is read once, to check it and to find its songs.

    Args:
      folder: holds the files, or a folder for each data set.
      rule: one of ``PERFORMANCES``.

    Raises:
      UserError: no TFRecord file there, or a folder in a store.
    """
    if not is_local(folder):
        raise UserError(f"{folder}: TFRecord files are read on this machine only; copy them here")
    folder = folder.resolve()  # so that "." has a name
    paths = [path for path in sorted(folder.rglob("[!.]*.tfrecord*")) if path.is_file()]
    if not paths:
        raise UserError(f"{folder}: no TFRecord files of MT3 (looked for *.tfrecord*)")
    listing = Listing([], [])
    named: Counter[str] = Counter()
    for path in paths:
        try:
            for offset in frame_offsets(path):
                with listing.rejecting(path, path):
                    listing.recordings.append(_song(path, offset, rule, named))
        except UserError as error:
            listing.reject(path, path, f"{error}; what follows in the file is left out")
    return listing


def _song(path: Path, offset: int, rule: str, named: Counter[str]) -> Recording:
    dataset = path.parent.name
    with _record(path, offset) as features:
        name = f"{dataset}/{name_of(features).strip('/')}"
        seconds = seconds_of(features)
    named[name] += 1
    if named[name] > 1:  # a track may come in several mixes
        name = f"{name}~{named[name]}"
    sound = RecordSound(path, offset, seconds)
    notes = RecordNotes(path, offset, _ONE_INSTRUMENT.get(dataset))
    performance, description = dataset, f"TFRecord files in {dataset}"
    if rule == "song":
        performance, description = name, f"{description}: {name}"
    splits = set(_SPLIT.findall(path.name))
    split = splits.pop() if len(splits) == 1 else None
    # With an end, because the pedal may have notes outlast the sound; MT3 cuts them there too.
    return Recording(name, sound, notes, performance, description, split, end=seconds)


@contextmanager
def _record(path: Path, offset: int) -> Iterator[Features]:
    """Reads a record's features; errors that they lead to say where it is."""
    payload = read_frame_at(path, offset)
    try:
        yield parse_example(payload)
    except UserError as error:
        raise UserError(f"{path}, record at byte {offset}: {error}") from error
