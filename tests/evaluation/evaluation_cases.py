"""Small folders to evaluate: tunes in performances whose sound is plain to tell apart."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from mt3synth.audio.mel import MELGAN
from mt3synth.evaluation.caching import CachedVocoder
from mt3synth.evaluation.embeddings import embedding
from mt3synth.evaluation.embeddings.cache import EmbeddingCache
from mt3synth.evaluation.evaluate import ExampleOptions, Names
from mt3synth.evaluation.evaluation_set import EvaluationSet, Seams
from mt3synth.evaluation.input_files import EvaluationPaths, read_evaluation_set
from mt3synth.evaluation.metrics.metric import Evaluators
from mt3synth.symbolic.midi import write_midi
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription.transcriber import Transcriber
from mt3synth.vocoder.griffin_lim import GriffinLim

JUDGE = "half a score"
RATE = 16000
SECONDS = 18.5  # 36 embeddings of log-mel statistics, more than its 32 dimensions
SOUNDS = {"dull": (1, 0.001), "bright": (9, 0.001), "hissing": (1, 0.05)}
"""Harmonics, and the level of the hiss."""

NAMES = Names("Evaluation of tunes", "mt3synth evaluate", "Griffin-Lim", (JUDGE,))
EXAMPLES = ExampleOptions(examples=2, seconds=3.0)


def tune(seed: int, seconds: float = SECONDS) -> Notes:
    """Writes a note each half second, of changing pitch and loudness."""
    rng = np.random.default_rng(seed)
    start = np.arange(0.1, seconds - 0.6, 0.5)
    count = len(start)
    pitch, velocity = rng.integers(55, 80, count), rng.integers(30, 120, count)
    zero = np.zeros(count, int)
    return Notes(start, start + 0.4, pitch, velocity, zero, zero.astype(bool))


def sound(notes: Notes, performance: str, seed: int = 0, seconds: float = SECONDS) -> np.ndarray:
    """Plays notes of so many harmonics, amplitude proportional to velocity, with some hiss."""
    harmonics, hiss = SOUNDS[performance]
    rng = np.random.default_rng(seed)
    audio = rng.normal(0, hiss, round(seconds * RATE)) * (1 + 0.3 * rng.random())
    for start, end, pitch, velocity in zip(notes.start, notes.end, notes.pitch, notes.velocity):
        first, last = (min(round(t * RATE), len(audio)) for t in (start, end))
        time = np.arange(last - first) / RATE
        fade = np.minimum(1, 100 * np.minimum(time, time[::-1]))
        for k in range(1, harmonics + 1):
            hertz = k * 440 * 2 ** ((pitch - 69) / 12)
            if hertz < RATE / 2:
                part = fade * np.sin(2 * np.pi * hertz * time) / harmonics**0.5
                audio[first:last] += velocity / 400 * part
    return audio.astype(np.float32)


@dataclass(frozen=True)
class Folders:
    """Says where a case lies."""

    root: Path

    @property
    def options(self) -> list[str]:
        """Returns all options of the command line but ``--out``."""
        root = self.root
        return [
            *("--generated", str(root / "generated"), "--reference", str(root / "reference")),
            *("--performances", str(root / "map.csv"), "--real", str(root / "real")),
        ]


def write_case(root: Path, performances: Sequence[str] = tuple(SOUNDS)) -> Folders:
    """Writes three recordings of each performance, and a piece generated for each, perfectly."""
    shutil.copytree(_made_case(tuple(performances)), root, dirs_exist_ok=True)
    return Folders(root)


@functools.cache
def _kept() -> Path:
    """Returns a folder for what tests of this process make once, until it ends."""
    folder = tempfile.TemporaryDirectory(prefix="mt3synth-cases-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


@functools.cache
def _made_case(performances: tuple[str, ...]) -> Path:
    """Plays and writes a case, from which each test gets a copy."""
    root = _kept() / "-".join(performances)
    rows = ["audio,performance,midi,wall_seconds"]
    for number, name in enumerate(performances):
        for take in range(3):
            write_audio(root / f"reference/{name}/{take}.wav", sound(tune(10 + take), name, take))
        notes = tune(number)
        write_midi(notes, root / f"{number}.mid")
        write_audio(root / f"generated/{number}.wav", sound(notes, name, 90 + number))
        write_audio(root / f"real/{name}/{number}.flac", sound(notes, name, 95 + number))
        rows.append(f"{number}.wav,{name},{number}.mid,2.5")
    (root / "map.csv").write_text("\n".join(rows) + "\n")
    return root


def write_audio(path: Path, audio: np.ndarray, rate: int = RATE) -> None:
    """Writes 16-bit audio; folders are made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, rate, "PCM_16")


def quick_evaluators(cache: Path, transcriber: Transcriber | None = None) -> Evaluators:
    """Makes what measures quickly, and needs no weights."""
    return Evaluators(
        mel=MELGAN,
        embedding=embedding("log-mel"),
        cache=EmbeddingCache(cache / "embeddings"),
        # The same for all tests: frames that were inverted once need not be again.
        vocoder=CachedVocoder(GriffinLim(MELGAN, iterations=1), "quick", _kept() / "vocoded"),
        transcribers={} if transcriber is None else {JUDGE: transcriber},
        seed=0,
    )


def half_a_score(audio: np.ndarray, sample_rate: int) -> Notes:
    """Hears the first of the tunes, up to 9 s, whatever is played."""
    return tune(0).cropped(0.0, 9.0)


def evaluators(cache: Path) -> Evaluators:
    return quick_evaluators(cache, half_a_score)


def evaluation_set(root: Path) -> EvaluationSet:
    folders = (root / "generated", root / "reference", root / "map.csv", root / "real")
    return read_evaluation_set(EvaluationPaths(*folders), Seams(2.0, 0.2))


def all_at_once(items, what):
    """Shows no progress."""
    return items
