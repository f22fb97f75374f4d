"""Measures what steps of each sampler are worth: ``tests/benchmarks/sampling.py --corpus C``.

Renders the beginnings of the validation split's recordings with every sampler at several numbers
of steps, and prints a Markdown table: evaluations of the network, CPU seconds for a second of audio
without the vocoder, the mean distance of the log-mel frames from the recordings' own and from
those that 1000 deterministic steps of DDIM give from the same noise, and the Frechet distance of
the vocoded frames from the recordings by log-mel statistics; with ``--judges`` also the F1 of the
notes that transcribers hear.

What is measured is kept in the file ``--out``, a line of JSON each, and the frames of the finest
beside it, so that a run that was stopped goes on; of a line that is there already only an F1 that
is missing is measured. ``--picture`` draws all of them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from mt3synth import bundle as bundles
from mt3synth.audio.log_mel_distance import log_mel_l1
from mt3synth.audio.mel import log_mel
from mt3synth.evaluation.bundle.excerpts import read_recordings
from mt3synth.evaluation.embeddings.gaussian import Gaussian
from mt3synth.evaluation.embeddings.log_mel import LogMelStatistics
from mt3synth.evaluation.metrics.frechet import frechet_distance
from mt3synth.evaluation.metrics.note_counts import count_notes, pooled
from mt3synth.model import load
from mt3synth.reporting.mel_pictures import png_of_few_colours
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.synthesis.options import SamplingOptions, sampling_config
from mt3synth.transcription.loading import load_transcriber
from mt3synth.transcription.transcriber import Transcriber
from mt3synth.types import FloatND
from mt3synth.vocoder.protocol import Vocoder, vocode_song

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
PRIOR = "the prior alone"


@dataclass(frozen=True)
class Row:
    """A line of the table; ``f1`` has that of each judge who has listened."""

    sampler: str
    steps: int
    evaluations: int
    cpu: float
    from_real: float
    from_finest: float
    fad: float
    f1: dict[str, float]

    def cells(self, judges: Sequence[str]) -> list[str]:
        """Writes what the table shows of it."""
        counts = self.sampler, f"{self.steps}", f"{self.evaluations}", f"{self.cpu:.3f}"
        distances = [f"{value:.3f}" for value in (self.from_real, self.from_finest, self.fad)]
        heard = [f"{self.f1[name]:.3f}" if name in self.f1 else "" for name in judges]
        return [*counts, *distances, *heard]


class Ears:
    """Hears what is made of frames.

    Args:
      vocoder: makes sound.
      judges: hear notes.
      songs: what was to be played.
    """

    def __init__(
        self, vocoder: Vocoder, judges: Mapping[str, Transcriber], songs: Sequence[Recorded]
    ) -> None:
        self._vocoder, self._judges, self._songs = vocoder, judges, songs

    def vocode(self, made: Sequence[FloatND]) -> list[FloatND]:
        """Makes sound of each song's frames."""
        return [vocode_song(self._vocoder, frames) for frames in made]

    def f1(self, judge: str, sounds: Sequence[FloatND]) -> float:
        """Compares the notes that are heard with those that were to be played, all songs pooled."""
        rate = self._vocoder.spec.sample_rate
        heard = [self._judges[judge](audio, rate) for audio in sounds]
        return pooled([count_notes(s.notes, h) for s, h in zip(self._songs, heard)]).f1

    def fad(self, sounds: Sequence[FloatND]) -> float:
        """Measures the Frechet distance from the recordings, by log-mel statistics."""
        return frechet_distance(_gaussian(sounds), _gaussian([s.audio for s in self._songs])).value


def _gaussian(sounds: Sequence[FloatND]) -> Gaussian:
    embed = LogMelStatistics()
    return Gaussian.of(np.concatenate([embed(audio) for audio in sounds]))


@dataclass(frozen=True, eq=False)
class Recorded:
    """The beginning of a recording: its notes, their performance, its frames and their sound."""

    notes: Notes
    performance: int
    frames: FloatND
    audio: FloatND


def read_recorded(
    corpus: Path, model: bundles.Bundle, each: int, seconds: float, split: str = "validation"
) -> list[Recorded]:
    """Reads ``each`` recordings of every performance in a split."""
    spec = model.spec.mel
    songs = read_recordings(
        corpus, split, spec.sample_rate, seconds, len(model.performances), each, False
    )
    recorded = []
    for song in songs:
        notes = song.notes.cropped(0.0, seconds)
        if len(notes):
            audio = song.audio[: round(seconds * spec.sample_rate)].astype(np.float32) / 32768
            recorded.append(Recorded(notes, song.performance, log_mel(audio, spec), audio))
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


def picture(rows: Sequence[Row]) -> bytes:
    """Draws a PNG: what there is in ``rows`` against evaluations, a line for each sampler."""
    from matplotlib.figure import Figure

    panels = {"from_real": "from the real, nats", "from_finest": "from the finest, nats"}
    figure = Figure(figsize=(3.7 * len(panels), 3.4), layout="constrained")
    for axis, (name, title) in zip(figure.subplots(1, len(panels)), panels.items()):
        for sampler in SAMPLERS:
            own = sorted((r for r in rows if r.sampler == sampler), key=lambda r: r.evaluations)
            values = [getattr(row, name) for row in own]
            axis.plot([row.evaluations for row in own], values, "o-", ms=3, lw=1.2, label=sampler)
        for row in rows:
            if row.sampler == PRIOR:
                axis.axhline(getattr(row, name), color="black", ls=":", lw=1.2, label=PRIOR)
        axis.set_title(title, fontsize=10, loc="left")
        axis.set_xlabel("evaluations of the network")
        axis.set_xscale("log", base=2)
        # What lies above is of no use, and would press all else together.
        axis.set_ylim(0, 1.3)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    handles = figure.axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=4, fontsize=8)
    return png_of_few_colours(figure, colours=64)


def read_rows(path: Path) -> dict[tuple[str, int], Row]:
    """Reads what was measured before; of what was measured twice the last."""
    lines = path.read_text().splitlines() if path.exists() else []
    found = [Row(**json.loads(line)) for line in lines]
    return {(row.sampler, row.evaluations): row for row in found}


def kept(path: Path, make: Callable[[], list[FloatND]]) -> list[FloatND]:
    """Reads arrays that were made before, or makes and keeps them."""
    if not path.exists():
        np.savez(path, *make())
    with np.load(path) as file:
        return [file[name] for name in file.files]


def table(rows: Sequence[Row], finest: int, judges: Sequence[str]) -> str:
    """Writes the study in Markdown."""
    columns = ["sampler", "steps", "evaluations", "CPU s per s of audio", "from the real"]
    columns += [f"from {finest} steps", "FAD", *(f"note F1, {name}" for name in judges)]
    lines = [columns, ["---"] * len(columns), *(row.cells(judges) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=bundles.DEFAULT)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--each", type=int, default=2, help="recordings of a performance (2)")
    parser.add_argument("--songs", type=int, metavar="N", help="no more than so many in all")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each recording (10)")
    parser.add_argument("--start-time", type=float, help="of the steps (the model's)")
    parser.add_argument("--evaluations", type=int, nargs="+", default=EVALUATIONS, metavar="N")
    parser.add_argument("--finest", type=int, default=1000, help="steps of the finest (1000)")
    parser.add_argument("--samplers", nargs="+", default=[PRIOR, *SAMPLERS], metavar="NAME")
    heard = "transcribers whose note F1 is shown"
    parser.add_argument("--judges", nargs="*", default=[], metavar="NAME", help=heard)
    parser.add_argument("--out", type=Path, required=True, help="file of what is measured")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="to draw it as")
    args = parser.parse_args()
    model = bundles.load(args.bundle)
    synthesizer = Synthesizer(model.spec, model.params)
    songs = read_recorded(args.corpus, model, args.each, args.seconds)[: args.songs]
    if not songs:
        raise SystemExit(
            f"{args.corpus}: no recordings of {args.seconds} s in its validation split"
        )
    judges = {name: load_transcriber(name) for name in args.judges}
    ears = Ears(load(args.bundle).renderer().vocoder, judges, songs)
    base: SamplingOptions = {"tail": 2.5, "start_time": args.start_time}
    real = [song.frames for song in songs]
    seconds = sum(map(len, real)) / model.spec.mel.frame_rate
    options: SamplingOptions = {**base, "sampler": "ddim", "eta": 0.0, "steps": args.finest}
    finest = kept(
        args.out.with_suffix(f".{args.finest}.npz"),
        lambda: render(synthesizer, songs, sampling_config(model.spec, options)),
    )
    rows = read_rows(args.out)
    for name in args.samplers:
        for most in [0] if name == PRIOR else args.evaluations:
            steps = (most + 1) // 2 if name == "heun" else most
            evaluations = 2 * steps - 1 if name == "heun" else steps
            row = rows.get((name, evaluations))
            if row is not None and set(judges) <= set(row.f1):
                continue
            own: SamplingOptions = {**base, **SAMPLERS.get(name, {}), "steps": steps}
            config = sampling_config(model.spec, own)
            render(synthesizer, songs[:1], config)  # compiles
            began = time.process_time()
            made = render(synthesizer, songs, config)
            cpu = (time.process_time() - began) / seconds
            sounds = ears.vocode(made)
            if row is None:
                distances = mean_distance(made, real), mean_distance(made, finest)
                row = Row(name, steps, evaluations, cpu, *distances, ears.fad(sounds), {})
            missing = [judge for judge in judges if judge not in row.f1]
            row = replace(row, f1={**row.f1, **{j: ears.f1(j, sounds) for j in missing}})
            rows[name, evaluations] = row
            with args.out.open("a") as file:
                file.write(json.dumps(asdict(row)) + "\n")
    order = [PRIOR, *SAMPLERS]
    shown = sorted(rows.values(), key=lambda row: (order.index(row.sampler), row.evaluations))
    print(table(shown, args.finest, args.judges))
    sounds = ears.vocode(real)
    print(f"\nThe real frames, vocoded: FAD {ears.fad(sounds):.3f}", end="")
    print("".join(f", note F1 by {name} {ears.f1(name, sounds):.3f}" for name in judges))
    if args.picture is not None:
        args.picture.write_bytes(picture(shown))


if __name__ == "__main__":
    main()
