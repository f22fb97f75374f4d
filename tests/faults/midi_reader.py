"""Broken MIDI files, read as far as a renderer does before its network runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from random import Random

import numpy as np
from midi_mutations import break_midi
from readers import ROOT, Case

from mt3synth import bundle
from mt3synth.score import Score, Span, read_score
from mt3synth.synthesis.conditions import ScoreWindows
from mt3synth.synthesis.parts import split_parts

_SHORT_S = 20.0  # of songs whose sound is treated here, which takes time by its length
_TREATED = 3  # groups of notes, likewise


class MidiReader:
    """Reads MIDI files for the default model, and for one that hears curves of level and pitch."""

    def __init__(self, folder: Path) -> None:
        folders = ("tests/symbolic/real_inputs", "tests/goldens", "docs/examples")
        paths = [p for f in folders for p in sorted((ROOT / f).iterdir())]
        self._seeds = [p.read_bytes() for p in paths if p.suffix in (".mid", ".rmi")]
        plain = bundle.load().spec
        prior = dataclasses.replace(plain.network.prior, curves=True)
        curved = dataclasses.replace(plain.network, prior=prior)
        self._specs = (plain, dataclasses.replace(plain, network=curved))

    def break_one(self, folder: Path, rng: Random) -> Case:
        """Breaks one of the seeds."""
        path = folder / "broken.mid"
        path.write_bytes(break_midi(rng.choice(self._seeds), rng))
        spec, stereo = self._specs[rng.random() < 0.25], rng.random() < 0.5
        options: dict = {"fold": rng.random() < 0.2}
        if rng.random() < 0.1:
            options |= {"tempo": rng.choice((0.25, 0.9, 4.0)), "transpose": rng.choice((-127, 5))}
        span = Span() if rng.random() < 0.8 else Span(rng.choice((0, 0.01, 5, 1e4)))

        def read() -> None:
            score = read_score(path, span, spec, **options)
            _prepare(score, ScoreWindows(score.notes, spec), spec, stereo)

        return read

    def command(self, folder: Path) -> list[str]:
        """Renders five seconds of it."""
        output = str(folder / "x.wav")
        return [
            "synthesize",
            str(folder / "broken.mid"),
            "--end",
            "5",
            "--steps",
            "0",
            "-o",
            output,
        ]


def _prepare(score: Score, windows: ScoreWindows, spec, stereo: bool) -> None:
    """Makes what the network is told of a few windows, and treats a sound as a renderer does."""
    frames = int(score.notes.end_time * spec.mel.frame_rate)
    busiest = int(np.median(score.notes.start) * spec.mel.frame_rate)
    conditions = windows.conditions((-64, busiest, max(frames - 100, 0)), 3, 0)
    assert np.isfinite(np.asarray(conditions.notes)).all()
    split_parts(score.notes, spec.roll.groups, score.channel)
    for group in score.groups(np.arange(len(score.notes)), stereo)[:_TREATED]:
        laid = group.treatment.lay_out(group.notes)
        if laid.end_time < _SHORT_S:
            sound = np.ones(int(laid.end_time * spec.mel.sample_rate), np.float32)
            treated = group.treatment.apply(sound, spec.mel.sample_rate, stereo)
            assert np.isfinite(treated).all()
    # They are shown, one a line.
    assert all(line.isprintable() for line in score.reports)
