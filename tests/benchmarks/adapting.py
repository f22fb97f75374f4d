"""Adapts a model to performances that it never heard, and measures how much nearer it comes.

    python tests/benchmarks/adapting.py render --soundfonts DIR --out FOLDER
    python tests/benchmarks/adapting.py adapt FOLDER --added-steps 0 600
    python tests/benchmarks/adapting.py measure FOLDER

`render` plays music of a corpus (``--corpus``) by soundfonts in rooms that are together in none of
the default bundle's performances: 60 s to learn from, ``take.wav`` and ``take.mid``, and 30 s of
other music to measure with, ``test.wav`` and ``test.mid``, in a folder of each pair. Folders with
real recordings in these four files are adapted and measured just so. `adapt` makes a bundle of
each; `measure` renders the test's notes in the new performance and in all known ones, and compares
with the test's sound: log-mel L1 in nats, Frechet distance of mel statistics (the embedding
"log-mel"), and Group-FAD by musicnn. Beside the new performance stand the known ones that are
nearest by each of the three.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

import mt3synth
from data_pipelines.corpus.performances import read_performances
from data_pipelines.corpus.sound.recording_chain import Chain
from data_pipelines.corpus.sound.render import render
from data_pipelines.corpus.sound.reverb import Room
from data_pipelines.corpus.sound.soundfonts import Soundfont
from data_pipelines.reading.song_lists import list_songs
from data_pipelines.shards.note_tables import notes_from_table
from mt3synth import Model
from mt3synth.audio.files import read_audio
from mt3synth.audio.log_mel_distance import log_mel_l1
from mt3synth.audio.mel import MelSpec, log_mel
from mt3synth.evaluation.embeddings.gaussian import Gaussian, Shrinkage
from mt3synth.evaluation.embeddings.loading import embedding
from mt3synth.evaluation.metrics.frechet import Fit, distance_between, fit
from mt3synth.symbolic.midi import read_midi, write_midi
from mt3synth.symbolic.notes import Notes

FILES = {
    "fluid": "FluidR3_GM.sf2",
    "csound": "sf_GMbank.sf2",
    "musescore": "MuseScore_General_Full.sf3",
    "tim": "TimGM6mb.sf2",
}
RATE = 16000
TAKE_S, TEST_S = 60.0, 30.0
ABBEY = Room(2.7, 1.2, 0.6, 1.0, 24, 11)
CLOSET = Room(0.4, 1.05, 0.6, 7.0, 4, 12)
LEFT_OUT = {
    "opl3-closet": ("opl3", CLOSET, Chain(), "0"),
    "opl3-abbey": ("opl3", ABBEY, Chain(tilt_db=-4), "40;41;42"),
    "fluid-abbey": ("fluid", ABBEY, Chain(tilt_db=4), "0"),
    "csound-tape": (
        "csound",
        CLOSET,
        Chain(drive=2.0, hiss_db=-64, high_hz=5500, tilt_db=-3),
        "40;41;42;71",
    ),
    "musescore-radio": (
        "musescore",
        CLOSET,
        Chain(low_hz=150, high_hz=5000, drive=2.0),
        "33;40;41;42;drums",
    ),
    "tim-abbey": ("tim", ABBEY, Chain(ratio=2.0, threshold_db=-26), "56;60"),
}
"""Soundfont, room and chain of each; and what plays, as the corpus's songs.csv has it."""
OPL3 = Soundfont("OPL-3_FM_128M.sf2", "opl3-soundfont", "MIT")
PEAK = 0.6


class Sound(NamedTuple):
    """Has what `render` must know."""

    soundfont: Soundfont
    room: Room
    chain: Chain
    gain_db: float


def songs_of(corpus: Path, programs: str) -> list[Notes]:
    """Reads the songs of a corpus's training split that are played by these programs alone."""
    with (corpus / "songs.csv").open() as file:
        wanted = {
            row["id"]
            for row in csv.DictReader(file)
            if row["split"] == "train" and row["programs"] == programs
        }
    songs = [song for song in list_songs(corpus, "train") if song.audio.id in wanted]
    return [notes_from_table(song.notes_between(0.0, song.seconds)) for song in songs]


def one_after_another(songs: list[Notes], seconds: float) -> Notes:
    """Joins songs with a breath between them, and cuts them off after so many seconds."""
    parts, at = [], 0.0
    while at < seconds and songs:
        song = songs.pop(0)
        parts.append(song.shifted(at))
        at += song.end_time + 0.7
    return Notes.concatenate(parts).cropped(0.0, seconds)


def render_all(args: argparse.Namespace) -> None:
    """Makes the takes and tests of all pairs that were left out."""
    known = {p.soundfont.file: p.soundfont for p in read_performances()}
    fonts = {name: known[file] for name, file in FILES.items()} | {"opl3": OPL3}
    folders = [args.soundfonts] if args.soundfonts else []
    for name, (font, room, chain, programs) in LEFT_OUT.items():
        folder = args.out / name
        folder.mkdir(parents=True, exist_ok=True)
        songs = songs_of(args.corpus, programs)
        gain = 0.0
        for part, seconds in (("take", TAKE_S), ("test", TEST_S)):
            notes = one_after_another(songs, seconds)
            sound = Sound(fonts[font], room, Chain(), 0.0)
            if not gain:
                plain = render(notes, sound, RATE, np.random.default_rng(0), folders)
                gain = 20 * np.log10(PEAK / np.abs(plain).max())
            sound = Sound(fonts[font], room, chain, gain)
            audio = render(notes, sound, RATE, np.random.default_rng(1), folders)
            soundfile.write(folder / f"{part}.wav", audio, RATE, subtype="PCM_16")
            write_midi(notes, folder / f"{part}.mid")
        print(f"{name}: {programs}, gain {gain:.1f} dB")


def adapt_all(args: argparse.Namespace) -> None:
    """Makes a bundle of every folder that has a take, by the command line."""
    for folder in sorted(path.parent for path in args.folder.glob("*/take.wav")):
        for added in args.added_steps:
            out = folder / f"bundle-{added}"
            if out.exists():
                continue
            command = [sys.executable, "-m", "mt3synth", "adapt", "--name", "new", "-o", str(out)]
            command += ["--audio", str(folder / "take.wav")]
            if (folder / "take.mid").exists():
                command += ["--midi", str(folder / "take.mid")]
            # Renderings without steps are compared, in which the denoiser has no part.
            command += ["--added-steps", str(added), "--no-denoiser"] if added else []
            command += ["--steps", str(args.steps)] if args.steps else []
            began = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            print(f"{folder.name}, {added} steps: status {done.returncode}")
            print(f"  {time.perf_counter() - began:.0f} s; {(done.stdout + done.stderr)[-600:]}")
            sys.stdout.flush()


class Ruler:
    """Measures how far a rendering is from a recording of the same notes."""

    def __init__(self, real: np.ndarray, mel: MelSpec, shrinkage: Shrinkage) -> None:
        self._mel, self._shrinkage = mel, shrinkage
        self._embeddings = {"mel": embedding("log-mel"), "fad": embedding("musicnn")}
        self._frames = log_mel(real, mel)
        self._real = {name: self._fit(name, real) for name in self._embeddings}

    def _fit(self, name: str, audio: np.ndarray) -> Fit:
        network = self._embeddings[name]
        assert network.sample_rate == self._mel.sample_rate  # 16 kHz, both
        return fit(Gaussian.of(network(audio)), self._shrinkage)

    def __call__(self, audio: np.ndarray) -> dict[str, float]:
        """Measures log-mel L1 in nats, and the two Frechet distances."""
        frames = log_mel(audio, self._mel)
        count = min(len(frames), len(self._frames))
        found = {"l1": log_mel_l1(frames[:count], self._frames[:count])}
        length = count * self._mel.hop
        for name, real in self._real.items():
            found[name] = distance_between(self._fit(name, audio[:length]), real).value
        return found


def measure_all(args: argparse.Namespace) -> None:
    """Measures every bundle of every folder, and prints a table."""
    default = mt3synth.load()
    known = [p.name for p in default.performances]
    print("| recording | performance | log-mel L1, nats | mel statistics | Group-FAD |")
    print("|---|---|---|---|---|")
    rows = {}
    for folder in sorted(path.parent for path in args.folder.glob("*/test.wav")):
        mel = default.spec.mel
        ruler = Ruler(read_audio(folder / "test.wav", mel.sample_rate), mel, "ledoit-wolf")
        notes = read_midi(folder / "test.mid")[0]
        options = {"steps": args.steps, "fold": True}

        def measure(model: Model, name: str) -> dict[str, float]:
            # Not turned down nor up: the level is a part of the sound.
            song = model.render(notes, name, **options)  # noqa: B023
            return ruler(song.audio / song.gain)  # noqa: B023

        found = {name: measure(default, name) for name in known}
        for bundle in sorted(folder.glob("bundle-*")):
            found[bundle.name] = measure(mt3synth.load(bundle), "new")
        rows[folder.name] = found
        # The nearest trained one by each measure by itself, which is the hardest to beat.
        for measure_name in ("l1", "mel", "fad"):
            found[f"nearest by {measure_name}"] = min(
                (found[name] for name in known), key=lambda each: each[measure_name]
            )
        for name, each in found.items():
            if name not in known:
                figures = f"{each['l1']:.3f} | {each['mel']:.2f} | {each['fad']:.2f}"
                print(f"| {folder.name} | {name} | {figures} |")
        sys.stdout.flush()
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    rendering = commands.add_parser("render")
    rendering.add_argument("--corpus", type=Path, required=True)
    rendering.add_argument("--soundfonts", type=Path)
    rendering.add_argument("--out", type=Path, required=True)
    rendering.set_defaults(main=render_all)
    adapting = commands.add_parser("adapt")
    adapting.add_argument("folder", type=Path)
    adapting.add_argument("--added-steps", type=int, nargs="+", default=[0, 600])
    adapting.add_argument("--steps", type=int)
    adapting.set_defaults(main=adapt_all)
    measuring = commands.add_parser("measure")
    measuring.add_argument("folder", type=Path)
    measuring.add_argument("--steps", type=int)
    measuring.add_argument("--json", type=Path)
    measuring.set_defaults(main=measure_all)
    args = parser.parse_args()
    args.main(args)


if __name__ == "__main__":
    main()
