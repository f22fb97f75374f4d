"""Walks the way of docs/own_recordings.md with a folder of real recordings, and measures it.

    python tests/benchmarks/own_recordings.py RECORDINGS --out FOLDER --minutes 9

RECORDINGS has audio files of any format; beside each there may be its score under the same name
(.mid). Scores are aligned and checked, recordings without one are transcribed. The last
``--held`` seconds of each recording are held out. The default bundle renders their notes before
fine-tuning, the fine-tuned one after it; `mt3synth evaluate` measures both beside the recordings.
Recordings with a licence for each: librosa's example audio (https://github.com/librosa/data),
synctoolbox's ``data_music``. Needs what the document needs.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import soundfile

from mt3synth import load
from mt3synth.audio.files import read_audio
from mt3synth.symbolic.midi import read_midi, write_midi

AUDIO = {".wav", ".flac", ".ogg", ".mp3", ".m4a", ".aiff"}
MINE, KNOWN, RATE = "mine", "studio", 16000


def call(*arguments: object, allowed: Sequence[int] = (0, 3)) -> str:
    """Calls ``mt3synth`` and returns what it printed; stops at any status but those allowed."""
    command = [sys.executable, "-m", "mt3synth", *map(str, arguments)]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    print(f"[{seconds:6.0f} s, status {done.returncode}] mt3synth {' '.join(command[3:])}")
    if done.returncode not in allowed:
        raise SystemExit(done.stderr[-2000:])
    sys.stdout.flush()
    return done.stdout


def write_table(path: Path, columns: str, rows: Sequence[Sequence[object]]) -> Path:
    """Writes a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns.split(","), *rows])
    return path


def find_notes(recordings: Path, out: Path) -> list[tuple[Path, Path]]:
    """Aligns or transcribes every recording; lists audio and MIDI files that were not refused."""
    files = sorted(p for p in recordings.iterdir() if p.suffix.lower() in AUDIO)
    scored = [p for p in files if p.with_suffix(".mid").exists()]
    found = []
    if scored:
        rows = [(p.resolve(), p.with_suffix(".mid").resolve(), MINE) for p in scored]
        pairs = write_table(out / "scored.csv", "audio,midi,performance", rows)
        how = ("--structure", "auto", "--out", out / "aligned")
        print(call("prepare", "align", "--manifest", pairs, *how))
        aligned = out / "aligned/manifest.csv"
        print(call("prepare", "check", "--manifest", aligned))
        found += read_table(aligned)
    others = [p for p in files if p not in scored]
    if others:
        how = ("--out", out / "transcribed", "--performance", MINE)
        print(call("prepare", "transcribe", *others, *how))
        found += read_table(out / "transcribed/manifest.csv")
    return found


def read_table(path: Path) -> list[tuple[Path, Path]]:
    """Reads the files that a manifest lists."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        ((path.parent / r["audio"]).resolve(), (path.parent / r["midi"]).resolve()) for r in rows
    ]


def hold_out(pairs: Sequence[tuple[Path, Path]], out: Path, held: float) -> Path:
    """Cuts off what is held out, with its notes; writes the table of what is trained on."""
    rows = []
    for audio, midi in pairs:
        sound = read_audio(audio, RATE)
        seconds = len(sound) / RATE
        cut = max(seconds - held, 0.6 * seconds)
        rows.append((audio, midi, MINE, f"{cut:.2f}"))
        notes = read_midi(midi)[0]
        notes = notes.select(notes.start >= cut).cropped(cut, seconds)
        if not len(notes):
            continue
        for folder in ("real", "notes"):
            (out / folder / MINE).mkdir(parents=True, exist_ok=True)
        soundfile.write(out / "real" / MINE / f"{audio.stem}.wav", sound[round(cut * RATE) :], RATE)
        write_midi(notes, out / "notes" / MINE / f"{audio.stem}.mid")
        (out / "heard" / MINE).mkdir(parents=True, exist_ok=True)
        heard = out / "heard" / MINE / f"{audio.stem}-start.wav"
        soundfile.write(heard, sound[: round(cut * RATE)], RATE)
    return write_table(out / "train.csv", "audio,midi,performance,end", rows)


def measure(out: Path, name: str, bundle: Path | None, performance: str, steps: int) -> None:
    """Renders what is held out by a bundle, and lets `mt3synth evaluate` measure it."""
    model = load(bundle)
    (out / name).mkdir(exist_ok=True)
    rows = []
    for midi in sorted((out / "notes" / MINE).glob("*.mid")):
        audio = out / name / f"{midi.stem}.wav"
        model.render(midi, performance, steps=steps, fold=True).write(audio)
        rows.append((audio.name, MINE, midi))
    table = write_table(out / f"{name}.csv", "audio,performance,midi", rows)
    report = out / f"report_{name}"
    shutil.rmtree(report, ignore_errors=True)
    where = ("--generated", out / name, "--reference", out / "heard", "--real", out / "real")
    call("evaluate", *where, "--performances", table, "--out", report)
    print(f"\n{name}\n{(report / 'tables.md').read_text()}")


def main() -> None:
    """Prints every command with its time, and the main figures before and after."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=9.0, help="of fine-tuning")
    parser.add_argument(
        "--held", type=float, default=10.0, help="seconds of each that are held out"
    )
    parser.add_argument("--steps", type=int, default=25, help="of sampling")
    args = parser.parse_args()
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    pairs = find_notes(args.recordings, out)
    table = hold_out(pairs, out, args.held)
    print(f"{len(pairs)} recordings")
    call("prepare", "pairs", "--manifest", table, "--out", out / "data", "--format", "numpy")
    measure(out, "before", None, KNOWN, args.steps)
    run, budget = out / "run", ("--budget-minutes", args.minutes)
    call("train", "--data", out / "data", "--run", run, "--init-from", "default", *budget)
    call("export", "--run", run, "-o", out / "bundle", "--best")
    measure(out, "after", out / "bundle", MINE, args.steps)


if __name__ == "__main__":
    main()
