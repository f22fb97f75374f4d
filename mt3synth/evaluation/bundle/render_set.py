"""Renders the evaluation set of a bundle, as files that `mt3synth evaluate` takes.

What is there already, of the same settings, is not made again. The folder holds ``generated/``,
``real/``, ``recordings/`` and ``held_out/`` with a folder for each performance, ``midi/``, and
``map.csv``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mt3synth.atomic import write_texts
from mt3synth.audio.files import fit_peak, read_metadata, write_audio
from mt3synth.errors import UserError
from mt3synth.evaluation.bundle.excerpts import Excerpt, read_excerpts, read_recordings, spread
from mt3synth.evaluation.bundle.renderers import Renderers
from mt3synth.evaluation.evaluation_set import Seams
from mt3synth.evaluation.input_files import HOP, OVERLAP, WALL, EvaluationPaths
from mt3synth.evaluation.metrics import dynamics, fad, performance_classifier
from mt3synth.evaluation.metrics.registry import METRICS
from mt3synth.reporting.tables import as_csv
from mt3synth.symbolic.midi import write_midi
from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND

PARTS = ("excerpts", "crossed", "levels")
TABLE = "map.csv"
SOFT, LOUD = 30, 110
"""Velocities of the two renderings whose levels are compared."""

_LEVEL_GAIN = 1 / 8
"""Of those two alike: a loud one that had to be scaled down to fit its file would seem softer."""


@dataclass(frozen=True)
class SetOptions:
    """What an evaluation set holds, and how much of it.

        SetOptions(parts=("crossed",), crossed=2, seconds=9.6)

    Attributes:
      parts: of `PARTS`: excerpts in one performance, in every one, and at two velocities.
      split: of the corpus, whose scores are rendered.
      excerpts: songs in one performance.
      crossed: of them, those in every performance.
      levels: of them, those at two velocities.
      recordings: real ones of each performance.
      seconds: length of an excerpt.
      performance: index of the one performance.

    Raises:
      UserError: a value out of its bounds; names the option.
    """

    parts: tuple[str, ...] = PARTS
    split: str = "test"
    excerpts: int = 24
    crossed: int = 3
    levels: int = 4
    recordings: int = 60
    seconds: float = 14.0
    performance: int = 0

    def __post_init__(self) -> None:
        for name in ("excerpts", "crossed", "levels", "recordings"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name} {getattr(self, name)}; must be at least 1")
        for name in ("crossed", "levels"):
            if getattr(self, name) > self.excerpts:
                raise UserError(
                    f"--{name} {getattr(self, name)}; must be at most --excerpts {self.excerpts}"
                )
        if not 1 <= self.seconds <= 60:
            raise UserError(f"--seconds {self.seconds}; must be within 1..60 s")


@dataclass(frozen=True, eq=False)
class PlannedPiece:
    """A piece to render.

    Attributes:
      song: name of its song in the corpus.
      stem: of its files.
      notes: to play.
      performance: index.
      metrics: those that take it, with spaces between; empty for all.
      gain: of the audio in the file.
    """

    song: str
    stem: str
    notes: Notes
    performance: int
    metrics: str = ""
    gain: float = 1.0


def plan(excerpts: Sequence[Excerpt], options: SetOptions, performances: int) -> list[PlannedPiece]:
    """Lists the pieces of an evaluation set.

    Args:
      excerpts: of the corpus.
      options: which pieces, and how many.
      performances: how many there are.
    """
    stems = {e.name: f"{number:03d}_{_plain(e.name)}" for number, e in enumerate(excerpts)}
    # Were one performance to have more pieces than others, distances from all recordings and the
    # share of recognised performances would lean towards it.
    balanced = (fad.NAME, performance_classifier.NAME)
    unbalanced = " ".join(m.name for m in METRICS if m.name not in balanced)
    crossed = spread(excerpts, options.crossed) if "crossed" in options.parts else []
    pieces = [
        PlannedPiece(e.name, stems[e.name], e.notes, performance)
        for e in crossed
        for performance in range(performances)
    ]
    if "excerpts" in options.parts:
        pieces += [
            PlannedPiece(e.name, stems[e.name], e.notes, options.performance, unbalanced)
            for e in excerpts
            if e not in crossed
        ]
    if "levels" in options.parts:
        pieces += [
            PlannedPiece(
                e.name,
                f"{stems[e.name]}_velocity_{velocity}",
                dynamics.at_velocity(e.notes, velocity),
                options.performance,
                dynamics.NAME,
                _LEVEL_GAIN,
            )
            for e in spread(excerpts, options.levels)
            for velocity in (SOFT, LOUD)
        ]
    return pieces


class PieceFiles:
    """Writes the files of one piece; what is there already, of the same settings, is left.

        PieceFiles(piece, 14.0, renderers, folder).write_real()

    Args:
      piece: to render; its MIDI file is written at once.
      seconds: length of the audio.
      renderers: by which.
      folder: of the set.

    Its files are ``midi/STEM.mid``, ``generated/PERFORMANCE/STEM.flac`` and the same in ``real/``.
    """

    def __init__(
        self, piece: PlannedPiece, seconds: float, renderers: Renderers, folder: Path
    ) -> None:
        self._piece, self._renderers, self._folder = piece, renderers, folder
        self._asked = (piece.notes, piece.performance, seconds)
        midi = folder / "midi" / f"{piece.stem}.mid"
        midi.parent.mkdir(parents=True, exist_ok=True)
        write_midi(piece.notes, midi)
        self._about = {
            "song": piece.song,
            "notes": hashlib.sha256(midi.read_bytes()).hexdigest()[:16],
            "seconds": str(seconds),
            "gain": str(piece.gain),
        }

    def write_generated(self, seams: Seams, identity: dict[str, str]) -> Path:
        """Renders by the model; returns the file.

        Args:
          seams: where segments meet.
          identity: model and settings; a file of another one is made anew.
        """
        about = {**identity, **self._about, HOP: str(seams.hop), OVERLAP: str(seams.overlap)}
        return self._write("generated", about, lambda: self._renderers.audio(*self._asked))

    def write_real(self) -> Path:
        """Renders for real; returns the file.

        Raises:
          UserError: FluidSynth or the soundfont is missing.
        """
        return self._write("real", self._about, lambda: (self._renderers.real(*self._asked), None))

    def _write(
        self, kind: str, about: dict[str, str], audio: Callable[[], tuple[FloatND, float | None]]
    ) -> Path:
        name = self._renderers.names[self._piece.performance]
        path = self._folder / kind / name / f"{self._piece.stem}.flac"
        _make(path, about, audio, self._renderers.mel.sample_rate, self._piece.gain)
        return path


def render_evaluation_set(
    corpus: Path,
    options: SetOptions,
    renderers: Renderers,
    seams: Seams,
    identity: dict[str, str],
    folder: Path,
    say: Callable[[str], object],
) -> EvaluationPaths:
    """Renders excerpts of a corpus by the model and for real, and writes real recordings.

    Args:
      corpus: that the bundle was trained on.
      options: what to render.
      renderers: by which.
      seams: where segments of the model's renderings meet.
      identity: model and settings; files of another one are made anew.
      folder: made if need be.
      say: is told of each piece.

    Raises:
      UserError: the corpus is missing or too small, or something cannot be rendered or written.
    """
    excerpts = read_excerpts(corpus, options.split, options.excerpts, options.seconds)
    pieces = plan(excerpts, options, len(renderers.names))
    table = render_pieces(pieces, options.seconds, renderers, seams, identity, folder, say)
    # Performances are known by the training split; recordings of the other show how well.
    for split, name in (("train", "recordings"), (options.split, "held_out")):
        _write_recordings(corpus, split, options, renderers, folder / name)
    return EvaluationPaths(folder / "generated", folder / "recordings", table, folder / "held_out")


def render_pieces(
    pieces: Sequence[PlannedPiece],
    seconds: float,
    renderers: Renderers,
    seams: Seams,
    identity: dict[str, str],
    folder: Path,
    say: Callable[[str], object],
) -> Path:
    """Renders pieces by the model and for real; returns the table of what belongs together.

    Args:
      pieces: to render.
      seconds: length of each.
      renderers, seams, identity, folder, say: see `render_evaluation_set`.

    Raises:
      UserError: something cannot be rendered or written.
    """
    rows = []
    for number, piece in enumerate(pieces, 1):
        files = PieceFiles(piece, seconds, renderers, folder)
        files.write_generated(seams, identity)
        files.write_real()
        performance = renderers.names[piece.performance]
        name, midi = f"{performance}/{piece.stem}.flac", f"midi/{piece.stem}.mid"
        rows.append((name, performance, midi, f"real/{name}", piece.metrics))
        say(f"{number} of {len(pieces)}: {piece.song} in {performance}")
    table = as_csv(("audio", "performance", "midi", "reference", "metrics"), rows)
    write_texts(folder, {TABLE: table}, "--out")
    return folder / TABLE


def _write_recordings(
    corpus: Path, split: str, options: SetOptions, renderers: Renderers, folder: Path
) -> None:
    """Writes the first seconds of recordings of each performance of a split."""
    rate, names = renderers.mel.sample_rate, renderers.names
    folder.mkdir(parents=True, exist_ok=True)
    needed = split == "train"  # a small test split may lack a performance
    songs = read_recordings(
        corpus, split, rate, options.seconds, len(names), options.recordings, needed
    )
    for song in songs:
        about = {"song": song.id, "seconds": str(options.seconds)}

        def audio(samples: np.ndarray = song.audio) -> tuple[FloatND, None]:
            return samples[: round(options.seconds * rate)].astype(np.float32) / 32768, None

        _make(folder / names[song.performance] / f"{_plain(song.id)}.flac", about, audio, rate)


def _make(
    path: Path,
    metadata: dict[str, str],
    audio: Callable[[], tuple[FloatND, float | None]],
    sample_rate: int,
    gain: float = 1.0,
) -> None:
    """Writes a file of audio unless it is there with the same metadata."""
    try:
        found = read_metadata(path)
    except UserError:
        found = {}
    found.pop(WALL, None)  # no two renderings take equally long, and it changes no sample
    if found == metadata:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    samples, seconds = audio()
    fitted, _ = fit_peak(samples * np.float32(gain))
    timed = {} if seconds is None else {WALL: str(seconds)}
    write_audio(path, fitted, sample_rate, {**metadata, **timed})


def _plain(name: str) -> str:
    """Makes a name that every file system takes."""
    # The end of an id tells songs apart; its beginning may be the folder of all of them.
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[-80:]
