"""Render MIDI files and scores: IN.mid becomes IN.wav in the current folder, or what -o says.

Scores are MusicXML (.musicxml, .mxl, .xml), kern (.krn) or ABC (.abc); docs/scores.md says how they
are played. A folder stands for the MIDI files and scores in it, - for standard input. With a folder
or several files -o names a folder.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mt3synth.commands.shared import level_options, outputs, sampling_options, vocoder_options
from mt3synth.configuration import parse
from mt3synth.errors import UserError
from mt3synth.times import read_region

if TYPE_CHECKING:
    from mt3synth.renderer import Renderer
    from mt3synth.score import Score

HELP = "render MIDI files to audio"
DEFAULT_GIN = "gin_configs/infer/default.gin"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options; those on sampling and on the vocoder are shared with other commands."""
    parser.add_argument("inputs", nargs="+", metavar="IN.mid", help="MIDI file, score, folder or -")
    parser.add_argument(
        *("-o", "--output"),
        metavar="OUT",
        help="OUT.wav (or .flac, .mp3, .ogg, .opus, .m4a), or a folder (default: .)",
    )
    parser.add_argument(
        "--format",
        choices=("wav", "flac", "mp3", "ogg", "opus", "m4a"),
        default="wav",
        help="of files that -o does not name (wav)",
    )
    parser.add_argument(
        "--stream",
        metavar="-",
        help="write WAV to standard output while it is made, for a player; no file",
    )
    parser.add_argument(
        "--raw",
        action="store_true",
        help="with --stream: 16-bit samples without a header, mono, lower byte first",
    )
    parser.add_argument(
        "--performance",
        metavar="NAME",
        help="whose sound; `mt3synth performances` lists them. a*0.7+b*0.3 blends, a@0:00,b@1:30 "
        "changes, violin=a,piano=b has one for each instrument, rendered one by one",
    )
    parser.add_argument("--bundle", metavar="DIR", help="a model other than the default one")
    parser.add_argument("--save-mel", metavar="OUT.npy", help="also keep the log-mel frames [T, M]")
    parser.add_argument("--stereo", action="store_true", help="two channels, parts in their place")
    parser.add_argument("--tuning", metavar="SCALE.scl", help="Scala file that tunes the keys")
    parser.add_argument(
        "--keyboard-map", metavar="MAP.kbm", help="which key plays which degree of it, how high"
    )
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="from this second on")
    parser.add_argument("--end", type=float, default=math.inf, metavar="S", help="to this second")
    parser.add_argument(
        "--expression",
        type=float,
        metavar="E",
        help="how far players go beyond a score in notation, 0 (to the letter) to 1 (default: what "
        "the performance carries, 0 if nothing is said)",
    )
    parser.add_argument(
        "--fold", action="store_true", help="move notes outside A0 to C8 into it by octaves"
    )
    parser.add_argument(
        "--tempo", type=float, default=1.0, metavar="X", help="times as fast as written (1)"
    )
    parser.add_argument(
        "--transpose", type=int, default=0, metavar="N", help="semitones up, or down if negative"
    )
    parser.add_argument(
        "--stems", action="store_true", help="also OUT.PART.wav of each part, which add up to OUT"
    )
    parser.add_argument(
        "--practice", metavar="PART", help="this part soft, all others as they are, to play along"
    )
    parser.add_argument(
        "--variations",
        type=int,
        default=1,
        metavar="N",
        help="of each song: OUT.1.wav to OUT.N.wav, with seeds from --seed on",
    )
    parser.add_argument(
        "--sidecar", action="store_true", help="also OUT.sidecar.npz, which --since needs"
    )
    parser.add_argument(
        "--since",
        metavar="V1.wav",
        help="render again only what changed since that rendering; all else stays to the last bit",
    )
    parser.add_argument(
        "--region", metavar="A-B", help="with --since: this passage instead, such as 0:20-0:28"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="after an interruption: keep the songs that are there whole, and render the others",
    )
    level_options.add_arguments(parser)
    sampling_options.add_arguments(parser)
    vocoder_options.add_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Renders every file that can be; returns 2 if one could not."""
    if args.raw and args.stream is None:
        raise UserError("--raw goes with --stream -")
    if args.stream is not None:
        return _stream(args)
    if args.variations < 1:
        raise UserError(f"--variations {args.variations}; must be at least 1")
    if args.region is not None:
        if args.since is None:
            raise UserError("--region goes with --since V1.wav, the rendering of which it is")
        args.region = read_region(args.region)
    jobs = outputs.plan_jobs(args.inputs, args.output, args.save_mel, suffix=f".{args.format}")
    if args.variations > 1:
        if any(str(job.source) in ("-", "/dev/stdin") for job in jobs):
            raise UserError("--variations reads a song several times; name a file instead of -")
        jobs = outputs.vary(jobs, args.variations)
    is_whole = None
    if args.resume:
        from mt3synth.commands.synthesize.render_job import is_whole as is_rendered

        sidecar = args.sidecar or args.since is not None
        is_whole = partial(is_rendered, sidecar=sidecar)
    return outputs.run_jobs(jobs, "synthesize", args.overwrite, lambda: _prepare(args), is_whole)


def _stream(args: argparse.Namespace) -> int:
    """Renders one song to standard output."""
    if args.stream != "-":
        raise UserError(f"--stream {args.stream}; must be -, standard output (-o names a file)")
    if sys.stdout is None:
        raise UserError("--stream - has no standard output to write to; pipe it into a player")
    if sys.stdout.isatty():
        raise UserError("--stream - would fill the terminal; pipe it into a player: | aplay")
    if args.output is not None or args.save_mel is not None:
        raise UserError("--stream writes no files; leave out -o and --save-mel")
    if args.stereo or args.tuning is not None or args.keyboard_map is not None:
        left_out = "--stereo, --tuning and --keyboard-map"
        raise UserError(f"--stream is mono and tunes nothing; leave out {left_out}")
    if args.sidecar or args.since is not None or args.region is not None:
        raise UserError("--stream renders a whole song; leave out --sidecar, --since and --region")
    if args.stems or args.practice is not None or args.variations != 1:
        left_out = "--stems, --practice and --variations"
        raise UserError(f"--stream is of the whole song, once; leave out {left_out}")
    if len(args.inputs) > 1 or Path(args.inputs[0]).is_dir():
        raise UserError("--stream renders a single song; name one MIDI file, or -")
    from mt3synth.commands.synthesize.stream_job import stream

    read, renderer = _load(args)
    stream(args.inputs[0], read, renderer, args.raw)
    return 0


def _prepare(args: argparse.Namespace) -> Callable[[outputs.Job], None]:
    """Loads the model; returns what renders one song with it."""
    from mt3synth.commands.synthesize.render_job import Again, render
    from mt3synth.earlier import read_earlier

    read, renderer = _load(args)
    # Before the first of several songs is rendered, not before the second.
    renderer.varied(args.variations - 1)
    earlier = None if args.since is None else read_earlier(args.since)
    again = Again(args.sidecar or earlier is not None, earlier, args.region)
    # What a killed process has left of a song may go; only whole ones are kept.
    overwrite = args.overwrite or args.resume
    return lambda job: render(job, read, renderer, overwrite, again)


def _load(args: argparse.Namespace) -> tuple[Callable[[str | Path], Score], Renderer]:
    """Reads the options that all songs share, and loads the model.

    Returns:
      What reads a song's score, and what renders it.
    """
    import mt3synth
    from mt3synth.commands.shared import compilation_cache
    from mt3synth.score import Span, read_score

    # Before the model is loaded, for which what is wrong here need not wait.
    span, level = Span(args.start, args.end), level_options.read(args)
    compilation_cache.keep()
    parse.parse([DEFAULT_GIN, *(args.gin_file or [])], args.gin_bindings)
    model = mt3synth.load(args.bundle)
    renderer = model.renderer(
        args.performance,
        stems=args.stems,
        practice=args.practice,
        stereo=args.stereo,
        vocoder=vocoder_options.read(args, model.bundle),
        config=sampling_options.read(args, model.spec),
        level=level,
    )
    options = (args.tuning, args.expression, args.fold, args.keyboard_map)
    changes = (args.tempo, args.transpose, renderer.expression)

    def read(source: str | Path) -> Score:
        return read_score(source, span, model.spec, *options, *changes)

    return read, renderer
