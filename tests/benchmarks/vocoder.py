"""Measures how good and how fast vocoders are: ``python tests/benchmarks/vocoder.py --corpus DIR``.

Prints Markdown. Speed: seconds of audio per second of wall time, the first call (which compiles)
and the best of three later ones, and by how much ten minutes raise the process's peak of memory.
Quality: excerpts of the corpus's recordings, whose music no vocoder was trained on, and the same
notes by each --soundfont, which should not have been in the training either: distances from the
original, note F1 by each transcriber, Frechet distance, clicks and clipping. With --ensembles also
quartets of the split played by piano, strings, winds and a band with drums, a row each. Take two
cores by ``taskset -c 0,1``.

    python tests/benchmarks/vocoder.py --corpus data/corpus --soundfont OPL-3_FM_128M.sf2
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from vocoder_quality import (
    Recording,
    aims,
    corpus_recordings,
    ensemble_recordings,
    measure,
    merge,
    soundfont_recordings,
    table,
)

from mt3synth import bundle as bundles
from mt3synth.audio.mel import MelSpec, log_mel
from mt3synth.transcription.loading import find_installed, load_transcriber
from mt3synth.vocoder.protocol import Vocoder
from mt3synth.vocoder.registry import make_vocoder

SPEED_SECONDS = 60.0
MEMORY_SECONDS = 600.0
PARTS = ("speed", "quality")


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--corpus", type=Path, help="folder of `mt3synth prepare`, for quality")
    add("--split", default="test")
    add("--soundfont", type=Path, action="append", default=[], metavar="FILE")
    add("--bundle", type=Path, default=bundles.DEFAULT, help="whose frames and vocoder")
    add("--neural", metavar="DIR", help="folder of another trained vocoder")
    add("--soundstream", metavar="PLACE", help="folder or address of its SavedModel")
    add("--excerpts", type=int, default=24, help="of each kind of recording (24)")
    add("--seconds", type=float, default=10.0, help="length of an excerpt (10)")
    add("--embedding", default="log-mel", help="for the Frechet distance (log-mel)")
    add("--ensembles", type=int, default=0, help="excerpts, four of each quartet (0)")
    heard = "note F1 by these (those that are installed); none leaves it out"
    add("--transcriber", nargs="+", default=find_installed(), metavar="NAME", help=heard)
    add("--only", choices=PARTS, nargs="+", default=PARTS)
    options = parser.parse_args(argv)
    if "quality" in options.only and options.corpus is None:
        parser.error("quality needs --corpus")
    bundle = bundles.load(options.bundle)
    spec = bundle.spec.mel
    vocoders: dict[str, Vocoder] = {}
    if options.neural or bundle.vocoder:
        vocoders["neural"] = make_vocoder("neural", spec, bundle.vocoder, options.neural)
    vocoders["griffin-lim"] = make_vocoder("griffin-lim", spec, None)
    if options.soundstream:
        vocoders["soundstream"] = make_vocoder("soundstream", spec, None, options.soundstream)
    if "speed" in options.only:
        speed(vocoders, spec)
    if "quality" in options.only:
        quality(vocoders, spec, options)
    return 0


def speed(vocoders: dict[str, Vocoder], spec: MelSpec) -> None:
    """Prints how fast each vocoder is."""
    cores = len(os.sched_getaffinity(0))
    print(f"## Speed\n\n{SPEED_SECONDS:.0f} s of audio on {cores} cores, times real time.\n")
    print("| | first call | later | memory of 10 minutes |\n|---|---|---|---|", flush=True)
    frames = _noise_frames(SPEED_SECONDS, spec)
    for name, vocoder in vocoders.items():
        taken = []
        for _ in range(4):
            began = time.perf_counter()
            vocoder(frames)
            taken.append(time.perf_counter() - began)
        memory = _memory_growth(vocoder, spec)
        first, later = SPEED_SECONDS / taken[0], SPEED_SECONDS / min(taken[1:])
        print(f"| {name} | {first:.1f} | {later:.1f} | {memory / 2**20:.0f} MiB |", flush=True)
    print()


def quality(vocoders: dict[str, Vocoder], spec: MelSpec, options: argparse.Namespace) -> None:
    """Prints a table for each kind of recording, one of all, and how far the aims are reached."""
    from mt3synth.evaluation.embeddings import embedding

    embed = embedding(options.embedding)
    names = [name for name in options.transcriber if name != "none"]
    transcribers = {name: load_transcriber(name) for name in names}
    rate, seconds = spec.sample_rate, options.seconds
    recordings = list(
        corpus_recordings(options.corpus, options.split, rate, options.excerpts, seconds)
    )
    kinds: dict[str, list[Recording]] = {f"{options.split} split": recordings} if recordings else {}
    if options.ensembles:
        made = ensemble_recordings(options.corpus, rate, options.ensembles, seconds)
        kinds["ensembles"] = list(made)
    for soundfont in options.soundfont:
        kinds[soundfont.name] = list(soundfont_recordings(recordings, soundfont, rate, seconds))
    print(
        f"## Quality\n\nExcerpts of {seconds:g} s. Log-mel L1 in nats, over frames within 60 dB of "
        f"the loudest; FAD by the embedding {embed.name}.\n"
    )
    parts = []
    for title, chosen in kinds.items():
        parts.append(measure(chosen, vocoders, spec, embed, transcribers, _sayer(title)))
        print(table(f"{title}, {len(chosen)} excerpts", parts[-1]), flush=True)
    everything = merge(parts)
    if len(parts) > 1:
        print(table("All", everything))
    for name in vocoders:
        if name != "griffin-lim":
            print(aims(everything, name, "griffin-lim"))


def _noise_frames(seconds: float, spec: MelSpec) -> np.ndarray:
    noise = np.random.default_rng(0).normal(scale=0.1, size=round(seconds * spec.sample_rate))
    return log_mel(noise.astype(np.float32), spec)


def _memory_growth(vocoder: Vocoder, spec: MelSpec) -> float:
    """Bytes by which the peak of memory rises with ten minutes, after one; the frames not counted.

    The audio itself is 37 MiB of it.
    """
    frames = _noise_frames(MEMORY_SECONDS, spec)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    vocoder(frames)
    return 1024.0 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def _sayer(title: str):
    return lambda line: print(f"{title}: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
