"""Take recordings to mel frames and back: how good a rendering can be at its best.

Whatever a model renders goes through the same vocoder, so nothing sounds better than this. IN is
audio of any format, rate and number of channels. A folder stands for the audio files in it; with a
folder or several files -o names a folder.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from mt3synth import __version__
from mt3synth.commands.shared import outputs, vocoder_options
from mt3synth.configuration import parse

if TYPE_CHECKING:
    from mt3synth.bundle import Bundle
    from mt3synth.vocoder.protocol import Vocoder

HELP = "take recordings to mel frames and back, to hear what a vocoder leaves of them"
_GIN = "gin_configs/infer/default.gin"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what to read, where to write, and which vocoder."""
    parser.add_argument("inputs", nargs="+", metavar="IN", help="audio file, or a folder")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT",
        help="OUT.wav (or .flac, .mp3, .ogg, .opus, .m4a), or a folder",
    )
    parser.add_argument(
        "--bundle", metavar="DIR", help="whose frames and vocoder (default: the default model's)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    vocoder_options.add_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Vocodes every file that can be; returns 2 if one could not."""
    from mt3synth.audio.files import SUFFIXES

    kind = outputs.Kind("audio files", SUFFIXES)
    jobs = outputs.plan_jobs(args.inputs, args.output, None, kind)
    return outputs.run_jobs(jobs, "vocode", args.overwrite, lambda: _prepare(args))


def _prepare(args: argparse.Namespace) -> Callable[[outputs.Job], None]:
    """Loads the vocoder; returns what takes one recording through it."""
    from mt3synth import bundle as bundles
    from mt3synth.commands.shared import compilation_cache

    compilation_cache.keep()
    parse.parse([_GIN, *(args.gin_file or [])], args.gin_bindings)
    bundle = bundles.load(args.bundle or bundles.DEFAULT)
    vocoder = vocoder_options.read(args, bundle)
    said: list[object] = []
    return lambda job: _vocode(job, bundle, vocoder, said)


def _vocode(job: outputs.Job, bundle: Bundle, vocoder: Vocoder, said: list[object]) -> None:
    """Takes one file to frames and back, as long afterwards as before.

    Of the first file that has less treble than the frames, ``said`` is told, and the user.
    """
    from mt3synth.audio.files import check_output, read_audio, write_audio
    from mt3synth.audio.level import LevelConfig, fit_level
    from mt3synth.audio.mel import log_mel
    from mt3synth.commands.shared.interrupts import Interrupts
    from mt3synth.commands.shared.saving import report_saved
    from mt3synth.vocoder.registry import describe

    rate = bundle.spec.mel.sample_rate
    metadata = {
        "software": f"mt3synth {__version__}",
        "bundle": bundle.hash,
        # A name that is not UTF-8 cannot go into the file's comment as it is.
        "recording": os.fsencode(job.source.name).decode(errors="replace"),
        **describe(vocoder),
    }
    check_output(job.audio, metadata)
    began = time.monotonic()
    if not said and (reason := _lacking_treble(job, bundle)):
        said.append(reason)
        print(f"mt3synth vocode: {reason}", file=sys.stderr, flush=True)
    audio = read_audio(job.source, rate)
    with Interrupts() as interrupts:
        # The last frame reaches past the end of the recording.
        made = vocoder(log_mel(audio, bundle.spec.mel))[: len(audio)]
        interrupts.check()
    # A limiter would be heard beside the vocoder, which is what is to be heard.
    fitted, level = fit_level(made, rate, LevelConfig(peaks="scale"))
    write_audio(job.audio, fitted, rate, {**metadata, **level.describe()})
    report_saved(job.audio, len(fitted) / rate, level.reports, began)


def _lacking_treble(job: outputs.Job, bundle: Bundle) -> str:
    """Says that a recording does not reach as high as the frames; "" if it does."""
    from mt3synth.audio.files import read_rate

    rate, high = read_rate(job.source), bundle.spec.mel.high_hz
    if rate / 2 >= high:
        return ""
    return (
        f"{job.source}: {rate} samples per second, and the frames reach to {high:g} Hz: above"
        f" {rate / 2:g} Hz there is nothing to hear; vocoded all the same"
    )
