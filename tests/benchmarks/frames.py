"""Measures what frames leave of music: ``python tests/benchmarks/frames.py --corpus DIR --out F``.

Every front end of `frames_front_ends.py` takes excerpts to frames and back, all by the same
inversion, and transcribers say how many notes are left: a ceiling for whatever renders such frames
through an inversion like that. Beside it: values a second, the arithmetic of one evaluation of the
default network for a second of music, and distances of the inversion. What is measured is kept in
F, a line of JSON each, so that a run that was stopped goes on, and grows with --excerpts. --table
alone prints what there is as Markdown.

    taskset -c 1 nice python tests/benchmarks/frames.py --corpus data/corpus --out frames.jsonl
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from frames_excerpts import RATE, Excerpt, excerpts
from frames_front_ends import FRONT_ENDS, FrontEnd

from mt3synth.audio.log_mel_distance import log_mel_l1
from mt3synth.audio.mel import MELGAN, log_mel
from mt3synth.evaluation.metrics.audio_distance import multi_resolution_stft
from mt3synth.evaluation.metrics.ensembles import ENSEMBLES
from mt3synth.evaluation.metrics.note_counts import NoteCounts, count_notes, pooled
from mt3synth.transcription.loading import JUDGES, load_transcriber
from mt3synth.types import FloatND

ORIGINAL = "original"
Row = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Measures what is missing in the file, then prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--corpus", type=Path, help="folder of `mt3synth prepare corpus` with quartets to test on")
    add("--out", type=Path, required=True, help="file of what is measured, a line each")
    add("--excerpts", type=int, default=8, help="four of each score (8)")
    add("--seconds", type=float, default=8.0, help="of each (8)")
    add("--judges", nargs="+", default=JUDGES, help="transcribers")
    add("--only", nargs="+", metavar="TEXT", help="front ends with one of these in their names")
    add("--table", action="store_true", help="print what there is, and measure nothing")
    options = parser.parse_args(argv)
    if not options.table:
        if options.corpus is None:
            parser.error("--corpus is missing")
        measure(options)
    print(table(list(_read(options.out))))
    return 0


def measure(options: argparse.Namespace) -> None:
    """Adds to the file what is not in it yet, front end by front end."""
    done = {(row["front_end"], row["excerpt"], row["judge"]) for row in _read(options.out)}
    # Loaded when they are first asked, for a run that goes on may ask none.
    load = cache(load_transcriber)
    chosen = list(excerpts(options.corpus, options.excerpts, options.seconds))
    ends: list[FrontEnd | None] = [None]
    for end in FRONT_ENDS:
        if not options.only or any(text in end.name for text in options.only):
            ends.append(end)
    # Four excerpts, one of each ensemble, by all front ends first: the table grows evenly.
    for first in range(0, len(chosen), 4):
        for end in ends:
            name = ORIGINAL if end is None else end.name
            for excerpt in chosen[first : first + 4]:
                missing = [j for j in options.judges if (name, excerpt.name, j) not in done]
                if not missing:
                    continue
                audio, distances = _invert(end, excerpt)
                for judge in missing:
                    counts = count_notes(excerpt.notes, load(judge)(audio, RATE))
                    _append(options.out, name, excerpt, judge, counts, distances)
            print(f"{name}, excerpts {first + 1} to {first + 4}", file=sys.stderr, flush=True)


def _invert(end: FrontEnd | None, excerpt: Excerpt) -> tuple[FloatND, dict[str, float]]:
    """Takes an excerpt to frames and back at 44.1 kHz, and measures how far that is from it."""
    real = excerpt.audio
    if end is None:
        return real, {}
    rate = end.spec.sample_rate
    heard = real if rate == RATE else soxr.resample(real, RATE, rate, quality="VHQ")
    frames = end.frames(heard.astype(np.float32))
    made = end.invert(frames, len(heard))
    again = end.frames(made)[: len(frames)]
    full = made if rate == RATE else soxr.resample(made, rate, RATE, quality="VHQ")
    full = np.pad(full[: len(real)], (0, max(0, len(real) - len(full)))).astype(np.float32)
    low = [soxr.resample(x, RATE, MELGAN.sample_rate).astype(np.float32) for x in (full, real)]
    return full, {
        "own_l1": log_mel_l1(again, frames[: len(again)]),
        "mel_l1": log_mel_l1(*(log_mel(x, MELGAN) for x in low)),
        "stft_16k": multi_resolution_stft(low[0], low[1]),
        "stft_44k": multi_resolution_stft(full, real),
    }


def table(rows: Sequence[Row]) -> str:
    """Writes the study in Markdown: all front ends, then note F1 by ensemble."""
    judges = list(dict.fromkeys(row["judge"] for row in rows))
    by_end: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_end[row["front_end"]].append(row)
    known = {end.name: end for end in FRONT_ENDS}
    head = ["front end", "values a second", "GFLOP a second of music", "excerpts"]
    head += [text for j in judges for text in (f"{j} F1", "of the original's", "precision, recall")]
    head += ["own frames, nats", "log-mel L1", "STFT to 8 kHz", "STFT to 22 kHz"]
    lines = [head, ["---"] * len(head)]
    for name in [ORIGINAL, *known]:
        own = by_end.get(name)
        if not own:
            continue
        end = known.get(name)
        cells = [name, *(["", ""] if end is None else [_values(end), _flops(end)])]
        cells.append(str(len({row["excerpt"] for row in own})))
        for judge in judges:
            cells += _judged(own, by_end[ORIGINAL], judge)
        for distance in ("own_l1", "mel_l1", "stft_16k", "stft_44k"):
            found = {r["excerpt"]: r[distance] for r in own if distance in r}
            cells.append(f"{np.mean(list(found.values())):.3f}" if found else "")
        lines.append(cells)
    parts = [_markdown(lines)]
    for judge in judges:
        head = [f"{judge}: share of the original's note F1", *ENSEMBLES[:4]]
        lines = [head, ["---"] * len(head)]
        for name in known:
            if any(row["judge"] == judge for row in by_end.get(name, ())):
                cells = []
                for ensemble in ENSEMBLES[:4]:
                    of = [r for r in by_end[name] if r["ensemble"] == ensemble]
                    cells.append(_judged(of, by_end[ORIGINAL], judge)[1])
                lines.append([name, *cells])
        parts.append(_markdown(lines))
    return "\n\n".join(parts)


def _judged(own: Sequence[Row], originals: Sequence[Row], judge: str) -> list[str]:
    """Gives F1, its share of the original's over the same excerpts, and precision with recall."""
    mine = {row["excerpt"]: _counts(row) for row in own if row["judge"] == judge}
    real = {row["excerpt"]: _counts(row) for row in originals if row["judge"] == judge}
    both = [name for name in mine if name in real]
    if not both:
        return ["", "", ""]
    found, best = pooled(mine[name] for name in both), pooled(real[name] for name in both)
    shares = f"{found.precision:.2f}, {found.recall:.2f}"
    return [f"{found.f1:.3f}", f"{found.f1 / best.f1:.3f}", shares]


def _counts(row: Row) -> NoteCounts:
    return NoteCounts(row["matched"], row["reference"], row["estimated"])


def _values(end: FrontEnd) -> str:
    return f"{end.bins * end.spec.frame_rate:,.0f}"


def _flops(end: FrontEnd) -> str:
    """Counts the arithmetic of one evaluation of the default network, for a second of music."""
    from frames_cost import evaluation_flops

    return f"{evaluation_flops(end.spec, end.bins) / 1e9:.2f}"


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _read(path: Path) -> Iterator[Row]:
    if path.exists():
        for line in path.read_text().splitlines():
            yield json.loads(line)


def _append(
    path: Path,
    name: str,
    excerpt: Excerpt,
    judge: str,
    counts: NoteCounts,
    distances: dict[str, float],
) -> None:
    row = {"front_end": name, "excerpt": excerpt.name, "ensemble": excerpt.ensemble, "judge": judge}
    with path.open("a") as file:
        file.write(json.dumps(row | vars(counts) | distances) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
