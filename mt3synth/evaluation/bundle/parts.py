"""The parts of a report on a bundle: each renders, measures, and returns figures for JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.audio.files import fit_peak, write_audio
from mt3synth.evaluation.bundle.excerpts import Excerpt, Recordings
from mt3synth.evaluation.bundle.renderers import Workbench, song_seconds
from mt3synth.evaluation.metrics.bootstrap import bootstrap_interval
from mt3synth.evaluation.metrics.dynamics import LOUD, SOFT, level_difference
from mt3synth.evaluation.metrics.notes import NoteCounts, count_notes, pooled
from mt3synth.evaluation.metrics.performance_classifier import PerformanceClassifier, Recognition
from mt3synth.reporting.mel_pictures import draw_mels
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription.transcriber import Transcriber
from mt3synth.types import FloatND

Figures = dict[str, Any]
Say = Callable[[str], Any]
KINDS = ("ours", "vocoded", "real")


def transcription(
    bench: Workbench,
    transcriber: Transcriber,
    excerpts: Sequence[Excerpt],
    performance: int,
    say: Say,
) -> Figures:
    """Note-onset F1 of our rendering, of the real one, and of the real one's vocoded mel."""
    rows = []
    for excerpt in excerpts:
        row = _note_counts(bench, transcriber, excerpt.notes, performance)
        rows.append(row)
        say(f"{excerpt.name}: note F1 " + ", ".join(f"{k} {row[k].f1:.3f}" for k in KINDS))

    def f1(kind: str) -> Callable[[Sequence[dict[str, NoteCounts]]], float]:
        return lambda chosen: pooled(row[kind] for row in chosen).f1

    def ratio(chosen: Sequence[dict[str, NoteCounts]]) -> float:
        ceiling = f1("vocoded")(chosen)
        return f1("ours")(chosen) / ceiling if ceiling else float("nan")

    figures: Figures = {"performance": bench.names[performance], "excerpts": len(rows)}
    for kind in KINDS:
        figures[kind] = {
            **_of_counts(pooled(row[kind] for row in rows)),
            "interval": bootstrap_interval(rows, f1(kind), bench.seed),
        }
    figures["ours_over_vocoded"] = {
        "ratio": ratio(rows),
        "interval": bootstrap_interval(rows, ratio, bench.seed),
    }
    figures["by_excerpt"] = [
        {"name": e.name, **{kind: _of_counts(row[kind]) for kind in KINDS}}
        for e, row in zip(excerpts, rows)
    ]
    return figures


def recognition(
    bench: Workbench,
    training: Recordings,
    testing: Recordings,
    excerpts: Sequence[Excerpt],
    say: Say,
) -> Figures:
    """Whether the target performance of a rendering is recognised.

    Every excerpt is rendered in every performance, so that the notes give nothing away.
    """
    count = len(bench.names)
    classifier = PerformanceClassifier(training.mels, training.performances, count)
    targets = [p for _ in excerpts for p in range(count)]
    ours: list[FloatND] = []
    real: list[FloatND] = []
    for excerpt in excerpts:
        for performance in range(count):
            ours.append(bench.model_mel(excerpt.notes, performance))
            real.append(bench.mel_of(bench.real_audio(excerpt.notes, performance)))
        guessed = classifier.recognise(ours[-count:])
        say(f"{excerpt.name}: {np.sum(guessed == np.arange(count))} of {count} targets recognised")
    outcomes = {
        "ours": classifier.test(ours, targets),
        "real": classifier.test(real, targets),
        "real_recordings": classifier.test(testing.mels, testing.performances),
    }
    return {
        "performances": list(bench.names),
        "excerpts": [e.name for e in excerpts],
        "trained_on": len(training.mels),
        "chance": 1 / count,
        **{name: _of_recognition(outcome, bench.seed) for name, outcome in outcomes.items()},
    }


def levels(bench: Workbench, excerpts: Sequence[Excerpt], performance: int, say: Say) -> Figures:
    """How much louder velocity 110 is than velocity 30, ours and really."""
    rows = []
    for excerpt in excerpts:
        ours = level_difference(
            lambda notes: bench.vocoder(bench.model_mel(notes, performance)), excerpt.notes
        )
        real = level_difference(lambda notes: bench.real_audio(notes, performance), excerpt.notes)
        rows.append({"name": excerpt.name, "ours_db": ours, "real_db": real})
        say(f"{excerpt.name}: velocity {SOFT} to {LOUD}, ours {ours:.1f} dB, real {real:.1f} dB")
    ours_mean, real_mean = (float(np.mean([r[k] for r in rows])) for k in ("ours_db", "real_db"))
    return {
        "performance": bench.names[performance],
        "velocities": [SOFT, LOUD],
        "ours_db": ours_mean,
        "real_db": real_mean,
        "ratio": ours_mean / real_mean,
        "by_excerpt": rows,
    }


def song(
    bench: Workbench,
    notes: Notes,
    title: str,
    performances: Sequence[int],
    pictures: Path,
    audio: Path | None,
    say: Say,
) -> Figures:
    """A whole song in some performances: a picture of each, and its audio if a folder is given."""
    seconds = song_seconds(notes, tail=1.5)
    figures: Figures = {"title": title, "seconds": seconds, "renderings": []}
    for performance in performances:
        name = bench.names[performance]
        made = bench.model(notes, performance, seconds)
        real = bench.real(notes, performance, seconds)
        started = time.perf_counter()
        ours = bench.vocoder(made.log_mel)
        vocoder_seconds = time.perf_counter() - started
        picture = pictures / f"{title.split('.')[0]}_{name.replace('-', '_')}.png"
        draw_mels(
            {"real rendering": bench.mel_of(real), "ours": made.log_mel},
            bench.mel,
            picture,
            f"{title}, performance {name}",
        )
        if audio is not None:
            audio.mkdir(parents=True, exist_ok=True)
            sounds = {"ours": ours, "vocoded": bench.vocoder(bench.mel_of(real)), "real": real}
            for kind, sound in sounds.items():
                fitted, _ = fit_peak(sound)
                path = audio / f"{picture.stem}_{kind}.flac"
                write_audio(path, fitted, bench.mel.sample_rate, {})
        figures["renderings"].append(
            {
                "performance": name,
                "picture": picture.name,
                "model_seconds": made.seconds,
                "vocoder_seconds": vocoder_seconds,
                "seconds_per_second": (made.seconds + vocoder_seconds) / seconds,
            }
        )
        say(f"{title} in {name}: {made.seconds:.0f} s of wall time for {seconds:.0f} s of music")
    return figures


def speed(bench: Workbench, excerpts: Sequence[Excerpt], performance: int) -> Figures:
    """Wall time of excerpts; the median leaves compilation out."""
    taken = [bench.model(e.notes, performance, bench.seconds).seconds for e in excerpts]
    return {
        "excerpt_seconds": bench.seconds,
        "median_wall_seconds": float(np.median(taken)),
        "seconds_per_second": float(np.median(taken)) / bench.seconds,
    }


def _note_counts(
    bench: Workbench, transcriber: Transcriber, notes: Notes, performance: int
) -> dict[str, NoteCounts]:
    real = bench.real_audio(notes, performance)
    sounds = {
        "ours": bench.vocoder(bench.model_mel(notes, performance)),
        "vocoded": bench.vocoder(bench.mel_of(real)),
        "real": real,
    }
    rate = bench.mel.sample_rate
    return {kind: count_notes(notes, transcriber(sounds[kind], rate)) for kind in KINDS}


def _of_counts(counts: NoteCounts) -> Figures:
    return {
        "f1": counts.f1,
        "precision": counts.precision,
        "recall": counts.recall,
        "matched": counts.matched,
        "reference": counts.reference,
        "estimated": counts.estimated,
    }


def _of_recognition(outcome: Recognition, seed: int) -> Figures:
    hits = [True] * outcome.correct + [False] * (outcome.total - outcome.correct)
    return {
        "accuracy": outcome.accuracy,
        "interval": bootstrap_interval(hits, lambda chosen: float(np.mean(chosen)), seed),
        "correct": outcome.correct,
        "total": outcome.total,
        "confusion": outcome.confusion.tolist(),
    }
