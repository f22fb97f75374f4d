"""Recordings on disk that tests prepare: tones under the notes of their MIDI files."""

from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from data_pipelines.prepare.build import Report, build
from data_pipelines.prepare.manifest import read_manifest
from data_pipelines.prepare.plan import PrepareSettings
from data_pipelines.prepare.runners import run_locally
from mt3synth.symbolic.midi import write_midi
from mt3synth.symbolic.notes import Notes

RATE = 16000


def melody(seconds: float, seed: int = 0) -> Notes:
    """Makes two notes a second, the last ending 0.1 s before ``seconds``."""
    start = np.arange(0.0, seconds - 0.5, 0.5)
    rng = np.random.default_rng(seed)
    same = np.ones(len(start), int)
    pitch = 55 + rng.integers(0, 24, len(start))
    return Notes(start, start + 0.4, pitch, 80 * same, 40 * same, same == 0)


def sound_of(notes: Notes, seconds: float, rate: int = RATE) -> np.ndarray:
    """Makes a decaying tone for each note, float32."""
    audio = np.zeros(round(seconds * rate), np.float32)
    for i in range(len(notes)):
        first = round(notes.start[i] * rate)
        time = np.arange(len(audio[first:])) / rate
        hertz = 440 * 2 ** ((notes.pitch[i] - 69) / 12)
        audio[first:] += 0.1 * np.sin(2 * np.pi * hertz * time) * np.exp(-4 * time)
    return audio


def write_pair(
    folder: Path, name: str, seconds: float = 6.0, seed: int = 0, suffix: str = ".wav"
) -> tuple[Path, Path]:
    """Writes ``name.wav`` and ``name.mid``."""
    folder.mkdir(parents=True, exist_ok=True)
    notes = melody(seconds, seed)
    audio, midi = folder / f"{name}{suffix}", folder / f"{name}.mid"
    soundfile.write(audio, sound_of(notes, seconds), RATE)
    write_midi(notes, midi)
    return audio, midi


def write_manifest(path: Path, rows: list[str], columns: str = "audio,midi,performance") -> Path:
    """Writes a CSV file of whole lines."""
    path.write_text("\n".join([columns, *rows]) + "\n", encoding="utf-8")
    return path


def visible_bytes(folder: Path) -> dict[str, bytes]:
    """Reads every file that is not hidden, by its name in ``folder``."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file())
    named = {p.relative_to(folder).as_posix(): p for p in files}
    return {name: p.read_bytes() for name, p in named.items() if not name.startswith(".")}


def list_rows(*named: str) -> list[str]:
    """Lists pairs by their letters, "a" or with a performance "a:solo", as rows of a manifest."""
    return [f"{n[0]}.wav,{n[0]}.mid,{n[2:] or 'trio'}" for n in named]


def prepare_pairs(
    manifest: Path, out: Path, settings: PrepareSettings | None = None, **more
) -> Report:
    """Builds a data set of a manifest, in this process if nothing else is said."""
    more.setdefault("run", partial(run_locally, workers=1))
    source = {"what": "test", "licence": "none"}
    settings = settings or PrepareSettings()
    return build(read_manifest(manifest), out, settings, source=source, **more)
