"""Small folders to evaluate: tunes in performances whose sound is plain to tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from mt3synth.audio.mel import MELGAN
from mt3synth.evaluation.caching import CachedVocoder
from mt3synth.evaluation.embeddings import embedding
from mt3synth.evaluation.embeddings.cache import EmbeddingCache
from mt3synth.evaluation.metrics.metric import Evaluators
from mt3synth.symbolic.midi import write_midi
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription.transcriber import Transcriber
from mt3synth.vocoder.griffin_lim import GriffinLim

RATE = 16000
SECONDS = 18.5  # 36 embeddings of log-mel statistics, more than its 32 dimensions
SOUNDS = {"dull": (1, 0.001), "bright": (9, 0.001), "hissing": (1, 0.05)}
"""Harmonics, and the level of the hiss."""


def tune(seed: int, seconds: float = SECONDS) -> Notes:
    """A note each half second, of changing pitch and loudness."""
    rng = np.random.default_rng(seed)
    start = np.arange(0.1, seconds - 0.6, 0.5)
    count = len(start)
    pitch, velocity = rng.integers(55, 80, count), rng.integers(30, 120, count)
    zero = np.zeros(count, int)
    return Notes(start, start + 0.4, pitch, velocity, zero, zero.astype(bool))


def sound(notes: Notes, performance: str, seed: int = 0, seconds: float = SECONDS) -> np.ndarray:
    """Notes of so many harmonics, their amplitude proportional to velocity, and some hiss."""
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
    """Where a case lies."""

    root: Path

    @property
    def options(self) -> list[str]:
        """For the command line, all but ``--out``."""
        root = self.root
        return [
            *("--generated", str(root / "generated"), "--reference", str(root / "reference")),
            *("--performances", str(root / "map.csv"), "--real", str(root / "real")),
        ]


def write_case(root: Path, performances: Sequence[str] = tuple(SOUNDS)) -> Folders:
    """Three recordings of each performance, and a piece generated for each, perfectly."""
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
    return Folders(root)


def write_audio(path: Path, audio: np.ndarray, rate: int = RATE) -> None:
    """16-bit, folders made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, rate, "PCM_16")


def quick_evaluators(cache: Path, transcriber: Transcriber | None = None) -> Evaluators:
    """What measures quickly, and needs no weights."""
    return Evaluators(
        mel=MELGAN,
        embedding=embedding("log-mel"),
        cache=EmbeddingCache(cache / "embeddings"),
        vocoder=CachedVocoder(GriffinLim(MELGAN, iterations=1), "quick", cache / "vocoded"),
        transcriber=transcriber,
        seed=0,
    )


def all_at_once(items, what):
    """Shows no progress."""
    return items
