"""Renders what an arm of `backbones.py` has learned, and judges it.

Openings of the corpus' test split, of every performance, are rendered without guidance in several
numbers of steps, 0 being the sketch alone where there is one; a step is one evaluation a window.
Each number gives a line in --out: distance of its log-mel frames from the real ones, notes found
again by transcribers, Frechet distance of all of it from the real sound. Lines that are there are
not made again. What is to be compared with, the real sound and the real frames through the vocoder,
is judged once and kept beside.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sampling import Recorded, read_recorded

from mt3synth import bundle as bundles
from mt3synth.audio.files import fit_peak
from mt3synth.audio.log_mel_distance import log_mel_l1
from mt3synth.audio.mel import MELGAN, MelSpec
from mt3synth.diffusion.guidance import Guidance
from mt3synth.evaluation.embeddings.gaussian import Gaussian
from mt3synth.evaluation.embeddings.log_mel import LogMelStatistics
from mt3synth.evaluation.metrics.frechet import frechet_distance
from mt3synth.evaluation.metrics.note_counts import count_notes
from mt3synth.synthesis import Synthesizer
from mt3synth.synthesis.options import SamplingOptions, sampling_config
from mt3synth.transcription.loading import load_transcriber
from mt3synth.types import FloatND
from mt3synth.vocoder.neural import NeuralVocoder

REFERENCE = "reference.jsonl"
REAL, VOCODED = "real", "vocoded"
START_TIME = 0.8
"""Where sampling begins with a prior: later, a sketch of few minutes would be left as it is."""


class Jury:
    """Judges sound by transcribers and by its Frechet distance from the real sound.

    Args:
      recorded: what was rendered.
      audio: the real sound of each.
      spec: of the frames.
    """

    def __init__(self, recorded: Sequence[Recorded], spec: MelSpec) -> None:
        self._recorded, self._spec = recorded, spec
        self._loaded: dict[str, Any] = {}
        self._embed = LogMelStatistics()
        assert self._embed.sample_rate == spec.sample_rate  # of every arm so far

    def judge(self, sounds: Sequence[FloatND], judges: Sequence[str]) -> dict[str, Any]:
        """Counts notes, each transcriber a list of (matched, reference, estimated)."""
        heard = [fit_peak(sound)[0] for sound in sounds]
        found = {}
        for name in judges:
            if name not in self._loaded:
                self._loaded[name] = load_transcriber(name)
            transcribe = self._loaded[name]
            counts = [
                count_notes(song.notes, transcribe(sound, self._spec.sample_rate))
                for song, sound in zip(self._recorded, heard)
            ]
            found[name] = [[c.matched, c.reference, c.estimated] for c in counts]
        return found

    def embed(self, sounds: Sequence[FloatND]) -> Gaussian:
        """Embeds all of it."""
        gaussian = Gaussian(self._embed.dimension)
        for sound in sounds:
            gaussian.add(self._embed(fit_peak(sound)[0]))
        return gaussian


def main(argv: Sequence[str] | None = None) -> int:
    """Measures what is not measured yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("bundle", type=Path, help="folder of a bundle with a vocoder")
    add("--corpus", type=Path, required=True)
    add("--out", type=Path, required=True)
    add("--each", type=int, default=1)
    add("--seconds", type=float, default=10)
    add("--steps", type=int, nargs="+", default=[1, 4, 8, 50])
    add("--judges", nargs="*", default=[])
    add("--strict", nargs="*", default=[])
    add("--heard", type=int, nargs="*", default=[])
    options = parser.parse_args(argv)
    model = bundles.load(options.bundle)
    recorded = read_recorded(options.corpus, model, options.each, options.seconds, "test")
    jury = Jury(recorded, model.spec.mel)
    if model.vocoder is None:
        raise SystemExit(f"{options.bundle} has no vocoder")
    vocoder = NeuralVocoder.of(model.vocoder)
    # One file for all arms of the study: it is the same for each.
    reference = options.out.parents[2] / REFERENCE
    real = [song.audio for song in recorded]
    judges = [*options.judges, *options.strict]
    if REAL not in _done(reference, "what"):
        _append(reference, {"what": REAL, "notes": jury.judge(real, judges)})
    if VOCODED not in _done(reference, "what"):
        sounds = _vocode(vocoder, [song.frames for song in recorded])
        distance = frechet_distance(jury.embed(sounds), jury.embed(real)).value
        row = {"what": VOCODED, "notes": jury.judge(sounds, judges), "fad": distance}
        _append(reference, row)
    synthesizer = Synthesizer(model.spec, model.params)
    prior = model.spec.has_prior
    pictures = {}
    for steps in [*([0] if prior else []), *options.steps]:
        if steps in _done(options.out, "steps"):
            continue
        how: SamplingOptions = {"steps": steps, "guidance": Guidance(1.0, 1.0), "eta": 0.0}
        if prior and steps:
            how["start_time"] = START_TIME
        config = sampling_config(model.spec, how)
        began = time.perf_counter()
        frames = [
            _as_long(synthesizer.mel(song.notes, song.performance, config), song.frames)
            for song in recorded
        ]
        seconds = time.perf_counter() - began
        sounds = _vocode(vocoder, frames)
        heard = [*options.judges, *(options.strict if steps in options.heard else [])]
        row = {
            "steps": steps,
            "log_mel_l1": [log_mel_l1(ours, song.frames) for ours, song in zip(frames, recorded)],
            "notes": jury.judge(sounds, heard),
            "fad": frechet_distance(jury.embed(sounds), jury.embed(real)).value,
            "seconds": seconds,
        }
        pictures[f"steps_{steps}"] = frames[0]
        picture = options.out.with_name("excerpt.npz")
        kept = dict(np.load(picture)) if picture.exists() else {"real": recorded[0].frames}
        np.savez_compressed(picture, **{**kept, **pictures})
        # Last: a line says that all of it is there.
        _append(options.out, row)
        print(f"{options.bundle}: {steps} steps, log-mel L1 {np.mean(row['log_mel_l1']):.3f}")
    return 0


def _as_long(ours: FloatND, real: FloatND) -> FloatND:
    """Cuts frames at the end of the real ones, or adds silence up to there."""
    missing = max(0, len(real) - len(ours))
    return np.pad(ours[: len(real)], ((0, missing), (0, 0)), constant_values=MELGAN.scale_low)


def _vocode(vocoder: NeuralVocoder, frames: Sequence[FloatND]) -> list[FloatND]:
    return [vocoder(mel) for mel in frames]


def _done(path: Path, key: str) -> set[Any]:
    from backbones import read_rows

    return {row[key] for row in read_rows(path)}


def _append(path: Path, row: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
