"""Walks the way of docs/own_recordings.md with a folder of real recordings, and measures it.

    python tests/benchmarks/own_recordings.py RECORDINGS --out FOLDER --minutes 9

RECORDINGS has audio files of any format; beside each there may be its score under the same name
(.mid). Scores are aligned and checked, recordings without one are transcribed. The last
``--held`` seconds of the music of each recording are held out. The default bundle renders their
notes before fine-tuning, the fine-tuned one after it; `mt3synth evaluate` measures both beside the
recordings. Recordings: librosa's example audio, which has a licence for each
(https://github.com/librosa/data), and synctoolbox's ``data_music``. Needs what the document needs.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import soundfile

from mt3synth import load
from mt3synth.audio.files import read_audio
from mt3synth.symbolic.midi import read_midi, write_midi

AUDIO = {".wav", ".flac", ".ogg", ".mp3", ".m4a", ".aiff"}
MINE, KNOWN, RATE = "mine", "studio", 16000
WHEN = ("before", "after")
RING_S, FEWEST = 1.0, 8  # heard after the last note; notes without which nothing is held out


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
    rows: list[tuple[object, ...]] = []
    for folder in ("real", "notes", "heard"):
        (out / folder / MINE).mkdir(parents=True, exist_ok=True)
    for audio, midi in pairs:
        sound, notes = read_audio(audio, RATE), read_midi(midi)[0]
        # Applause or silence after the music has no notes that could be rendered.
        seconds = min(len(sound) / RATE, notes.end_time + RING_S)
        cut = max(seconds - held, 0.6 * seconds)
        part = notes.select(notes.start >= cut).cropped(cut, seconds)
        if len(part) < FEWEST:
            print(f"{audio.name}: {len(part)} notes from {cut:.1f} s on; all of it is trained on")
            rows.append((audio, midi, MINE, ""))
            soundfile.write(out / "heard" / MINE / f"{audio.stem}.wav", sound, RATE)
            continue
        rows.append((audio, midi, MINE, f"{cut:.2f}"))
        first, last = round(cut * RATE), round(seconds * RATE)
        soundfile.write(out / "real" / MINE / f"{audio.stem}.wav", sound[first:last], RATE)
        soundfile.write(out / "heard" / MINE / f"{audio.stem}-start.wav", sound[:first], RATE)
        write_midi(part, out / "notes" / MINE / f"{audio.stem}.mid")
    return write_table(out / "train.csv", "audio,midi,performance,end", rows)


def measure(out: Path, name: str, bundle: Path | None, performance: str, steps: int) -> None:
    """Renders what is held out by a bundle, lets `mt3synth evaluate` measure it, and prints it."""
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


def summarise(out: Path) -> None:
    """Prints the main figures before and after, in brackets those of the recordings themselves."""
    reports = [json.loads((out / f"report_{name}/report.json").read_text()) for name in WHEN]
    by = next(iter(reports[0]["notes"]))
    for what, path in {
        "All-FAD": ("fad", "all_fad", "{}", "value"),
        "log-mel L1 at real level, nats": ("audio_distance", "{}", "log_mel_l1", "value"),
        f"note F1, {by}": ("notes", by, "scores", "note", "{}", "f1"),
        "loudness, LUFS": ("loudness", "{}", "value"),
    }.items():
        kind = "matched" if "real level" in what else "generated"
        values = [look_up(report, path, kind) for report in reports]
        real = look_up(reports[0], path, "real")
        print(f"{what}: " + " to ".join(values) + (f" ({real})" if real else ""))


def look_up(report: dict[str, Any], path: Sequence[str], kind: str) -> str:
    """Finds a figure of a kind of audio in a report; empty if it has none."""
    value: Any = report
    for name in path:
        value = value.get(name.format(kind)) if value else None
    return "" if value is None else f"{value:.3f}"


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
    measure(out, WHEN[0], None, KNOWN, args.steps)
    run, budget = out / "run", ("--budget-minutes", args.minutes)
    call("train", "--data", out / "data", "--run", run, "--init-from", "default", *budget)
    call("export", "--run", run, "-o", out / "bundle", "--best")
    measure(out, WHEN[1], out / "bundle", MINE, args.steps)
    summarise(out)


if __name__ == "__main__":
    main()
