"""Measures what steps of each sampler are worth: ``tests/benchmarks/sampling.py --corpus C``.

Renders the beginnings of the validation split's recordings with every sampler at several numbers
of steps, and prints a Markdown table: evaluations of the network, seconds of audio per second
without the vocoder, and the mean distance of the log-mel frames from the recordings' own and from
those that 1000 deterministic steps of DDIM give from the same noise. Note F1 and FAD of a line of
the table are what ``mt3synth evaluate bundle --split validation`` reports of the same options.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mt3synth import bundle as bundles
from mt3synth.audio.log_mel_distance import log_mel_l1
from mt3synth.audio.mel import log_mel
from mt3synth.evaluation.bundle.excerpts import read_recordings
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.synthesis.options import SamplingOptions, sampling_config
from mt3synth.types import FloatND

# Evaluations alike in each row, so that lines can be compared; Heun's steps are half of them.
EVALUATIONS = (4, 8, 12, 20, 30, 50)
SAMPLERS: dict[str, SamplingOptions] = {
    "ddim, eta 1": {"sampler": "ddim", "eta": 1.0},
    "ddim, eta 0": {"sampler": "ddim", "eta": 0.0},
    "ddim, eta 0, log-snr": {"sampler": "ddim", "eta": 0.0, "spacing": "log-snr"},
    "ddpm": {"sampler": "ddpm"},
    "dpm++2m": {"sampler": "dpm++2m"},
    "dpm++2m, uniform": {"sampler": "dpm++2m", "spacing": "uniform"},
    "heun": {"sampler": "heun"},
}
REFERENCE_STEPS = 1000


@dataclass(frozen=True, eq=False)
class Recorded:
    """The beginning of a recording: its notes, their performance, and its frames."""

    notes: Notes
    performance: int
    frames: FloatND


def read_recorded(corpus: Path, model: bundles.Bundle, each: int, seconds: float) -> list[Recorded]:
    """Reads ``each`` recordings of every performance in the validation split."""
    spec = model.spec.mel
    songs = read_recordings(
        corpus, "validation", spec.sample_rate, seconds, len(model.performances), each, False
    )
    recorded = []
    for song in songs:
        notes = song.notes.cropped(0.0, seconds)
        if len(notes):
            audio = song.audio[: round(seconds * spec.sample_rate)].astype(np.float32) / 32768
            recorded.append(Recorded(notes, song.performance, log_mel(audio, spec)))
    return recorded


def render(
    synthesizer: Synthesizer, songs: list[Recorded], config: SamplingConfig
) -> list[FloatND]:
    """Renders each recording's notes, as many frames as it has."""
    made = [synthesizer.mel(song.notes, song.performance, config) for song in songs]
    return [mel[: len(song.frames)] for mel, song in zip(made, songs)]


def mean_distance(ours: list[FloatND], theirs: list[FloatND]) -> float:
    """The mean of `log_mel_l1`; renderings that end sooner are compared as far as they go."""
    return float(np.mean([log_mel_l1(a, b[: len(a)]) for a, b in zip(ours, theirs)]))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=bundles.DEFAULT)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--each", type=int, default=2, help="recordings of a performance (2)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each recording (10)")
    parser.add_argument("--start-time", type=float, help="of the steps (the model's)")
    parser.add_argument("--evaluations", type=int, nargs="+", default=EVALUATIONS, metavar="N")
    args = parser.parse_args()
    model = bundles.load(args.bundle)
    synthesizer = Synthesizer(model.spec, model.params)
    songs = read_recorded(args.corpus, model, args.each, args.seconds)
    if not songs:
        raise SystemExit(
            f"{args.corpus}: no recordings of {args.seconds} s in its validation split"
        )
    real = [song.frames for song in songs]
    base: SamplingOptions = {"tail": 2.5, "start_time": args.start_time}
    finest: SamplingOptions = {"sampler": "ddim", "eta": 0.0, "steps": REFERENCE_STEPS}
    reference = render(synthesizer, songs, sampling_config(model.spec, {**base, **finest}))
    length = sum(map(len, real)) / model.spec.mel.frame_rate
    print("| sampler | steps | evaluations | s of audio per s | from the real | from 1000 steps |")
    print("|---|---|---|---|---|---|")
    for name, options in SAMPLERS.items():
        for evaluations in args.evaluations:
            heun = options["sampler"] == "heun"
            steps = (evaluations + 1) // 2 if heun else evaluations
            config = sampling_config(model.spec, {**base, **options, "steps": steps})
            began = time.perf_counter()
            made = render(synthesizer, songs, config)
            rate = length / (time.perf_counter() - began)
            print(
                f"| {name} | {steps} | {2 * steps - 1 if heun else steps} | {rate:.1f} "
                f"| {mean_distance(made, real):.3f} | {mean_distance(made, reference):.3f} |",
                flush=True,
            )
    print(f"\n1000 steps from the real: {mean_distance(reference, real):.3f}")


if __name__ == "__main__":
    main()
